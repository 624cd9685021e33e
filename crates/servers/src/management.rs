//! What tests ask of a broker besides messages, over `RabbitMQ`'s HTTP API: virtual hosts, so that
//! each test has one of its own, and users who may do less than everything there.

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use crate::{Error, random};

/// How long one request may take.
const ASKED: Duration = Duration::from_secs(30);

/// A `RabbitMQ` server that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    url: String,
    api: Option<String>,
}

/// What a user may do in a virtual host: bodies of requests, as the API has them.
#[derive(Clone, Copy, Debug)]
pub struct Rights<'a> {
    /// Over names of exchanges and queues.
    pub names: &'a str,
    /// Over routing keys of a topic exchange.
    pub topics: &'a str,
}

impl Broker {
    pub(crate) fn new(url: String, api: Option<String>) -> Self {
        Self { url, api }
    }

    /// Where it listens, with name, password and virtual host.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its HTTP API, with name and password, where that is known.
    pub fn api_url(&self) -> Option<&str> {
        self.api.as_deref()
    }

    /// Makes a virtual host, or finds it made. Answers its URL.
    pub fn vhost(&self, name: &str) -> Result<String, Error> {
        let (user, _) = self.credentials()?;
        let escaped = escape(name);
        self.ask("PUT", &format!("/api/vhosts/{escaped}"), "{}")?;
        let all = r#"{"configure":".*","write":".*","read":".*"}"#;
        self.ask("PUT", &format!("/api/permissions/{escaped}/{user}"), all)?;
        let end = authority_end(&self.url);
        Ok(format!("{}/{escaped}", &self.url[..end]))
    }

    /// Removes a virtual host with all that is in it.
    pub fn drop_vhost(&self, name: &str) -> Result<(), Error> {
        self.ask("DELETE", &format!("/api/vhosts/{}", escape(name)), "").map(drop)
    }

    /// Makes a user with these rights in a virtual host that is there. Answers the host's URL with
    /// the user's login.
    pub fn user(&self, vhost: &str, name: &str, rights: Rights<'_>) -> Result<String, Error> {
        let (user, host) = (escape(name), escape(vhost));
        let password = random::word::<12>()?;
        let body = format!(r#"{{"password":"{password}","tags":""}}"#);
        self.ask("PUT", &format!("/api/users/{user}"), &body)?;
        self.ask("PUT", &format!("/api/permissions/{host}/{user}"), rights.names)?;
        self.ask("PUT", &format!("/api/topic-permissions/{host}/{user}"), rights.topics)?;
        let address = self.url[..authority_end(&self.url)].rsplit(['@', '/']).next();
        Ok(format!("amqp://{user}:{password}@{}/{host}", address.unwrap_or_default()))
    }

    /// Removes a user.
    pub fn drop_user(&self, name: &str) -> Result<(), Error> {
        self.ask("DELETE", &format!("/api/users/{}", escape(name)), "").map(drop)
    }

    /// Whether the API serves.
    pub(crate) fn answers(&self) -> bool {
        self.ask("GET", "/api/whoami", "").is_ok()
    }

    fn api(&self) -> Result<&str, Error> {
        let unknown = || Error::failed("where the broker's HTTP API listens is not known");
        self.api.as_deref().and_then(|url| url.strip_prefix("http://")).ok_or_else(unknown)
    }

    fn credentials(&self) -> Result<(&str, &str), Error> {
        let (credentials, address) = self.api()?.rsplit_once('@').unwrap_or_default();
        let (user, _) = credentials.split_once(':').unwrap_or_default();
        if user.is_empty() || address.is_empty() {
            return Err(Error::failed("the URL of the broker's HTTP API lacks name or password"));
        }
        Ok((user, credentials))
    }

    /// Makes a request; anything but success is an error. Answers the body.
    fn ask(&self, method: &str, path: &str, body: &str) -> Result<String, Error> {
        let (_, credentials) = self.credentials()?;
        let address = self.api()?.rsplit('@').next().unwrap_or_default().trim_end_matches('/');
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             authorization: Basic {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            base64(credentials.as_bytes()),
            body.len()
        );
        let failed = |what: String| Error::failed(format!("{method} {path}: {what}"));
        let exchange = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(address)?;
            stream.set_read_timeout(Some(ASKED))?;
            stream.write_all(request.as_bytes())?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer)?;
            Ok(String::from_utf8_lossy(&answer).into_owned())
        };
        let answer = exchange().map_err(|error| failed(error.to_string()))?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).unwrap_or_default();
        if status.starts_with('2') {
            Ok(body.to_owned())
        } else {
            Err(failed(format!("{} {body}", head.lines().next().unwrap_or_default())))
        }
    }
}

/// Where a URL's path begins.
fn authority_end(url: &str) -> usize {
    let after = url.find("://").map_or(0, |at| at + 3);
    url[after..].find('/').map_or(url.len(), |at| after + at)
}

fn escape(name: &str) -> String {
    let mut escaped = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}"); // a String takes everything
        }
    }
    escaped
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            let filled = digit <= chunk.len();
            text.push(if filled { char::from(DIGITS[value as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("fooba", "Zm9vYmE=")];
        for (text, expected) in cases {
            assert_eq!(base64(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn a_virtual_host_takes_the_place_of_the_path() {
        for url in ["amqp://u:p@h:1/old", "amqp://u:p@h:1"] {
            assert_eq!(&url[..authority_end(url)], "amqp://u:p@h:1");
        }
        assert_eq!(escape("a/b c-1"), "a%2Fb%20c-1");
    }
}

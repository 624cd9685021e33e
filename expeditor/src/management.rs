//! RabbitMQ's management API, as far as it is needed: over TLS with verification, or on this machine
//! in the clear.

use std::{fmt::Display, io, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode, header},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use reqwest::Url;
use runtime::{ports::Ports, tls};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};

use crate::{exit::Failure, provision::places::plain};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest answer that is read. Lists of what is in a virtual host take some kilobytes.
const LONGEST: usize = 16 << 20;

/// In the URL, as in the broker's: names the file with the CAs that are trusted instead of the
/// system's.
const CA_FILE: &str = "cacertfile";
/// With `disable`, the administrator's password may be read on its way.
const TLS: &str = "tls";

/// The API, with an administrator's login.
pub struct Management {
    /// Without login and query.
    url: Url,
    host: String,
    port: u16,
    user: String,
    password: String,
    tls: Option<Arc<ClientConfig>>,
    ports: Ports,
}

impl Management {
    /// Reads the URL that `--amqp-api-url` gives. The login stands in it, or else in the broker's.
    /// Asks nothing yet.
    pub fn new(text: &str, amqp: &Url, ports: &Ports) -> Result<Self, Failure> {
        let (mut url, host) = Url::parse(text)
            .ok()
            .filter(|url| ["http", "https"].contains(&url.scheme()))
            .and_then(|url| Some((url.clone(), host(&url)?)))
            .ok_or_else(|| {
                usage("wants the management API's URL, such as https://mq.example:15671")
            })?;
        let Query { ca_file, plain: in_the_clear } = Query::read(&url)?;
        let tls = if url.scheme() == "https" {
            if in_the_clear {
                return Err(usage(format_args!("https:// is not with {TLS}=disable")));
            }
            let config = tls::client(ca_file.as_deref());
            Some(config.map_err(|why| {
                Failure::Environment(format!("RabbitMQ's API at {host}: TLS: {why}"))
            })?)
        } else {
            if ca_file.is_some() {
                return Err(usage(format_args!("{CA_FILE} is for https://, and this is http://")));
            }
            if !tls::is_loopback(&host) && !in_the_clear {
                return Err(usage(format_args!(
                    "{host} is another machine, and http:// is without TLS: use https://, or say \
                     {TLS}=disable after ? in the URL"
                )));
            }
            None
        };
        let login = if url.username().is_empty() { amqp } else { &url };
        let user = plain(login.username());
        let password = plain(login.password().unwrap_or_default());
        // Refused where there is no host only, and there is one.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        url.set_query(None);
        url.set_fragment(None);
        let port = url.port_or_known_default().unwrap_or(80);
        Ok(Self { url, host, port, user, password, tls, ports: ports.clone() })
    }

    /// What is there; none if nothing is.
    pub async fn find<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Option<T>, Failure> {
        let Some((what, answer)) = self.ask(&Method::GET, path, None).await? else {
            return Ok(None);
        };
        serde_json::from_slice(&answer).map(Some).map_err(|error| {
            self.told(format_args!("what it answers to {what} cannot be read: {error}"))
        })
    }

    /// A list of what is there.
    pub async fn list<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Vec<T>, Failure> {
        Ok(self.find(path).await?.unwrap_or_default())
    }

    /// Makes it so.
    pub async fn put(&self, path: &[&str], body: &Value) -> Result<(), Failure> {
        match self.ask(&Method::PUT, path, Some(body)).await? {
            Some(_) => Ok(()),
            None => Err(self.told(format_args!("it knows no {}", self.within(path).path()))),
        }
    }

    /// Takes it away. What is not there is no error.
    pub async fn delete(&self, path: &[&str]) -> Result<(), Failure> {
        self.ask(&Method::DELETE, path, None).await.map(drop)
    }

    /// A failure that names the API.
    pub fn told(&self, why: impl Display) -> Failure {
        let url = self.url.as_str().trim_end_matches('/');
        Failure::Environment(format!("RabbitMQ's API at {url}: {why}"))
    }

    fn within(&self, path: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("api").extend(path);
        }
        url
    }

    /// What was asked and what is answered; none where it is not there.
    async fn ask(
        &self,
        method: &Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Option<(String, Bytes)>, Failure> {
        let url = self.within(path);
        let what = format!("{method} {}", url.path());
        let login = STANDARD.encode(format!("{}:{}", self.user, self.password));
        let request = Request::builder()
            .method(method)
            .uri(url.path())
            .header(header::HOST, &url[url::Position::BeforeHost..url::Position::AfterPort])
            .header(header::AUTHORIZATION, format!("Basic {login}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .map_err(|error| self.told(error))?;
        let (status, answer) = tokio::select! {
            answered = self.send(request) => answered.map_err(|error| match tls::reason(&error) {
                Some(why) => self.told(format_args!("TLS: {why}")),
                None => self.told(format_args!("it does not answer: {error}")),
            })?,
            () = self.ports.clock.sleep(PATIENCE) => {
                let patience = PATIENCE.as_secs();
                return Err(self.told(format_args!("it does not answer within {patience} s")));
            }
        };
        match status {
            _ if status.is_success() => Ok(Some((what, answer))),
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::UNAUTHORIZED => {
                Err(self.told(format_args!("it refuses the login of {} (401)", self.user)))
            }
            _ => Err(self.told(format_args!("it answers {status} to {what}"))),
        }
    }

    /// A connection for each request: there are few.
    async fn send(&self, request: Request<Body>) -> io::Result<(StatusCode, Bytes)> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        match &self.tls {
            None => exchange(stream, request).await,
            Some(config) => {
                let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
                let connector = TlsConnector::from(Arc::clone(config));
                exchange(connector.connect(name, stream).await?, request).await
            }
        }
    }
}

/// What stands after `?`.
#[derive(Default)]
struct Query {
    ca_file: Option<PathBuf>,
    plain: bool,
}

impl Query {
    fn read(url: &Url) -> Result<Self, Failure> {
        let mut read = Self::default();
        for (name, value) in url.query_pairs() {
            match (&*name, &*value) {
                (CA_FILE, file) => read.ca_file = Some(PathBuf::from(file)),
                (TLS, "disable") => read.plain = true,
                _ => {
                    return Err(usage(format_args!(
                        "after ? knows {CA_FILE}=FILE and {TLS}=disable, and nothing else"
                    )));
                }
            }
        }
        Ok(read)
    }
}

/// The host's name or address, without brackets.
fn host(url: &Url) -> Option<String> {
    Some(match url.host()? {
        url::Host::Domain(name) => name.to_owned(),
        url::Host::Ipv4(address) => address.to_string(),
        url::Host::Ipv6(address) => address.to_string(),
    })
}

fn usage(why: impl Display) -> Failure {
    Failure::Usage(format!("--amqp-api-url: {why}"))
}

/// Asks over a stream, and reads the answer to its end.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Body>,
) -> io::Result<(StatusCode, Bytes)> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let asked = async move {
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let status = response.status();
        let answer = to_bytes(Body::new(response.into_body()), LONGEST).await;
        Ok((status, answer.map_err(io::Error::other)?))
    };
    // What goes wrong with the connection is told to who asks over it.
    let (_, answer) = tokio::join!(connection, asked);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Management, Failure> {
        let amqp = Url::parse("amqps://admin:hid%2Fden@mq.example").unwrap();
        Management::new(text, &amqp, &Ports::system())
    }

    #[test]
    fn a_password_goes_by_tls_or_stays_on_this_machine_or_the_url_says_so() {
        for url in [
            "http://127.0.0.1:15672",
            "http://[::1]:15672/",
            "http://localhost:15672",
            "http://mq.example:15672?tls=disable",
        ] {
            let api = read(url).unwrap();
            assert!(api.tls.is_none(), "{url}");
            assert_eq!((api.user.as_str(), api.password.as_str()), ("admin", "hid/den"));
            assert!(!api.told("").to_string().contains('?'));
        }
        for (url, says) in [
            ("http://mq.example:15672", "is another machine"),
            ("http://u:hidden@10.0.0.1:15672", "is another machine"),
            ("https://u:hidden@mq.example?tls=disable", "not with tls=disable"),
            ("https://u:hidden@mq.example?verify=hidden", "nothing else"),
            ("http://u:hidden@localhost?cacertfile=/x", "is for https"),
            ("ftp://u:hidden@localhost", "https://mq.example:15671"),
            ("hidden", "https://mq.example:15671"),
        ] {
            let failure = read(url).err().unwrap();
            let told = failure.to_string();
            assert_eq!(failure.status(), 2, "{told}");
            assert!(told.contains("--amqp-api-url") && told.contains(says), "{told}");
            assert!(!told.contains("hidden"), "{told}");
        }
        let failure = read("https://u:hidden@mq.example?cacertfile=/nowhere/ca.crt").err().unwrap();
        assert_eq!(failure.status(), 3);
        assert!(failure.to_string().contains("/nowhere/ca.crt: No such file"), "{failure}");
    }

    #[test]
    fn a_login_of_its_own_goes_before_the_brokers() {
        let api = read("http://root:s%40@localhost:1/under?tls=disable").unwrap();
        assert_eq!((api.user.as_str(), api.password.as_str()), ("root", "s@"));
        let path = api.within(&["vhosts", "a/b"]);
        assert_eq!(path.as_str(), "http://localhost:1/under/api/vhosts/a%2Fb");
    }
}

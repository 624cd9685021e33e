//! Where a webhook's URL leads: over TLS with verification, or on this machine in the clear. Messages
//! say who ordered what and where it goes.

use std::{path::Path, sync::Arc};

use runtime::tls;
use tokio_rustls::rustls::ClientConfig;
use url::{Host, Position, Url};

use super::{Trust, WebhookError};

/// A URL, taken apart.
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    /// Host and port, as the header has them.
    pub(super) authority: String,
    /// Path and query.
    pub(super) path: String,
    pub(super) trust: Trust,
}

impl Target {
    /// Reads a URL. What is wrong is not repeated: a URL may have a password in it.
    pub(super) fn read(text: &str, ca_file: Option<&Path>) -> Result<Self, WebhookError> {
        let wanted = || usage("a URL is wanted such as https://messages.example/send");
        let url = Url::parse(text).map_err(|_| wanted())?;
        let host = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err(wanted()),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(usage("no login belongs into the URL: requests are signed"));
        }
        let trust = match url.scheme() {
            "https" => Some(trusted(ca_file)?),
            "http" if ca_file.is_some() => {
                return Err(usage("a CA file is for https://, and this is http://"));
            }
            "http" if !tls::is_loopback(&host) => {
                return Err(usage(&format!(
                    "{host} is another machine, and http:// is without TLS: use https://"
                )));
            }
            "http" => None,
            _ => return Err(wanted()),
        };
        Ok(Self {
            port: url.port_or_known_default().unwrap_or(443),
            authority: url[Position::BeforeHost..Position::AfterPort].to_owned(),
            path: url[Position::BeforePath..Position::AfterQuery].to_owned(),
            host,
            trust,
        })
    }

    /// The host's name or address.
    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

fn trusted(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, WebhookError> {
    tls::client(ca_file).map_err(WebhookError::Environment)
}

fn usage(why: &str) -> WebhookError {
    WebhookError::Usage(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_https_or_on_this_machine() {
        for (text, host, port, path) in [
            ("http://127.0.0.1:9/send", "127.0.0.1", 9, "/send"),
            ("http://localhost", "localhost", 80, "/"),
            ("http://[::1]:9/a?b=c#d", "::1", 9, "/a?b=c"),
        ] {
            let target = Target::read(text, None).unwrap();
            assert!(target.trust.is_none());
            assert_eq!((target.host(), target.port, &*target.path), (host, port, path), "{text}");
        }
        let authority = servers::Authority::new().unwrap();
        let target = Target::read("https://m.example/hidden", Some(&authority.ca_file())).unwrap();
        assert!(target.trust.is_some());
        assert_eq!((target.port, &*target.authority), (443, "m.example"));
    }

    #[test]
    fn what_cannot_be_used_is_told_without_its_secrets() {
        let none = Path::new("/nowhere/ca.pem");
        for (text, ca_file, says) in [
            ("http://m.example/hidden", None, "is another machine"),
            ("https://u:hidden@m.example", None, "no login"),
            ("http://hidden@127.0.0.1", None, "no login"),
            ("ftp://m.example/hidden", None, "a URL is wanted"),
            ("hidden", None, "a URL is wanted"),
            ("http://127.0.0.1/hidden", Some(none), "is for https"),
            ("https://m.example/hidden", Some(none), "/nowhere/ca.pem: No such file"),
        ] {
            let told = Target::read(text, ca_file).err().unwrap().to_string();
            assert!(told.contains(says) && !told.contains("hidden"), "{told}");
        }
    }
}

//! Where the broker is and as whom to connect, as its URL says; and whether by TLS.

use std::{fmt, path::PathBuf};

use lapin::uri::{AMQPScheme, AMQPUri};
use url::{Host, Url};

use crate::{broker::rabbitmq::StartError, tls};

/// Names the file with the CAs that are trusted instead of the system's.
const CA_FILE: &str = "cacertfile";
/// With `disable`, a connection to another machine does without TLS.
const TLS: &str = "tls";
/// What `lapin` reads.
const KNOWN: [&str; 5] =
    ["frame_max", "channel_max", "heartbeat", "connection_timeout", "auth_mechanism"];

/// A URL that was read. Shows no password.
pub(super) struct Address {
    pub(super) uri: AMQPUri,
    /// Trusted instead of the system's CAs.
    pub(super) ca_file: Option<PathBuf>,
}

impl Address {
    /// Reads `amqp://` and `amqps://` URLs. What does not say clearly where to connect, or is in
    /// the clear beyond this machine without saying so, is refused.
    pub(super) fn read(text: &str) -> Result<Self, StartError> {
        let refused = |why: String| Err(StartError::Url(why));
        // No error here repeats the URL or a part of it that may be a password.
        let mut url = match Url::parse(text) {
            Ok(url) => url,
            Err(error) => return refused(error.to_string()),
        };
        if !["amqp", "amqps"].contains(&url.scheme()) || url.cannot_be_a_base() {
            return refused("it is amqp://user:password@host/vhost, or amqps://…".to_owned());
        }
        let mut ca_file = None;
        let mut plain = false;
        let mut kept = Vec::new();
        for (name, value) in url.query_pairs() {
            match &*name {
                CA_FILE => ca_file = Some(PathBuf::from(&*value)),
                TLS if value == "disable" => plain = true,
                TLS => {
                    return refused(format!(
                        "it says {TLS}=…, where only {TLS}=disable is known; amqps:// is with TLS"
                    ));
                }
                known if KNOWN.contains(&known) => {
                    kept.push((name.into_owned(), value.into_owned()));
                }
                // One that other clients know (`verify`, `certfile`) and that would be without
                // effect here.
                _ => {
                    return refused(format!(
                        "what it says after ? is not known here; known are {CA_FILE}, {TLS}, {}",
                        KNOWN.join(", ")
                    ));
                }
            }
        }
        url.set_query(None);
        if !kept.is_empty() {
            url.query_pairs_mut().extend_pairs(kept);
        }
        let mut uri: AMQPUri = match url.as_str().parse() {
            Ok(uri) => uri,
            Err(why) => return refused(why),
        };
        // `lapin` takes addresses in brackets for no host at all, which is `localhost` to it.
        match url.host() {
            Some(Host::Ipv4(address)) => uri.authority.host = address.to_string(),
            Some(Host::Ipv6(address)) => uri.authority.host = address.to_string(),
            Some(Host::Domain(_)) => {}
            None => return refused("it names no host".to_owned()),
        }
        let address = Self { uri, ca_file };
        match address.uri.scheme {
            AMQPScheme::AMQPS if plain => refused(format!("amqps:// is not with {TLS}=disable")),
            AMQPScheme::AMQP if address.ca_file.is_some() => {
                refused(format!("{CA_FILE} is for amqps://, and this is amqp://"))
            }
            AMQPScheme::AMQP if address.is_plain_beyond_this_machine() && !plain => {
                refused(format!(
                    "{address} is another machine, and amqp:// is without TLS: use amqps://, or \
                     say {TLS}=disable after ? in the URL"
                ))
            }
            AMQPScheme::AMQP | AMQPScheme::AMQPS => Ok(address),
        }
    }

    /// Whether passwords and messages can be read on their way.
    pub(super) fn is_plain_beyond_this_machine(&self) -> bool {
        self.uri.scheme == AMQPScheme::AMQP && !tls::is_loopback(&self.uri.authority.host)
    }
}

/// The broker and its virtual host, for people: `orders at mq.example:5671`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = (&self.uri.authority.host, self.uri.authority.port);
        let vhost = &self.uri.vhost;
        if host.contains(':') {
            write!(f, "{vhost} at [{host}]:{port}")
        } else {
            write!(f, "{vhost} at {host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn told(url: &str) -> String {
        match Address::read(url) {
            Ok(address) => format!("{} {address}", address.uri.scheme),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_connection_is_in_the_clear_on_this_machine_or_where_the_url_says_so() {
        for (url, expected) in [
            ("amqp://u:p@localhost/v", "amqp v at localhost:5672"),
            ("amqp://u:p@127.0.0.1:9/v", "amqp v at 127.0.0.1:9"),
            ("amqp://u:p@[::1]/v", "amqp v at [::1]:5672"),
            ("amqps://u:p@localhost/v", "amqps v at localhost:5671"),
            ("amqps://u:p@mq.example/v", "amqps v at mq.example:5671"),
            ("amqps://u:p@[2001:db8::1]/v", "amqps v at [2001:db8::1]:5671"),
            ("amqp://u:p@mq.example/v?tls=disable", "amqp v at mq.example:5672"),
            ("amqp://u:p@[2001:db8::1]/v?tls=disable", "amqp v at [2001:db8::1]:5672"),
        ] {
            assert_eq!(told(url), expected, "{url}");
        }
        for url in ["amqp://u:hidden@mq.example/v", "amqp://u:hidden@[2001:db8::1]/v"] {
            let told = told(url);
            assert!(told.contains("is another machine") && !told.contains("hidden"), "{told}");
        }
    }

    #[test]
    fn a_url_that_is_not_understood_is_refused_and_not_repeated() {
        for (url, expected) in [
            ("", "relative URL"),
            ("mq.example", "relative URL"),
            ("amqp:user:hidden@h", "it is amqp://"),
            ("http://user:hidden@h", "it is amqp://"),
            ("amqp://user:hidden@h:port/v", "port"),
            ("amqp:///v", "no host"),
            ("amqp://user:hidden@[::1/v", "IPv6"),
            ("amqps://user:hidden@h/v?verify=hidden", "not known here"),
            ("amqps://user:hidden@h/v?tls=disable", "not with tls=disable"),
            ("amqps://user:hidden@h/v?tls=hidden", "only tls=disable"),
            ("amqp://user:hidden@localhost/v?cacertfile=x", "is for amqps"),
            ("amqp://user:hidden@localhost/v?heartbeat=hidden", "invalid digit"),
        ] {
            let told = told(url);
            assert!(told.contains(expected), "{url}: {told}");
            assert!(!told.contains("hidden") && told.lines().count() == 1, "{told}");
        }
    }

    #[test]
    fn what_is_not_for_the_broker_is_taken_from_the_url() {
        let url = "amqps://u%40:p%2F@h/v%2F?cacertfile=%2Fa%20b&heartbeat=3";
        let Address { uri, ca_file } = Address::read(url).unwrap();
        assert_eq!(ca_file.as_deref(), Some(Path::new("/a b")));
        assert_eq!((uri.query.heartbeat, uri.vhost.as_str()), (Some(3), "v/"));
        assert_eq!(uri.authority.userinfo.username, "u@");
        assert_eq!(uri.authority.userinfo.password, "p/");
    }
}

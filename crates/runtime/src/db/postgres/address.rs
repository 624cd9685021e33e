//! Where a database on a server is and as whom to connect, as its URL says; and whether by TLS.

use std::{fmt, path::PathBuf, str::FromStr};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use crate::{db::DbError, tls};

/// A URL that was read.
#[derive(Clone)]
pub(super) struct Address {
    /// Of `disable` and `verify-full`, the mode that was said or follows from the host; never what
    /// the environment says (`PGSSLMODE`, `PGSSLROOTCERT`).
    options: PgConnectOptions,
    /// Trusted, and nobody else.
    ca_file: Option<PathBuf>,
    plain: bool,
}

impl Address {
    /// Reads `postgres://` URLs. A mode that does not verify the server is refused.
    pub(super) fn read(text: &str) -> Result<Self, DbError> {
        let refused = |why: String| Err(DbError::Address(why));
        // No error here repeats the URL or a part of it that may be a password.
        let url = match Url::parse(text) {
            Ok(url) => url,
            Err(error) => return refused(error.to_string()),
        };
        if !["postgres", "postgresql"].contains(&url.scheme()) || url.cannot_be_a_base() {
            return refused("it is postgres://user:password@host/database".to_owned());
        }
        let mut mode = None;
        let mut ca_file = None;
        for (name, value) in url.query_pairs() {
            match &*name {
                "sslmode" | "ssl-mode" => mode = Some(verifying(&value)?),
                "sslrootcert" | "ssl-root-cert" | "ssl-ca" => {
                    ca_file = Some(PathBuf::from(&*value));
                }
                _ => {}
            }
        }
        let options = match PgConnectOptions::from_str(text) {
            Ok(options) => options,
            Err(error) => return refused(error.to_string()),
        };
        // The driver would look for a host with this name.
        let bare = options.get_host().strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let options = match bare.map(str::to_owned) {
            Some(host) => options.host(&host),
            None => options,
        };
        let near = socket(&options).is_some() || tls::is_loopback(options.get_host());
        let verified = mode.unwrap_or(!near || ca_file.is_some());
        if !verified && ca_file.is_some() {
            return refused("sslrootcert is for sslmode=verify-full".to_owned());
        }
        let mode = if verified { PgSslMode::VerifyFull } else { PgSslMode::Disable };
        let options = match &ca_file {
            Some(file) => options.ssl_root_cert(file),
            None => options.ssl_root_cert_from_pem(Vec::new()),
        };
        Ok(Self { options: options.ssl_mode(mode), ca_file, plain: !verified && !near })
    }

    /// Nobody is trusted but whom the URL names, where it names somebody.
    ///
    /// # Errors
    ///
    /// The driver would trust others as well, or there is nobody to trust.
    pub(super) fn options(&self) -> Result<PgConnectOptions, DbError> {
        if let Some(file) = &self.ca_file {
            tls::trusts_only(file).map_err(|why| DbError::Unavailable(format!("TLS: {why}")))?;
        }
        Ok(self.options.clone())
    }

    /// Tells people where all can be read on its way.
    pub(super) fn warn(&self) {
        if self.plain {
            tracing::warn!("the connection to {self} is in the clear, as sslmode=disable says");
        }
    }
}

/// The database and where it is, for people: `orders at db.example:5432`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        let database = options.get_database().unwrap_or(options.get_username());
        let (host, port) = (options.get_host(), options.get_port());
        match socket(options) {
            Some(socket) => write!(f, "{database} at {socket}"),
            None if host.contains(':') => write!(f, "{database} at [{host}]:{port}"),
            None => write!(f, "{database} at {host}:{port}"),
        }
    }
}

/// The directory of the socket, where the server is reached by one.
fn socket(options: &PgConnectOptions) -> Option<String> {
    let host = options.get_host();
    match options.get_socket() {
        Some(socket) => Some(socket.display().to_string()),
        None => host.starts_with('/').then(|| host.to_owned()),
    }
}

/// Whether a mode verifies the server.
fn verifying(mode: &str) -> Result<bool, DbError> {
    let why = match mode {
        "disable" => return Ok(false),
        "verify-full" => return Ok(true),
        "allow" | "prefer" => "does without TLS where the server, or somebody before it, wants so",
        "require" => "takes any certificate",
        "verify-ca" => "takes the certificate of any other host",
        _ => "is not known",
    };
    let mode = match why {
        "is not known" => "this sslmode".to_owned(), // may be anything, a password too
        _ => format!("sslmode={mode}"),
    };
    Err(DbError::Address(format!("{mode} {why}: use verify-full, or disable to do without TLS")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(url: &str) -> String {
        match Address::read(url) {
            Ok(address) => format!("{:?} {address}", address.options.get_ssl_mode()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_server_is_verified_unless_it_is_this_machine_or_the_url_says_otherwise() {
        for (url, expected) in [
            ("postgres://u:p@localhost/d", "Disable d at localhost:5432"),
            ("postgres://u:p@127.0.0.1:9/d", "Disable d at 127.0.0.1:9"),
            ("postgres://u:p@[::1]/d", "Disable d at [::1]:5432"),
            ("postgres://u:p@%2Frun%2Fpg/d", "Disable d at /run/pg"),
            ("postgres://u:p@db.example/d?host=/run/pg", "Disable d at /run/pg"),
            ("postgres://u:p@db.example/d", "VerifyFull d at db.example:5432"),
            ("postgres://u:p@localhost/d?host=db.example", "VerifyFull d at db.example:5432"),
            ("postgres://u:p@[2001:db8::1]/d", "VerifyFull d at [2001:db8::1]:5432"),
            ("postgres://u:p@localhost/d?sslmode=verify-full", "VerifyFull d at localhost:5432"),
            ("postgres://u:p@localhost/d?sslrootcert=/ca", "VerifyFull d at localhost:5432"),
            ("postgres://u:p@db.example/d?sslmode=disable", "Disable d at db.example:5432"),
        ] {
            assert_eq!(told(url), expected, "{url}");
        }
    }

    #[test]
    fn a_mode_that_protects_from_nobody_is_refused() {
        for mode in ["allow", "prefer", "require", "verify-ca", "ssl-mode"] {
            for host in ["localhost", "db.example"] {
                let told = told(&format!("postgres://u:hidden@{host}/d?sslmode={mode}"));
                assert!(told.contains("use verify-full"), "{told}");
                assert!(!told.contains("hidden") && told.lines().count() == 1, "{told}");
            }
        }
    }

    #[test]
    fn a_url_that_is_not_understood_is_refused_and_not_repeated() {
        for (url, expected) in [
            ("", "relative URL"),
            ("postgres:user:hidden@h/d", "it is postgres://"),
            ("mysql://user:hidden@h/d", "it is postgres://"),
            ("postgres://user:hidden@h:port/d", "port"),
            ("postgres://user:hidden@h/d?sslmode=hidden", "is not known"),
            ("postgres://user:hidden@h/d?sslmode=disable&sslrootcert=/ca", "is for sslmode="),
        ] {
            let told = told(url);
            assert!(told.contains(expected), "{url}: {told}");
            assert!(!told.contains("hidden") && told.lines().count() == 1, "{told}");
        }
    }
}

//! TLS to servers: when it is needed, whom to trust, and why a handshake failed.
//!
//! There is TLS with verification, host name included, or none. Nothing in between: what takes any
//! certificate, or any server that shows a valid one, protects from nobody who can be in between.
//! See `docs/adr/0008-tls-to-servers-and-rights-at-the-broker.md`.

use std::{error::Error, fs, io, net::IpAddr, path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Whether what is sent to this host stays on this machine: `localhost`, or an address of it.
pub fn is_loopback(host: &str) -> bool {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// What a client verifies servers by: the certificates of this file and no others, or without one
/// those that the system trusts.
///
/// # Errors
///
/// One line: the file cannot be read, or there is nothing to trust in it.
pub fn client(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let roots = match ca_file {
        Some(file) => roots_of(file)?,
        None => roots_of_the_system()?,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be used: {error}"))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// Whether a client that trusts the system's CAs and those of this file trusts nobody but these:
/// the system has to have no others.
///
/// # Errors
///
/// One line: the file cannot be read, or there is nothing to trust in it, or the system has others.
pub(crate) fn trusts_only(file: &Path) -> Result<(), String> {
    let wanted = certificates_of(file)?;
    let found = rustls_native_certs::load_native_certs();
    if found.certs.iter().all(|certificate| wanted.contains(certificate)) {
        return Ok(());
    }
    let file = file.display();
    Err(format!(
        "CAs of the system would be trusted besides those of {file}: start with SSL_CERT_FILE={file}"
    ))
}

fn roots_of(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates_of(file)? {
        roots.add(certificate).map_err(|error| about(file, &error))?;
    }
    Ok(roots)
}

/// The certificates of a PEM file, all of which can be read.
fn certificates_of(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = fs::read(file).map_err(|error| about(file, &error))?;
    let read = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let certificates = read.map_err(|error| about(file, &error))?;
    if certificates.is_empty() {
        return Err(about(file, &"there is no certificate in it"));
    }
    Ok(certificates)
}

fn about(file: &Path, why: &dyn std::fmt::Display) -> String {
    format!("the CA file {}: {why}", file.display())
}

fn roots_of_the_system() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(format!("the system trusts no CA{why}; name a file with one"));
    }
    Ok(roots)
}

/// Why a handshake failed, where an error tells of one.
pub fn reason(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(told(error));
    }
    // An error within an `io::Error` is no source of it, only the source of that one is.
    if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        return reason(inner);
    }
    reason(error.source()?)
}

fn told(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(why) = error else {
        return match error {
            rustls::Error::InvalidMessage(_) => "what it answers is not TLS".to_owned(),
            other => other.to_string(),
        };
    };
    match why {
        CertificateError::NotValidForNameContext { expected, .. } => {
            format!("its certificate is not valid for the host {}", expected.to_str())
        }
        CertificateError::NotValidForName => "its certificate is not valid for the host".to_owned(),
        // The other one: a CA of the same name and another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate has an unknown issuer, no CA that is trusted here".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_owned()
        }
        other => format!("its certificate cannot be trusted: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for host in ["localhost", "LocalHost", "127.0.0.1", "127.8.0.1", "::1", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        assert!(is_loopback("::ffff:127.0.0.1"));
        for host in ["", "db", "localhost.example", "10.0.0.1", "0.0.0.0", "::", "[::2]", "127.1"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn a_ca_file_has_a_certificate() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.pem");
        let told = client(Some(&file)).unwrap_err();
        assert!(told.contains("ca.pem: No such file"), "{told}");
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for text in ["", "no PEM", "-----BEGIN CERTIFICATE-----\n", damaged] {
            fs::write(&file, text).unwrap();
            let told = client(Some(&file)).unwrap_err();
            assert!(told.contains("ca.pem: ") && told.lines().count() == 1, "{told}");
        }
        assert!(client(Some(&servers::Authority::new().unwrap().ca_file())).is_ok());
    }

    #[test]
    fn a_reason_is_found_within_other_errors() {
        let expired = || rustls::Error::InvalidCertificate(CertificateError::Expired);
        let within = io::Error::new(io::ErrorKind::InvalidData, expired());
        let twice = io::Error::other(io::Error::other(expired()));
        for error in [&expired() as &(dyn Error + 'static), &within, &twice] {
            assert_eq!(reason(error).as_deref(), Some("its certificate has expired"));
        }
        assert_eq!(reason(&io::Error::other("else")), None);
    }
}

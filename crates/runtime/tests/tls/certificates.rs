//! A CA of the test's own, and what it signs, in files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;

pub(crate) struct Authority {
    directory: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "CA of a test");
        let certificate = params.self_signed(&key).unwrap();
        fs::write(directory.path().join("ca.crt"), certificate.pem()).unwrap();
        Self { directory, issuer: Issuer::new(params, key) }
    }

    /// What clients trust.
    pub(crate) fn ca_file(&self) -> String {
        self.directory.path().join("ca.crt").display().to_string()
    }

    /// A certificate for `localhost` and its key.
    pub(crate) fn server(&self) -> (PathBuf, PathBuf) {
        self.sign("server", CertificateParams::new(["localhost".to_owned()]).unwrap())
    }

    /// The same, and its time is over.
    pub(crate) fn expired(&self) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.sign("expired", params)
    }

    fn sign(&self, name: &str, params: CertificateParams) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let at = |ending: &str| Path::join(self.directory.path(), format!("{name}.{ending}"));
        let files = (at("crt"), at("key"));
        fs::write(&files.0, certificate.pem()).unwrap();
        fs::write(&files.1, key.serialize_pem()).unwrap();
        files
    }
}

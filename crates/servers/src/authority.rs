//! A certificate authority of a test's own, and what it signs, in files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;

use crate::Error;

/// The name that certificates are for.
const HOST: &str = "localhost";

/// A CA that nobody else knows. Its files go with it.
#[derive(Debug)]
pub struct Authority {
    directory: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes one.
    pub fn new() -> Result<Self, Error> {
        let directory = tempfile::Builder::new()
            .prefix("expeditor-ca-")
            .tempdir()
            .map_err(|error| Error::failed(format!("cannot make a directory: {error}")))?;
        let key = KeyPair::generate().map_err(|it| unsigned(&it))?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "CA of a test");
        let certificate = params.self_signed(&key).map_err(|it| unsigned(&it))?;
        write(&directory.path().join("ca.crt"), &certificate.pem())?;
        Ok(Self { directory, issuer: Issuer::new(params, key) })
    }

    /// Its own certificate, as PEM: what clients are to trust.
    pub fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.crt")
    }

    /// A certificate for `localhost`, and its key.
    pub fn server(&self) -> Result<(PathBuf, PathBuf), Error> {
        self.sign("server", &for_host()?)
    }

    /// The same, and its time is over.
    pub fn expired(&self) -> Result<(PathBuf, PathBuf), Error> {
        let mut params = for_host()?;
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.sign("expired", &params)
    }

    fn sign(&self, name: &str, params: &CertificateParams) -> Result<(PathBuf, PathBuf), Error> {
        let key = KeyPair::generate().map_err(|it| unsigned(&it))?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(|it| unsigned(&it))?;
        let at = |ending: &str| self.directory.path().join(format!("{name}.{ending}"));
        let files = (at("crt"), at("key"));
        write(&files.0, &certificate.pem())?;
        write(&files.1, &key.serialize_pem())?;
        Ok(files)
    }
}

fn for_host() -> Result<CertificateParams, Error> {
    CertificateParams::new([HOST.to_owned()]).map_err(|it| unsigned(&it))
}

fn write(file: &Path, text: &str) -> Result<(), Error> {
    fs::write(file, text).map_err(Error::at("write", file))
}

fn unsigned(error: &rcgen::Error) -> Error {
    Error::failed(format!("cannot make a certificate: {error}"))
}

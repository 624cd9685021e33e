//! A test in a process whose system trusts one CA and no other: PostgreSQL's driver trusts those of
//! the system besides the one that a URL names, so a URL that names one wants the system to have no
//! more.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

use servers::Authority;

/// By which a process knows that it is that one, and where the certificates are.
const CERTIFICATES: &str = "TEST_CERTIFICATES";

/// The files of two authorities, one of which has signed the servers' certificates.
pub(crate) struct Files(Vec<String>);

impl Files {
    pub(crate) fn ca(&self) -> &str {
        &self.0[0]
    }

    pub(crate) fn other_ca(&self) -> &str {
        &self.0[1]
    }

    pub(crate) fn server(&self) -> (PathBuf, PathBuf) {
        (self.0[2].clone().into(), self.0[3].clone().into())
    }

    pub(crate) fn expired(&self) -> (PathBuf, PathBuf) {
        (self.0[4].clone().into(), self.0[5].clone().into())
    }
}

/// Whom the system is to trust.
#[derive(Clone, Copy)]
pub(crate) enum System {
    /// Who has signed the servers' certificates.
    Right,
    /// Somebody else.
    Other,
}

/// Runs the test of that name again in a process whose system is such a one, and expects it to pass.
/// Within that process: the files.
pub(crate) fn again(test: &str, system: System) -> Option<Files> {
    if let Ok(files) = env::var(CERTIFICATES) {
        return Some(Files(files.split(':').map(str::to_owned).collect()));
    }
    let (authority, other) = (Authority::new().unwrap(), Authority::new().unwrap());
    let ((server, server_key), (expired, expired_key)) =
        (authority.server().unwrap(), authority.expired().unwrap());
    let (ca, other_ca) = (authority.ca_file(), other.ca_file());
    let trusted = match system {
        System::Right => ca.clone(),
        System::Other => other_ca.clone(),
    };
    let files = [ca, other_ca, server, server_key, expired, expired_key];
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CERTIFICATES, env::join_paths(files).unwrap())
        .env("SSL_CERT_FILE", trusted)
        .env_remove("SSL_CERT_DIR")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let shouted = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}\n{shouted}");
    None
}

//! Installs what the machine lacks, where that can be done: Debian's packages, as root.
//!
//! Debian starts a server as soon as its package is installed. That must not happen here, as those
//! servers would be nobody's: while packages are installed, a `policy-rc.d` of ours says no. One
//! that is there already stays as it is.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{Error, Kind, account, container, program};

/// A server, or something else that tests need, which this machine has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// What is missing, and from which version it will do.
    pub what: &'static str,
    /// The Debian packages that bring it.
    pub packages: &'static [&'static str],
}

/// Packages whose servers Debian starts, by the names of their services.
const SERVERS: [&str; 2] = ["postgresql", "rabbitmq-server"];
const POLICY: &str = "/usr/sbin/policy-rc.d";
const POLICY_TEXT: &str = "\
#!/bin/sh
# No server starts while `cargo xtask` installs packages. To be removed by it; do so if it is left.
exit 101
";

impl Lacking {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Postgres => Self { what: "PostgreSQL 15 or later", packages: &["postgresql"] },
            Kind::RabbitMq => {
                Self { what: "RabbitMQ 3.10 or later", packages: &["rabbitmq-server"] }
            }
        }
    }

    /// What is found; it is installed first if it must be and can be.
    pub(crate) fn found_or_installed(
        &self,
        find: impl Fn() -> Option<PathBuf>,
    ) -> Result<PathBuf, Error> {
        if let Some(found) = find() {
            return Ok(found);
        }
        if installs_packages() {
            install(self.packages)?;
        }
        find().ok_or_else(|| {
            let (what, packages) = (self.what, self.packages.join(" "));
            Error::Missing(format!(
                "missing: {what}; on Debian or Ubuntu: apt-get install {packages}"
            ))
        })
    }
}

/// Which servers this machine has neither binaries nor, where it could not install them, a
/// container engine for.
pub fn lacking() -> Vec<Lacking> {
    Kind::ALL.into_iter().filter(|kind| !runnable(*kind)).map(Lacking::of).collect()
}

/// Binaries; else what apt-get can bring is lacking; else a container engine will do.
fn runnable(kind: Kind) -> bool {
    program::binaries(kind).is_some() || (!installable(kind) && container::engine_answers())
}

/// Not a package that is installed already and too old: it may be somebody's running server.
fn installable(kind: Kind) -> bool {
    installs_packages() && !Lacking::of(kind).packages.iter().any(|package| installed(package))
}

fn installed(package: &str) -> bool {
    let query = Command::new("dpkg-query").args(["-W", "-f", "${Status}", package]).output();
    query.is_ok_and(|output| output.stdout.ends_with(b" installed"))
}

/// Finds what runs a kind of server; installs it if it must.
pub(crate) fn ensure(kind: Kind) -> Result<program::Program, Error> {
    let lacking = Lacking::of(kind);
    if !runnable(kind) && installable(kind) {
        install(lacking.packages)?;
    }
    program::find(kind).ok_or_else(|| {
        let packages = lacking.packages.join(" ");
        Error::Missing(format!(
            "missing: {}; on Debian or Ubuntu: apt-get install {packages}; \
             or start a container engine that `docker` reaches",
            lacking.what
        ))
    })
}

/// Whether packages can be installed here.
pub fn installs_packages() -> bool {
    account::is_root() && program::in_path("apt-get").is_some()
}

/// Installs Debian packages without starting what is in them. What `apt-get` has to say goes to
/// standard error.
pub fn install(packages: &[&str]) -> Result<(), Error> {
    let policy = Policy::set(Path::new(POLICY))?;
    let new: Vec<&str> = packages.iter().copied().filter(|package| !installed(package)).collect();
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(packages);
    for arguments in [vec!["update"], install] {
        let status = Command::new("apt-get")
            .args(&arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(io::stderr())
            .status();
        if !status.is_ok_and(|status| status.success()) {
            let line = format!("`apt-get {}` failed; see above", arguments.join(" "));
            return Err(Error::Missing(line));
        }
    }
    // A policy of the machine's own may have let them start.
    if policy.ours.is_none() {
        for service in new.iter().filter(|package| SERVERS.contains(package)) {
            let _ = Command::new("service").args([service, "stop"]).output();
        }
    }
    Ok(())
}

/// Keeps packages from starting servers while it exists.
struct Policy {
    ours: Option<PathBuf>,
}

impl Policy {
    fn set(path: &Path) -> Result<Self, Error> {
        let found = fs::read_to_string(path);
        let strange = found.as_ref().is_ok_and(|text| text != POLICY_TEXT);
        let unreadable = found.is_err_and(|error| error.kind() != io::ErrorKind::NotFound);
        if strange || unreadable {
            return Ok(Self { ours: None });
        }
        fs::write(path, POLICY_TEXT)
            .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
            .map_err(Error::at("write", path))?;
        Ok(Self { ours: Some(path.to_owned()) })
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if let Some(path) = &self.ours {
            let _ = fs::remove_file(path); // one that is left says itself what to do
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_packages_are_installed_no_server_may_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy-rc.d");
        let policy = Policy::set(&path).unwrap();
        let status = Command::new(&path).args(["rabbitmq-server", "start"]).status().unwrap();
        assert_eq!(status.code(), Some(101), "101 is: action forbidden by policy");
        drop(policy);
        assert!(!path.exists());
    }

    #[test]
    fn the_machines_own_policy_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy-rc.d");
        fs::write(&path, "#!/bin/sh\nexit 104\n").unwrap();
        drop(Policy::set(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "#!/bin/sh\nexit 104\n");
    }

    #[test]
    fn a_policy_that_an_interrupted_run_left_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy-rc.d");
        fs::write(&path, POLICY_TEXT).unwrap();
        drop(Policy::set(&path).unwrap());
        assert!(!path.exists());
    }
}

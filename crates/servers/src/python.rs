//! The Python that participants in that language run with: found, and installed where that can be
//! done. Not any interpreter: one that has the client of RabbitMQ too.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{Error, Lacking, program};

const LACKING: Lacking =
    Lacking { what: "Python 3.11 or later with pika", packages: &["python3", "python3-pika"] };
/// Fails where something of it is missing.
const PROBE: &str = "import pika, sqlite3, sys; sys.exit(sys.version_info < (3, 11))";
/// Where packages put it, whatever comes first in `PATH`.
const PACKAGED: &str = "/usr/bin/python3";

/// What this machine lacks of it, if anything.
pub fn python_lacking() -> Option<Lacking> {
    find().is_none().then_some(LACKING)
}

/// The interpreter; it is installed if it must be and can be.
pub fn python() -> Result<PathBuf, Error> {
    LACKING.found_or_installed(find)
}

fn find() -> Option<PathBuf> {
    let candidates = program::in_path("python3").into_iter().chain([PACKAGED.into()]);
    candidates.into_iter().find(|program| will_do(program))
}

fn will_do(program: &Path) -> bool {
    let mut command = Command::new(program);
    command.args(["-c", PROBE]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn an_interpreter_that_lacks_the_client_or_is_none_will_not_do() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("python3");
        assert!(!will_do(&program), "there is none");
        for (status, expected) in [(1, false), (0, true)] {
            fs::write(&program, format!("#!/bin/sh\nexit {status}\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            assert_eq!(will_do(&program), expected, "exit {status}");
        }
    }
}

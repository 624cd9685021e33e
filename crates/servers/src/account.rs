//! Whom a server runs as: oneself, or for root an account without rights, as `PostgreSQL` refuses
//! to run as root.

use std::{
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::Command,
};

use crate::Error;

/// An account of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// For root the first of these that exists, or `nobody`; for anyone else nothing: they run it
    /// as themselves.
    pub(crate) fn for_server(names: &[&str]) -> Result<Option<Self>, Error> {
        if !is_root() {
            return Ok(None);
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        names.iter().chain(&["nobody"]).find_map(|name| find(&passwd, name)).map(Some).ok_or_else(
            || Error::failed(format!("there is no user {} to run as", names.join(", "))),
        )
    }

    /// Has a command run as this account, without root's groups.
    pub(crate) fn runs(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }

    /// Gives it a file or directory.
    pub(crate) fn owns(self, path: &Path) -> Result<(), Error> {
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
            .map_err(Error::at("give away", path))
    }
}

/// Whether everybody may pass through a directory and those above it.
pub(crate) fn open_to_all(directory: &Path) -> bool {
    directory
        .ancestors()
        .filter(|ancestor| !ancestor.as_os_str().is_empty())
        .all(|ancestor| fs::metadata(ancestor).is_ok_and(|found| found.mode() & 0o001 != 0))
}

pub(crate) fn is_root() -> bool {
    match fs::metadata("/proc/self") {
        Ok(found) => found.uid() == 0,
        Err(_) => {
            let id = Command::new("id").arg("-u").output();
            id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
        }
    }
}

fn find(passwd: &str, name: &str) -> Option<Account> {
    let mut fields = passwd
        .lines()
        .map(|line| line.split(':'))
        .find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))?;
    Some(Account { uid: fields.nth(1)?.parse().ok()?, gid: fields.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\npostgres-old:x:7:7::/:\npostgres:x:101:104:,,,:/var:/bin/sh\n";
        assert_eq!(find(passwd, "postgres"), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(find(passwd, "rabbitmq"), None);
    }
}

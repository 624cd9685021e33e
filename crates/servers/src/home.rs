//! The directory of one server: its data, configuration, cookie and log, and nothing of another's.

use std::{
    env, fs,
    fs::{DirBuilder, File, Permissions},
    os::unix::{
        fs::{DirBuilderExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{
    Error, Kind,
    account::{self, Account},
    process::Identity,
    random,
};

/// How much of a log is told when something went wrong, lines.
const LOG_LINES: usize = 12;

/// The directory of a server, and whom the server runs as.
#[derive(Debug)]
pub(crate) struct Home {
    path: PathBuf,
    account: Option<Account>,
}

impl Home {
    /// Makes a new one below `parent`; in the system's directory for temporary files where the
    /// server's account could not get to `parent`.
    pub(crate) fn create(kind: Kind, parent: Option<&Path>) -> Result<Self, Error> {
        let account = Account::for_server(&[kind.word()])?;
        if let Some(parent) = parent {
            fs::create_dir_all(parent).map_err(Error::at("create", parent))?;
        }
        let temporary = env::temp_dir();
        let parent = parent
            .and_then(|parent| parent.canonicalize().ok())
            .filter(|parent| account.is_none() || account::open_to_all(parent))
            .unwrap_or(temporary);
        let path = parent.join(format!("{}{}", kind.prefix(), random::word::<6>()?));
        let home = Self { path, account };
        home.make(&home.path)?;
        Ok(home)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes a directory in it that only the server can read.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.at(name);
        if !path.is_dir() {
            self.make(&path)?;
        }
        Ok(path)
    }

    /// Writes a file in it that only the server can read.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> Result<PathBuf, Error> {
        let path = self.at(name);
        fs::write(&path, text)
            .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o600)))
            .map_err(Error::at("write", &path))?;
        self.hand_over(&path)?;
        Ok(path)
    }

    fn make(&self, path: &Path) -> Result<(), Error> {
        DirBuilder::new().mode(0o700).create(path).map_err(Error::at("create", path))?;
        self.hand_over(path)
    }

    fn hand_over(&self, path: &Path) -> Result<(), Error> {
        self.account.map_or(Ok(()), |account| account.owns(path))
    }

    /// A command that runs here as the server's account. Of the environment it sees PATH alone, so
    /// that no variable of somebody else's server reaches this one.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.path).stdin(Stdio::null()).env_clear();
        command.env("PATH", env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()));
        command.env("HOME", &self.path).env("LANG", "C.UTF-8");
        if let Some(account) = self.account {
            account.runs(&mut command);
        }
        command
    }

    /// Starts a command that outlives this process and its terminal. What it says goes to a log.
    pub(crate) fn spawn(
        &self,
        mut command: Command,
        log: &str,
    ) -> Result<(Identity, Child), Error> {
        let path = self.at(log);
        let name = command.get_program().to_string_lossy().into_owned();
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(Error::at("open", &path))?;
        let same = file.try_clone().map_err(Error::at("open", &path))?;
        self.hand_over(&path)?;
        command.stdout(file).stderr(same).process_group(0);
        let mut child = command
            .spawn()
            .map_err(|error| Error::failed(format!("cannot run {name}: {error}")))?;
        match Identity::of(child.id()) {
            Some(identity) => Ok((identity, child)),
            None => {
                let _ = child.wait(); // it has ended; only the log knows why
                Err(Error::failed(format!("{name} ended at once\n{}", self.log_end(log))))
            }
        }
    }

    /// The last lines of a log.
    pub(crate) fn log_end(&self, log: &str) -> String {
        let bytes = fs::read(self.at(log)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

/// Runs a command to its end. Answers what it says.
pub(crate) fn run(mut command: Command) -> Result<String, Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |what: String| Error::failed(format!("{name}: {what}"));
    let output = command.output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(failed(format!("{}\n{}", output.status, String::from_utf8_lossy(&said).trim())))
}

/// Removes a directory that [`Home::create`] has made, and refuses any other.
pub(crate) fn remove(kind: Kind, path: &Path) -> Result<(), Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if !name.starts_with(&kind.prefix()) {
        let line = format!("{} is not the directory of a server of ours", path.display());
        return Err(Error::failed(line));
    }
    match fs::remove_dir_all(path) {
        Err(error) if path.exists() => Err(Error::at("remove", path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_directory_of_a_server_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let foreign = folder.path().join("documents");
        fs::create_dir(&foreign).unwrap();
        assert!(remove(Kind::Postgres, &foreign).is_err() && foreign.exists());

        let home = Home::create(Kind::Postgres, Some(folder.path())).unwrap();
        home.file("secret", "s").unwrap();
        assert!(remove(Kind::RabbitMq, home.path()).is_err());
        remove(Kind::Postgres, home.path()).unwrap();
        assert!(!home.path().exists());
        remove(Kind::Postgres, home.path()).unwrap();
    }

    #[test]
    fn a_server_without_roots_rights_gets_a_directory_that_it_can_reach() {
        let closed = tempfile::tempdir().unwrap();
        fs::set_permissions(closed.path(), Permissions::from_mode(0o700)).unwrap();
        let home = Home::create(Kind::Postgres, Some(closed.path())).unwrap();
        assert_eq!(home.path().starts_with(closed.path()), home.account.is_none());
        let mut command = home.command(Path::new("/bin/sh"));
        command.args(["-c", "echo data >data"]);
        run(command).unwrap();
        assert_eq!(fs::read_to_string(home.at("data")).unwrap(), "data\n");
        remove(Kind::Postgres, home.path()).unwrap();
    }
}

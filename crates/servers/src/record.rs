//! What is remembered of a server in a file beside its data: enough to find it, use it and end it
//! from another process.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Error, host::Host, process::Identity};

/// A server that was started, or was about to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Where its data lie.
    pub(crate) directory: PathBuf,
    /// None when whoever started it ended before there was anything to end.
    pub(crate) host: Option<Host>,
    pub(crate) url: String,
    pub(crate) api: Option<String>,
    /// Whether its commits wait for the disk.
    pub(crate) durable: bool,
}

impl Record {
    pub(crate) fn runs(&self) -> bool {
        self.host.as_ref().is_some_and(Host::runs)
    }

    /// Reads it, if there is one.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::at("read", path)(error)),
        };
        let strange = || Error::failed(format!("{} is not what was written", path.display()));
        Self::parse(&text).map(Some).ok_or_else(strange)
    }

    /// Writes it whole or not at all. It holds passwords: only its owner may read it.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        use std::os::unix::fs::OpenOptionsExt;

        let new = path.with_extension("new");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options
            .open(&new)
            .and_then(|mut file| io::Write::write_all(&mut file, self.text().as_bytes()))
            .and_then(|()| fs::rename(&new, path))
            .map_err(Error::at("write", path))
    }

    fn text(&self) -> String {
        let mut lines = vec![
            format!("directory {}", self.directory.display()),
            format!("url {}", self.url),
            format!("durable {}", self.durable),
        ];
        lines.extend(self.api.iter().map(|api| format!("api {api}")));
        match &self.host {
            Some(Host::Processes(processes)) => lines.extend(
                processes
                    .iter()
                    .map(|process| format!("process {} {}", process.pid, process.started)),
            ),
            Some(Host::Container(name)) => lines.push(format!("container {name}")),
            None => {}
        }
        lines.join("\n") + "\n"
    }

    fn parse(text: &str) -> Option<Self> {
        let pairs: Vec<(&str, &str)> =
            text.lines().map(|line| line.split_once(' ')).collect::<Option<_>>()?;
        let value = |name: &str| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1);
        let processes = pairs.iter().filter(|pair| pair.0 == "process").map(|(_, value)| {
            let (pid, started) = value.split_once(' ')?;
            Some(Identity { pid: pid.parse().ok()?, started: started.to_owned() })
        });
        let processes: Vec<Identity> = processes.collect::<Option<_>>()?;
        let host = match value("container") {
            Some(name) => Some(Host::Container(name.to_owned())),
            None => (!processes.is_empty()).then_some(Host::Processes(processes)),
        };
        Some(Self {
            directory: PathBuf::from(value("directory")?),
            host,
            url: value("url")?.to_owned(),
            api: value("api").map(ToOwned::to_owned),
            durable: value("durable")?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_what_was() {
        let identity = |pid| Identity { pid, started: "boot/17".to_owned() };
        let hosts = [
            None,
            Some(Host::Processes(vec![identity(7), identity(8)])),
            Some(Host::Container("expeditor-rabbitmq-17001".to_owned())),
        ];
        for host in hosts {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("rabbitmq.state");
            let record = Record {
                directory: PathBuf::from("/tmp/with space/rabbitmq-1f"),
                api: host.is_some().then(|| "http://u:p@127.0.0.1:2".to_owned()),
                host,
                url: "amqp://u:p@127.0.0.1:1/v".to_owned(),
                durable: true,
            };
            record.write(&path).unwrap();
            assert_eq!(Record::read(&path).unwrap(), Some(record));
        }
    }

    #[test]
    fn what_nobody_wrote_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("postgres.state");
        assert_eq!(Record::read(&path).unwrap(), None);
        for text in ["", "directory", "directory /\nurl x\ndurable true\nprocess x y\n"] {
            fs::write(&path, text).unwrap();
            assert!(Record::read(&path).is_err(), "{text}");
        }
    }
}

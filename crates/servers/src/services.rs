//! One server of each kind in a directory, for all processes that look there: started by the
//! first, found by the others, ended by who says so.
//!
//! A lock file a kind keeps two from starting the same. Ends nothing but what its records name.

use std::{
    env, fs,
    fs::File,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{
    Error, PostgresOptions, RabbitMqOptions,
    host::Host,
    instance::{self, Instance, STARTED, Spec},
    postgres::{self, PostgresSpec},
    rabbitmq::{self, RabbitMqSpec},
    record::Record,
    wait,
};

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `PostgreSQL`, 15 or later.
    Postgres,
    /// `RabbitMQ`, 3.10 or later.
    RabbitMq,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Postgres, Self::RabbitMq];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::RabbitMq => "RabbitMQ",
        }
    }

    /// What files and directories call it; also the account that its Debian package brings.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::RabbitMq => "rabbitmq",
        }
    }

    /// The file in its directory that it logs to.
    pub(crate) fn log(self) -> &'static str {
        match self {
            Self::Postgres => "postgres.log",
            Self::RabbitMq => "rabbitmq.log",
        }
    }

    /// What the names of its directories begin with.
    pub(crate) fn prefix(self) -> String {
        format!("expeditor-{}-", self.word())
    }

    pub(crate) fn container(self, port: u16) -> String {
        format!("{}{port}", self.prefix())
    }

    fn end_signal(self) -> &'static str {
        match self {
            Self::Postgres => PostgresSpec::END,
            Self::RabbitMq => RabbitMqSpec::END,
        }
    }
}

/// A server that [`Services`] know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What it is.
    pub kind: Kind,
    /// Where it listens, with name and password.
    pub url: String,
    /// The broker's HTTP API.
    pub api_url: Option<String>,
    /// Its first process; none if it runs in a container, or not at all.
    pub pid: Option<u32>,
    /// Where its data and log lie.
    pub directory: PathBuf,
    /// Whether it runs.
    pub runs: bool,
    /// Whether the call that answers this has started it.
    pub started: bool,
}

impl Standing {
    fn of(kind: Kind, record: Record, started: bool) -> Self {
        let runs = record.runs();
        Self {
            kind,
            pid: record.host.as_ref().filter(|_| runs).and_then(Host::pid),
            runs,
            started,
            url: record.url,
            api_url: record.api,
            directory: record.directory,
        }
    }
}

/// The servers of a directory.
#[derive(Clone, Debug)]
pub struct Services {
    directory: PathBuf,
}

impl Services {
    /// Those of `EXPEDITOR_SERVICES_DIR`, else of `target/services` in the workspace.
    pub fn of_workspace() -> Self {
        let named = env::var_os("EXPEDITOR_SERVICES_DIR").filter(|path| !path.is_empty());
        let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/services");
        Self::at(named.map_or_else(own, PathBuf::from))
    }

    /// Those of this directory. Nothing else in it is touched.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Finds a server or starts it, and waits until it serves. `durable`: see
    /// [`PostgresOptions::durable`]; a server that runs without is not taken for one with.
    pub fn up(&self, kind: Kind, durable: bool) -> Result<Standing, Error> {
        let _lock = self.lock(kind)?;
        let path = self.record(kind);
        if let Some(record) = Record::read(&path)? {
            if record.runs() {
                return found(kind, record, durable);
            }
            self.remove(kind, &record)?;
        }
        let note = |record: &Record| record.write(&path);
        match kind {
            Kind::Postgres => {
                let options = PostgresOptions { durable, ..PostgresOptions::default() };
                let spec = PostgresSpec::new(&options, Some(&self.directory))?;
                self.start(spec, |spec| (spec.url(), None), durable, note)
            }
            Kind::RabbitMq => {
                let options = RabbitMqOptions::default();
                let spec = RabbitMqSpec::new(&options, Some(&self.directory))?;
                self.start(spec, |spec| (spec.url(), Some(spec.api_url())), durable, note)
            }
        }
    }

    fn start<S: Spec>(
        &self,
        spec: S,
        urls: impl Fn(&S) -> (String, Option<String>),
        durable: bool,
        note: impl Fn(&Record) -> Result<(), Error>,
    ) -> Result<Standing, Error> {
        let mut latest = None;
        let started = Instance::start(spec, |spec, host| {
            let (url, api) = urls(spec);
            let directory = spec.home().path().to_owned();
            let record = Record { directory, host: host.cloned(), url, api, durable };
            note(&record)?;
            latest = Some(record);
            Ok(())
        });
        match (started, latest) {
            (Ok(instance), Some(record)) => {
                instance.detach();
                Ok(Standing::of(S::KIND, record, true))
            }
            (Err(error), _) => {
                // What was started has been ended with its value: nothing is left to remember.
                let _ = fs::remove_file(self.record(S::KIND));
                Err(error)
            }
            (Ok(_), None) => Err(Error::failed("a server was started and not written down")),
        }
    }

    /// Ends what was started here and removes its data. Answers what there was.
    pub fn down(&self) -> Result<Vec<Kind>, Error> {
        let mut ended = Vec::new();
        for kind in Kind::ALL {
            ended.extend(self.down_one(kind)?.then_some(kind));
        }
        Ok(ended)
    }

    /// The same for one kind. Answers whether there was one.
    pub fn down_one(&self, kind: Kind) -> Result<bool, Error> {
        if !self.directory.is_dir() {
            return Ok(false);
        }
        let _lock = self.lock(kind)?;
        let record = Record::read(&self.record(kind))?;
        if let Some(record) = &record {
            self.remove(kind, record)?;
        }
        let lock = self.lock_file(kind);
        fs::remove_file(&lock).map_err(Error::at("remove", &lock))?;
        let _ = fs::remove_dir(&self.directory); // unless something else is in it
        Ok(record.is_some())
    }

    /// What is known of, whether it runs or not. Changes nothing.
    pub fn status(&self) -> Result<Vec<Standing>, Error> {
        let mut standing = Vec::new();
        for kind in Kind::ALL {
            let record = Record::read(&self.record(kind))?;
            standing.extend(record.map(|record| Standing::of(kind, record, false)));
        }
        Ok(standing)
    }

    fn remove(&self, kind: Kind, record: &Record) -> Result<(), Error> {
        instance::remove(kind, kind.end_signal(), record.host.as_ref(), &record.directory)?;
        let path = self.record(kind);
        fs::remove_file(&path).map_err(Error::at("remove", &path))
    }

    fn record(&self, kind: Kind) -> PathBuf {
        self.directory.join(format!("{}.state", kind.word()))
    }

    fn lock_file(&self, kind: Kind) -> PathBuf {
        self.directory.join(format!("{}.lock", kind.word()))
    }

    /// Waits for the lock. Who held it may have removed the file and the directory.
    fn lock(&self, kind: Kind) -> Result<File, Error> {
        let path = self.lock_file(kind);
        loop {
            fs::create_dir_all(&self.directory).map_err(Error::at("create", &self.directory))?;
            let file = match File::options().create(true).append(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened.map_err(Error::at("open", &path))?,
            };
            file.lock().map_err(Error::at("lock", &path))?;
            let held = file.metadata().map(|found| found.ino()).ok();
            if fs::metadata(&path).ok().map(|found| found.ino()) == held {
                return Ok(file);
            }
        }
    }
}

/// A server that runs is waited for, as it may have been started a moment ago.
fn found(kind: Kind, record: Record, durable: bool) -> Result<Standing, Error> {
    if durable && kind == Kind::Postgres && !record.durable {
        return Err(Error::failed(
            "PostgreSQL runs without waiting for the disk: `cargo xtask services down` first",
        ));
    }
    let port = port_of(&record.url);
    let answers = || match kind {
        Kind::Postgres => postgres::answers(port).unwrap_or(false),
        Kind::RabbitMq => rabbitmq::answers(port).unwrap_or(false),
    };
    wait::until(STARTED, || (answers() || !record.runs()).then_some(()));
    if answers() {
        Ok(Standing::of(kind, record, false))
    } else {
        let log = record.directory.join(kind.log());
        let line = format!("{} runs and does not serve; see {}", kind.name(), log.display());
        Err(Error::failed(line))
    }
}

fn port_of(url: &str) -> u16 {
    let address = url.rsplit('@').next().unwrap_or_default();
    let authority = address.split('/').next().unwrap_or_default();
    authority.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_read_from_a_url() {
        for url in ["postgres://u:p@127.0.0.1:17001/db", "amqp://u:p@127.0.0.1:17001"] {
            assert_eq!(port_of(url), 17_001);
        }
    }
}

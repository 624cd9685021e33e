//! One child process of this program: started, told to end, started again where it was.
//!
//! What it prints goes to its log, which is where its address is read from. It is held by a leash,
//! so that it ends with this process. It never starts by itself again.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    net::SocketAddr,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::leash;

/// How much of the end of a log is looked at for what went wrong.
const TAIL: u64 = 4096;
/// How many lines of it are told.
const TOLD: usize = 3;
/// Begins the variables that are options of this program.
const OPTIONS: &str = "EXPEDITOR_";

/// What is started.
#[derive(Clone, Debug)]
pub struct Spec {
    /// What it is called among its fellows: `orchestrator-2`.
    pub name: String,
    /// The command line, without where to listen.
    pub arguments: Vec<String>,
}

/// A child that was or will be started.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) spec: Spec,
    pub(crate) log: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// There from its start until somebody wanted its end.
    child: Option<Child>,
    /// Where it listened first, and will listen ever after.
    address: Option<SocketAddr>,
    /// Where in the log its last start began.
    began: u64,
}

/// How far a process has come with its end.
pub(crate) enum Ending {
    /// It still runs.
    Runs,
    /// It has ended, with that.
    Ended(ExitStatus),
    /// It was not running.
    Absent,
}

impl Process {
    pub(crate) fn new(spec: Spec, directory: &Path) -> Self {
        let log = directory.join(format!("{}.log", spec.name));
        Self { spec, log, state: Mutex::default() }
    }

    /// Starts it with these variables besides. One that runs is left as it is.
    pub(crate) fn spawn(&self, program: &Path, with: &[(&str, &str)]) -> io::Result<()> {
        let mut state = self.state();
        if state.child.is_some() {
            return Ok(());
        }
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        state.began = log.metadata()?.len();
        let listen = state.address.unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
        let mut command = Command::new(program);
        command.args(&self.spec.arguments).args(["--listen", &listen.to_string()]);
        // Options of this process are none of its children's.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with(OPTIONS)) {
                command.env_remove(name);
            }
        }
        command.envs(with.iter().copied());
        command.env(leash::VARIABLE, "1").stdin(Stdio::piped());
        command.stdout(log.try_clone()?).stderr(log);
        // A group of its own: Ctrl-C is for this process, which then ends its children in order.
        state.child = Some(command.process_group(0).spawn()?);
        Ok(())
    }

    /// Where it listens, once it has said so.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        let mut state = self.state();
        if state.address.is_none() && state.child.is_some() {
            let text = self.read_from(state.began);
            state.address = text.lines().find_map(address_in);
        }
        state.address
    }

    /// Whether its last start has come so far that it listens.
    pub(crate) fn listens(&self) -> bool {
        let began = self.state().began;
        self.read_from(began).lines().any(|line| address_in(line).is_some())
    }

    /// Its id, while it is meant to run.
    pub(crate) fn id(&self) -> Option<u32> {
        self.state().child.as_ref().map(Child::id)
    }

    /// How it ended, where nobody had wanted that.
    pub(crate) fn fallen(&self) -> Option<ExitStatus> {
        self.state().child.as_mut().and_then(|child| child.try_wait().ok().flatten())
    }

    /// Forgets a child that has ended, so that it can be started again.
    pub(crate) fn forget(&self) {
        let mut state = self.state();
        if state.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(Some(_)))) {
            state.child = None;
        }
    }

    /// Asks it to end in order. What becomes of that is to be asked with [`ending`](Self::ending).
    pub(crate) fn terminate(&self) {
        if let Some(child) = &self.state().child {
            // It has not been waited for, so the id is still its own; it may have ended already.
            let _ = kill_process(Pid::from_child(child), Signal::TERM);
        }
    }

    /// How far it has come with its end. Nothing is left of one that has ended.
    pub(crate) fn ending(&self) -> Ending {
        let mut state = self.state();
        let Some(child) = &mut state.child else { return Ending::Absent };
        match child.try_wait() {
            Ok(Some(status)) => {
                state.child = None;
                Ending::Ended(status)
            }
            Ok(None) | Err(_) => Ending::Runs,
        }
    }

    /// Ends it at once.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.state().child.take() {
            // It may have ended already. The system has nothing to wait for but its own work.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// The last lines of its log since its last start, in one.
    pub(crate) fn last_words(&self) -> String {
        let began = self.state().began;
        let length = std::fs::metadata(&self.log).map_or(0, |log| log.len());
        let text = self.read_from(began.max(length.saturating_sub(TAIL)));
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(TOLD)..].join(" | ")
    }

    /// What cannot be read says nothing.
    fn read_from(&self, place: u64) -> String {
        let mut bytes = Vec::new();
        let read = File::open(&self.log).and_then(|mut log| {
            log.seek(SeekFrom::Start(place))?;
            log.read_to_end(&mut bytes)
        });
        read.map(|_| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address in the line by which a process says that it listens.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(" listens on http://")?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_from_the_line_that_tells_it() {
        for (line, port) in [
            ("payment listens on http://127.0.0.1:4711", Some(4711)),
            ("Expeditor listens on http://127.0.0.1:1 and keeps its data", Some(1)),
            ("payment listens on http://127.0.0.1", None),
            ("it says that it listens", None),
        ] {
            assert_eq!(address_in(line).map(|it| it.port()), port, "{line}");
        }
    }

    #[test]
    fn the_last_words_are_those_of_the_last_start() {
        let dir = tempfile::tempdir().unwrap();
        let spec = Spec { name: "cook-1".to_owned(), arguments: Vec::new() };
        let process = Process::new(spec, dir.path());
        assert_eq!(process.last_words(), "");
        std::fs::write(&process.log, "old\n").unwrap();
        process.state().began = 4;
        std::fs::write(&process.log, "old\n1\n2\n\n3\n4\n").unwrap();
        assert_eq!(process.last_words(), "2 | 3 | 4");
    }
}

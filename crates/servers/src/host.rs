//! What a server runs as, so that it can be found and ended later, also by another process.

use std::{fs, path::Path, process::Command, time::Duration};

use crate::{Error, container, process::Identity, wait};

/// A killed process is gone within this.
const KILLED: Duration = Duration::from_secs(10);

/// A running server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// The server itself first, then what was started for it.
    Processes(Vec<Identity>),
    /// The container of this name.
    Container(String),
}

impl Host {
    pub(crate) fn runs(&self) -> bool {
        match self {
            Self::Processes(processes) => processes.first().is_some_and(Identity::alive),
            Self::Container(name) => container::runs(name),
        }
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        match self {
            Self::Processes(processes) => processes.first().map(|process| process.pid),
            Self::Container(_) => None,
        }
    }

    /// Asks the server to end with a signal, and kills it when it takes too long. What was started
    /// for it ends with it.
    pub(crate) fn stop(&self, signal: &str, bound: Duration) -> Result<(), Error> {
        match self {
            Self::Processes(processes) => {
                let children = children(processes);
                if let Some(server) = processes.first() {
                    server.signal(signal);
                    server.ended_within(bound);
                }
                kill_all(processes, &children)
            }
            Self::Container(name) if container::runs(name) => container::stop(name),
            Self::Container(_) => Ok(()),
        }
    }

    /// Kills it as a crash would, with all its processes.
    pub(crate) fn kill(&self) -> Result<(), Error> {
        match self {
            Self::Processes(processes) => kill_all(processes, &children(processes)),
            Self::Container(name) if container::runs(name) => container::kill(name),
            Self::Container(_) => Ok(()),
        }
    }

    /// Takes away what is left of it outside its directory. It has ended.
    pub(crate) fn clear(&self, directory: &Path) -> Result<(), Error> {
        match self {
            Self::Processes(_) => {
                remove_segment(directory);
                Ok(())
            }
            Self::Container(name) if container::exists(name) => container::remove(name),
            Self::Container(_) => Ok(()),
        }
    }
}

/// What they have started: to be noted while they live, as it loses its parent with them.
fn children(processes: &[Identity]) -> Vec<Identity> {
    processes.iter().flat_map(Identity::children).collect()
}

fn kill_all(processes: &[Identity], children: &[Identity]) -> Result<(), Error> {
    processes.iter().for_each(Identity::kill_group);
    for child in children {
        child.signal("KILL");
    }
    let survivor = || processes.iter().chain(children).find(|process| process.alive());
    wait::until(KILLED, || survivor().is_none().then_some(()));
    match survivor() {
        None => Ok(()),
        Some(process) => Err(Error::failed(format!("process {} cannot be killed", process.pid))),
    }
}

/// A `PostgreSQL` that was killed leaves its lock, a shared memory segment of some bytes, which
/// only its next start would remove. It is removed if its key still is the one written down, as
/// soon as the last of the processes that lost their parent has let go of it.
fn remove_segment(directory: &Path) {
    let noted = fs::read_to_string(directory.join("data/postmaster.pid")).unwrap_or_default();
    let found = wait::until(KILLED, || {
        let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
        match segment(&noted, &segments) {
            Some((_, attached)) if attached != 0 => None,
            found => Some(found.map(|(id, _)| id)),
        }
    });
    if let Some(Some(id)) = found {
        let _ = Command::new("ipcrm").args(["-m", id]).output(); // at worst the bytes stay
    }
}

/// The segment that line 7 of `postmaster.pid` names by key and id, if `segments` has it: its id,
/// and how many are attached.
fn segment<'a>(noted: &'a str, segments: &str) -> Option<(&'a str, u32)> {
    let (key, id) = noted.lines().nth(6)?.trim().split_once(char::is_whitespace)?;
    let id = id.trim();
    let mut lines = segments.lines().map(|line| line.split_whitespace().collect::<Vec<&str>>());
    let fields = lines.find(|fields| fields.get(..2) == Some(&[key, id]))?;
    Some((id, fields.get(6)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_removed_only_if_it_is_surely_ours() {
        let noted = "1\n/data\n1700\n17001\n\n127.0.0.1\n  8128551         3\nready\n";
        let line = |key: &str, attached: &str| {
            format!(
                "key shmid perms size cpid lpid nattch uid\n{key} 3 600 56 9 9 {attached} 101\n"
            )
        };
        assert_eq!(segment(noted, &line("8128551", "0")), Some(("3", 0)));
        assert_eq!(segment(noted, &line("8128551", "2")), Some(("3", 2)));
        assert_eq!(segment(noted, &line("8128552", "0")), None, "it is another's by now");
        assert_eq!(segment("", &line("8128551", "0")), None);
    }
}

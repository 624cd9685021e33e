//! Processes, known by id *and* start time: an id alone may belong to a stranger by the time it is
//! signalled. No process is signalled whose start time is not the one that was noted.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use crate::wait;

/// A process that cannot be mistaken for a later one with the same id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    /// The boot and the clock ticks since it; without `/proc`, what `ps` says.
    pub(crate) started: String,
}

impl Identity {
    /// That of a running process. A zombie runs no more.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let started =
            if fs::exists("/proc/self/stat").unwrap_or(false) { proc(pid) } else { ps(pid) };
        Some(Self { pid, started: started? })
    }

    /// Whether it still runs.
    pub(crate) fn alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Sends it a signal, by name, if it still runs.
    pub(crate) fn signal(&self, signal: &str) {
        if self.alive() {
            send(signal, &self.pid.to_string());
        }
    }

    /// Kills it and everything in the process group that it leads.
    pub(crate) fn kill_group(&self) {
        if self.alive() {
            send("KILL", &format!("-{}", self.pid));
            send("KILL", &self.pid.to_string());
        }
    }

    /// Waits until it has ended; `false` when it still runs at the bound.
    pub(crate) fn ended_within(&self, bound: Duration) -> bool {
        wait::until(bound, || (!self.alive()).then_some(())).is_some()
    }

    /// The processes that it has started and that still run.
    pub(crate) fn children(&self) -> Vec<Self> {
        if !self.alive() {
            return Vec::new();
        }
        let Ok(output) = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output() else {
            return Vec::new();
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let pairs = text.lines().filter_map(|line| {
            let mut numbers = line.split_whitespace().map(str::parse::<u32>);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        });
        pairs
            .filter(|(_, parent)| *parent == self.pid)
            .filter_map(|(pid, _)| Self::of(pid))
            .collect()
    }
}

/// `kill` of the shell: the one that is there wherever there is a shell.
fn send(signal: &str, target: &str) {
    let mut command = Command::new("sh");
    command.args(["-c", "kill -s \"$0\" -- \"$1\"", signal, target]);
    // That it has ended meanwhile is no failure; that it has not is seen by those who wait for it.
    let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
}

fn proc(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let (state, threads, ticks) = state_threads_start(&stat)?;
    // Of one that was killed the first thread may be a zombie while others still hold its sockets.
    let ended = matches!(state, "Z" | "X") && matches!(threads, "0" | "1");
    (!ended).then(|| format!("{}/{ticks}", boot.trim()))
}

/// Fields 3, 20 and 22 of `/proc/PID/stat`. Field 2 is the program's name, which may hold anything.
fn state_threads_start(stat: &str) -> Option<(&str, &str, &str)> {
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    Some((fields.next()?, fields.nth(16)?, fields.nth(1)?))
}

fn ps(pid: u32) -> Option<String> {
    let output =
        Command::new("ps").args(["-o", "stat=,lstart=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (state, started) = text.trim().split_once(char::is_whitespace)?;
    (!state.starts_with('Z')).then(|| started.trim().replace(char::is_whitespace, "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_name_does_not_shift_the_fields() {
        let stat = "7 (a) b) (c) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 4711 99 1";
        assert_eq!(state_threads_start(stat), Some(("S", "3", "4711")));
    }

    #[test]
    fn a_process_with_the_same_id_and_another_start_is_a_stranger() {
        let mut stranger =
            Command::new("sh").args(["-c", "read x"]).stdin(Stdio::piped()).spawn().unwrap();
        let real = Identity::of(stranger.id()).unwrap();
        let noted = Identity { started: "another-boot/1".to_owned(), ..real.clone() };
        assert!(real.alive() && !noted.alive());
        noted.signal("KILL");
        noted.kill_group();
        assert!(stranger.try_wait().unwrap().is_none() && real.alive());

        real.signal("KILL");
        assert!(real.ended_within(Duration::from_secs(10)), "a zombie has ended");
        stranger.wait().unwrap();
    }
}

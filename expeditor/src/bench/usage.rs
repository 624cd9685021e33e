//! What processes use: processor time, of this one by group of threads, and memory. Read from
//! `/proc`; where there is none, nothing is told.

use std::{fs, time::Duration};

/// The name of the threads that place orders and act for people. Their work is not the services'.
pub const LOAD_THREAD: &str = "bench-load";
/// How SQLite's threads are called, as far as the system keeps the name.
const SQLITE_THREAD: &str = "sqlx-sqlite";
/// Linux tells processor time to programs in hundredths of a second, whatever its own clock is.
const TICK: Duration = Duration::from_millis(10);
/// How the system calls the most memory that a process had in use.
const PEAK: &str = "VmHWM:";

/// Processor time by group of threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    /// Services, relays, broker and HTTP.
    pub services: Duration,
    /// SQLite.
    pub sqlite: Duration,
    /// Who places orders and acts for people.
    pub load: Duration,
}

impl Cpu {
    /// So far, of the threads that there are.
    pub fn now() -> Option<Self> {
        let mut cpu = Self::default();
        for task in fs::read_dir("/proc/self/task").ok()? {
            // A thread may end while it is being looked at.
            let Ok(stat) = fs::read_to_string(task.ok()?.path().join("stat")) else { continue };
            let (name, used) = thread(&stat)?;
            match name {
                LOAD_THREAD => cpu.load += used,
                name if name.starts_with(SQLITE_THREAD) => cpu.sqlite += used,
                _ => cpu.services += used,
            }
        }
        Some(cpu)
    }

    /// What was used since.
    #[must_use]
    pub fn since(self, start: Self) -> Self {
        Self {
            services: self.services.saturating_sub(start.services),
            sqlite: self.sqlite.saturating_sub(start.sqlite),
            load: self.load.saturating_sub(start.load),
        }
    }
}

/// A thread's name and the time that it used, from its `stat`.
fn thread(stat: &str) -> Option<(&str, Duration)> {
    // The name stands in parentheses and may hold anything, parentheses too.
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let field = |place: usize| after.split_whitespace().nth(place)?.parse::<u32>().ok();
    Some((name, TICK * (field(11)? + field(12)?)))
}

/// The processor time that a process has used so far.
pub fn cpu_of(process: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    thread(&stat).map(|(_, used)| used)
}

/// The processor time that this machine has used so far for anything at all.
pub fn cpu_of_machine() -> Option<Duration> {
    machine(&fs::read_to_string("/proc/stat").ok()?)
}

/// All but idle, waiting for the disk, and what guests used, which is counted before.
fn machine(stat: &str) -> Option<Duration> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Option<Vec<u64>> = fields.split_whitespace().map(|it| it.parse().ok()).collect();
    let used = |(place, ticks): (usize, &u64)| (![3, 4].contains(&place)).then_some(*ticks);
    let ticks: u64 = ticks?.iter().enumerate().take(8).filter_map(used).sum();
    Some(Duration::from_millis(ticks * 10))
}

/// How many bytes of memory a process had in use at most.
pub fn peak_memory_of(process: u32) -> Option<u64> {
    bytes(&fs::read_to_string(format!("/proc/{process}/status")).ok()?, PEAK)
}

/// How many bytes of memory a process has in use.
pub fn memory_of(process: u32) -> Option<u64> {
    bytes(&fs::read_to_string(format!("/proc/{process}/status")).ok()?, "VmRSS:")
}

/// Forgets how much memory was in use at most.
pub fn forget_peak_memory() {
    // Where this is not allowed, the peak is that of all runs so far.
    drop(fs::write("/proc/self/clear_refs", "5"));
}

/// How many bytes of memory were in use at most.
pub fn peak_memory() -> Option<u64> {
    bytes(&fs::read_to_string("/proc/self/status").ok()?, PEAK)
}

fn bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threads_time_is_what_user_and_system_used() {
        let stat = "42 (odd) (name) S 1 42 42 0 -1 4194304 102 0 1 0 7 5 0 0 20 0 1 0";
        assert_eq!(thread(stat), Some(("odd) (name", Duration::from_millis(120))));
        assert_eq!(thread("nonsense"), None);
    }

    #[test]
    fn the_machines_time_is_what_was_not_idle() {
        let stat = "cpu  1 2 4 1000 2000 8 16 32 64 128\ncpu0 9 9 9 9 9 9 9 9 9 9";
        assert_eq!(machine(stat), Some(Duration::from_millis(630)));
        assert_eq!(machine("nonsense"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_uses_memory() {
        forget_peak_memory();
        assert!(peak_memory().unwrap() > 1024 * 1024);
        assert!(Cpu::now().is_some());
        let own = std::process::id();
        assert!(peak_memory_of(own).unwrap() > 1024 * 1024);
        assert!(memory_of(own).unwrap() > 1024 * 1024);
        assert!(cpu_of(own).is_some_and(|used| used <= cpu_of_machine().unwrap()));
    }
}

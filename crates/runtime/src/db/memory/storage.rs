//! What outlives a process: the tables, whose turn it is, and the faults that are to come.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::sync::OwnedMutexGuard;

use super::{Fault, MemoryDatabase, process::Process, tables::Tables};

/// One service's data, which a process [`open`](Self::open)s. Clones are the same data.
#[derive(Clone, Default)]
pub struct Storage {
    kept: Arc<Mutex<Kept>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// What lies in a storage.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) tables: Tables,
    /// How many commits were tried.
    commits: u64,
    /// By the number of the commit.
    faults: BTreeMap<u64, Fault>,
    /// Those who have it open, as far as they are still there.
    processes: Vec<Weak<Process>>,
}

impl Kept {
    /// Counts a commit; answers what goes wrong with it.
    pub(super) fn next_commit(&mut self) -> Option<Fault> {
        self.commits += 1;
        self.faults.remove(&self.commits)
    }
}

impl Storage {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens it, as a process does that starts. Whoever had it open before should have crashed or
    /// closed it; otherwise they share it, as processes share a server.
    pub fn open(&self) -> MemoryDatabase {
        let process = Arc::new(Process::new(self.clone()));
        let mut kept = self.kept();
        kept.processes.retain(|process| process.strong_count() > 0);
        kept.processes.push(Arc::downgrade(&process));
        drop(kept);
        MemoryDatabase { process }
    }

    /// Plans what goes wrong with a commit, by its number; in place of what was planned for it, if
    /// anything was. What was refused does not count, nor what had nothing to write: pruning an
    /// inbox that holds nothing old.
    pub fn plan(&self, commit: u64, fault: Fault) {
        self.kept().faults.insert(commit, fault);
    }

    /// How many commits there were since the beginning, with those that a fault has met: the next
    /// one's number is one more.
    pub fn commits(&self) -> u64 {
        self.kept().commits
    }

    /// How many faults have been planned and have not come yet.
    pub fn faults_to_come(&self) -> usize {
        self.kept().faults.len()
    }

    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        // A commit checks first and then changes what cannot fail, so that a panic elsewhere leaves
        // the tables whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody that rows were committed to the outbox.
    pub(super) fn tell(&self) {
        let processes: Vec<_> = self.kept().processes.iter().filter_map(Weak::upgrade).collect();
        for process in processes {
            process.told();
        }
    }

    /// Waits for the turn to write, which goes to whoever has waited longest.
    pub(super) async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }
}

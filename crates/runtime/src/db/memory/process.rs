//! A process that has the storage open: what it keeps in its own memory, and loses with its end.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, OwnedMutexGuard, watch};

use super::{
    Fault,
    storage::{Kept, Storage},
    tables::Tables,
};
use crate::db::DbError;

/// How a process has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Crash,
    Close,
}

pub(super) struct Process {
    storage: Storage,
    memory: Mutex<Memory>,
    ended: watch::Sender<Option<End>>,
    written: Notify,
}

/// What is lost with the process.
#[derive(Default)]
struct Memory {
    /// Held while a transaction is open. Here and not in the transaction: a crash ends the turn,
    /// also where the transaction is still lying about.
    turn: Option<OwnedMutexGuard<()>>,
    /// Outbox rows that were deleted since the last commit.
    deleted: BTreeSet<i64>,
}

impl Process {
    pub(super) fn new(storage: Storage) -> Self {
        let (memory, written) = (Mutex::default(), Notify::new());
        Self { storage, memory, ended: watch::Sender::new(None), written }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Every change of it is one step, so that a panic elsewhere leaves it whole.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_running(&self) -> Result<(), DbError> {
        match *self.ended.borrow() {
            None => Ok(()),
            Some(End::Crash) => Err(DbError::Unavailable("the process has crashed".to_owned())),
            Some(End::Close) => Err(DbError::Unavailable("it is closed".to_owned())),
        }
    }

    /// Ends the process, unless it has ended before.
    pub(super) fn end(&self, end: End) {
        self.end_with(&mut self.memory(), end);
    }

    fn end_with(&self, memory: &mut Memory, end: End) {
        if self.is_running().is_ok() {
            *memory = Memory::default();
            self.ended.send_replace(Some(end));
        }
    }

    pub(super) fn has_crashed(&self) -> bool {
        *self.ended.borrow() == Some(End::Crash)
    }

    pub(super) async fn crashed(&self) {
        let mut ended = self.ended.subscribe();
        // The sender lives as long as `self`, so that it cannot be gone.
        drop(ended.wait_for(|end| *end == Some(End::Crash)).await);
    }

    /// Looks at what is committed, with the rows that this process has deleted since.
    pub(super) fn look<T>(
        &self,
        look: impl FnOnce(&Tables, &BTreeSet<i64>) -> T,
    ) -> Result<T, DbError> {
        let memory = self.memory();
        self.is_running()?;
        Ok(look(&self.storage.kept().tables, &memory.deleted))
    }

    /// Deletes outbox rows; the next commit carries that to the storage.
    pub(super) fn delete(&self, ids: Vec<i64>) -> Result<(), DbError> {
        let mut memory = self.memory();
        self.is_running()?;
        memory.deleted.extend(ids);
        Ok(())
    }

    /// Whether deletes wait for a commit.
    pub(super) fn has_unsaved(&self) -> bool {
        !self.memory().deleted.is_empty()
    }

    /// Rows were committed to the outbox.
    pub(super) fn told(&self) {
        self.written.notify_one();
    }

    pub(super) async fn written(&self) {
        self.written.notified().await;
    }

    /// Commits a change together with the deletes that wait: all of it or nothing.
    fn store<T>(&self, change: impl FnOnce(&mut Tables) -> T) -> Result<T, DbError> {
        let mut memory = self.memory();
        self.is_running()?;
        let mut kept = self.storage.kept();
        let fault = kept.next_commit();
        let stored = if fault.is_none_or(Fault::stores) {
            let Kept { tables, .. } = &mut *kept;
            for id in std::mem::take(&mut memory.deleted) {
                tables.outbox.remove(&id);
            }
            Some(change(tables))
        } else {
            None
        };
        match (fault, stored) {
            (None, Some(answer)) => Ok(answer),
            (fault, _) => {
                if fault.is_some_and(Fault::crashes) {
                    self.end_with(&mut memory, End::Crash);
                }
                Err(Fault::error())
            }
        }
    }
}

/// The process's turn to write: nobody else writes until it is dropped, or the process crashes.
pub(super) struct Turn {
    process: Arc<Process>,
}

impl Turn {
    /// Waits for it.
    pub(super) async fn of(process: &Arc<Process>) -> Result<Self, DbError> {
        process.is_running()?;
        let guard = process.storage.turn().await;
        let mut memory = process.memory();
        process.is_running()?;
        memory.turn = Some(guard);
        Ok(Self { process: Arc::clone(process) })
    }

    /// Looks at what is committed.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Tables) -> T) -> Result<T, DbError> {
        self.process.look(|tables, _| look(tables))
    }

    /// The same, with the rows that the process has deleted since.
    pub(super) fn look_behind_deletes<T>(
        &self,
        look: impl FnOnce(&Tables, &BTreeSet<i64>) -> T,
    ) -> Result<T, DbError> {
        self.process.look(look)
    }

    /// Tells everybody that rows were committed to the outbox.
    pub(super) fn tell(&self) {
        self.process.storage.tell();
    }

    /// Commits a change: all of it or nothing.
    pub(super) fn store<T>(&self, change: impl FnOnce(&mut Tables) -> T) -> Result<T, DbError> {
        self.process.store(change)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Bound to a name, so that the next one's turn begins after the memory is free.
        let turn = self.process.memory().turn.take();
        drop(turn);
    }
}

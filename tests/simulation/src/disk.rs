//! A service's database as its process has it: in memory, at the speed that the weather gives it, and
//! with the faults that are planned for it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use contracts::{ServiceName, Timestamp};
use runtime::{
    Key,
    db::{
        Begin, Database, DbError, Opened, Outbox, Reader, Row, Transaction, Writes,
        memory::{Fault, MemoryDatabase, Storage},
    },
};

use crate::{board::Board, chance::Chance, machine::Machine, timeline::Timeline, trace::Trace};

/// What lies on a disk, and what is to go wrong with it. Clones are the same disk.
#[derive(Clone)]
pub struct Disk {
    pub(crate) service: ServiceName,
    pub(crate) storage: Storage,
    planned: Arc<Mutex<BTreeMap<u64, Fault>>>,
    pub(crate) timeline: Timeline,
    pub(crate) trace: Trace,
    pub(crate) chance: Chance,
    pub(crate) board: Board,
    /// How many milliseconds a commit takes at most.
    slowness: Arc<Mutex<u64>>,
}

impl Disk {
    /// An empty one.
    pub fn new(
        service: ServiceName,
        timeline: Timeline,
        trace: Trace,
        chance: Chance,
        board: Board,
    ) -> Self {
        let (storage, planned, slowness) = (Storage::new(), Arc::default(), Arc::default());
        Self { service, storage, planned, timeline, trace, chance, board, slowness }
    }

    /// Plans what goes wrong with the `nth` commit from now.
    pub fn plan(&self, nth: u64, fault: Fault) {
        let commit = self.storage.commits() + nth;
        self.storage.plan(commit, fault);
        self.planned.lock().unwrap_or_else(PoisonError::into_inner).insert(commit, fault);
    }

    /// How many milliseconds commits take at most, from now on.
    pub fn slow(&self, millis: u64) {
        *self.slowness.lock().unwrap_or_else(PoisonError::into_inner) = millis;
    }

    /// Opens it, for a process on that machine.
    pub fn open(&self, machine: Machine) -> OpenDisk {
        OpenDisk { inner: self.storage.open(), disk: self.clone(), machine }
    }

    async fn turn(&self) {
        let millis = *self.slowness.lock().unwrap_or_else(PoisonError::into_inner);
        if millis > 0 {
            self.timeline.after(self.chance.millis(0..millis)).await;
        }
    }

    /// A fault has come with the commit that was tried last.
    fn fired(&self) {
        let planned = &mut self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        let commit = self.storage.commits();
        let kind = match planned.remove(&commit) {
            Some(Fault::CrashBefore) => "crash before commit",
            Some(Fault::CrashAfter) => "crash after commit",
            Some(Fault::Lost) => "commit lost",
            Some(Fault::Unanswered) => "commit unanswered",
            None => return,
        };
        self.trace.fired(kind, format_args!("{} at its commit {commit}", self.service));
    }
}

/// A disk as one process has it open.
#[derive(Clone)]
pub struct OpenDisk {
    inner: MemoryDatabase,
    disk: Disk,
    machine: Machine,
}

impl OpenDisk {
    /// The process ends without closing it.
    pub fn crash(&self) {
        self.inner.crash();
    }
}

#[async_trait]
impl Database for OpenDisk {
    async fn begin(&self, begin: Begin) -> Result<(Box<dyn Transaction>, Opened), DbError> {
        let (inner, opened) = self.inner.begin(begin).await?;
        Ok((Box::new(OpenTransaction { inner, of: self.clone() }), opened))
    }

    fn reader(&self) -> &dyn Reader {
        self.inner.reader()
    }

    fn outbox(&self) -> &dyn Outbox {
        self.inner.outbox()
    }

    async fn ready(&self) -> Result<(), DbError> {
        self.inner.ready().await
    }

    async fn prune_inbox(&self, older_than: Timestamp, limit: u32) -> Result<u64, DbError> {
        self.inner.prune_inbox(older_than, limit).await
    }

    async fn forget_all(&self) -> Result<u64, DbError> {
        self.inner.forget_all().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

struct OpenTransaction {
    inner: Box<dyn Transaction>,
    of: OpenDisk,
}

#[async_trait]
impl Transaction for OpenTransaction {
    async fn load(&mut self, lock: &[Key], look: &[Key]) -> Result<HashMap<Key, Row>, DbError> {
        self.inner.load(lock, look).await
    }

    async fn commit(self: Box<Self>, writes: Writes) -> Result<(), DbError> {
        let Self { inner, of: OpenDisk { inner: database, disk, machine } } = *self;
        disk.turn().await;
        disk.trace.note(format_args!(
            "{} commits {} rows, {} messages",
            disk.service,
            writes.rows.len(),
            writes.messages.len()
        ));
        let touched: Vec<Key> = writes.rows.iter().map(|(key, _)| key.clone()).collect();
        let committed = inner.commit(writes).await;
        if committed.is_err() {
            disk.fired();
        }
        for key in &touched {
            disk.board.touched(disk.service, key);
        }
        if database.has_crashed() {
            machine.end();
            // The process takes no further step.
            std::future::pending::<()>().await;
        }
        committed
    }
}

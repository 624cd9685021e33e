//! The database port in memory, for simulations: what is committed lies in a [`Storage`], which
//! outlives the process that has it open as a disk would. A process opens it, crashes at whichever
//! commit was planned, and the next one opens it again.
//!
//! Transactions take turns as on SQLite, so that they are serializable; a commit is one step that
//! is all there or not at all. The same calls in the same order have the same answers: there is no
//! clock here, no chance and no task, and nothing waits but for its turn. Every service gets every
//! table; what belongs to no schema is not refused.
//!
//! Nothing here touches a disk or the network, and nothing that is shipped opens it. It is always
//! compiled nevertheless: behind a feature, programs and tests would build each their own `runtime`
//! and everything on top of it.

mod fault;
mod outbox;
mod process;
mod read;
mod sagas;
mod storage;
mod tables;
mod transaction;
mod versions;

use std::sync::Arc;

use async_trait::async_trait;
use contracts::Timestamp;

pub use self::{fault::Fault, storage::Storage};
use self::{
    process::{End, Process, Turn},
    transaction::MemoryTransaction,
};
use super::{Begin, Database, DbError, Opened, Outbox, Reader, Transaction, Versions};

/// A [`Storage`] as one process has it open. Cheap to clone: clones are the same process.
///
/// Dropped without [`close`](Database::close) it is as after a crash.
#[derive(Clone)]
pub struct MemoryDatabase {
    process: Arc<Process>,
}

impl MemoryDatabase {
    /// Ends the process: an open transaction is gone and its turn with it, whoever still works on
    /// this database is answered that it is not available, and deletes that no commit has carried
    /// are lost.
    pub fn crash(&self) {
        self.process.end(End::Crash);
    }

    /// Resolves when the process has crashed, by [`crash`](Self::crash) or by a planned [`Fault`].
    pub async fn crashed(&self) {
        self.process.crashed().await;
    }

    /// Whether the process has crashed.
    pub fn has_crashed(&self) -> bool {
        self.process.has_crashed()
    }
}

#[async_trait]
impl Database for MemoryDatabase {
    async fn begin(&self, begin: Begin) -> Result<(Box<dyn Transaction>, Opened), DbError> {
        let (transaction, opened) = MemoryTransaction::open(&self.process, begin).await?;
        Ok((Box::new(transaction), opened))
    }

    fn reader(&self) -> &dyn Reader {
        self
    }

    fn outbox(&self) -> &dyn Outbox {
        self
    }

    fn versions(&self) -> Option<&dyn Versions> {
        Some(self)
    }

    async fn ready(&self) -> Result<(), DbError> {
        Turn::of(&self.process).await.map(drop)
    }

    async fn prune_inbox(&self, older_than: Timestamp, limit: u32) -> Result<u64, DbError> {
        let turn = Turn::of(&self.process).await?;
        let old = turn.look(|tables| tables.received_before(older_than, limit))?;
        if old.is_empty() {
            return Ok(0);
        }
        turn.store(|tables| tables.forget(&old))
    }

    async fn forget_all(&self) -> Result<u64, DbError> {
        let turn = Turn::of(&self.process).await?;
        if turn.look(|tables| tables.inbox.is_empty() && tables.aggregates.is_empty())? {
            return Ok(0);
        }
        turn.store(tables::Tables::forget_all)
    }

    async fn close(&self) {
        let Ok(turn) = Turn::of(&self.process).await else { return };
        if self.process.has_unsaved()
            && let Err(error) = turn.store(|_| ())
        {
            tracing::warn!(%error, "deletes of sent messages are lost; they are sent again");
        }
        self.process.end(End::Close);
    }
}

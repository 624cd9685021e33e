//! One transaction: the writer's turn, from `BEGIN IMMEDIATE` to the commit or the rollback.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use contracts::Timestamp;
use tokio::sync::OwnedMutexGuard;

use super::{Inner, begin, commit, writer::Writer};
use crate::{
    Key,
    db::{Begin, DbError, Opened, Row, Transaction, Writes},
};

pub(super) struct SqliteTransaction {
    inner: Arc<Inner>,
    writer: OwnedMutexGuard<Writer>,
}

impl SqliteTransaction {
    /// Waits for its turn and begins.
    pub(super) async fn start(inner: Arc<Inner>) -> Result<Self, DbError> {
        let mut writer = inner.writer().await?;
        writer.begin().await?;
        Ok(Self { inner, writer })
    }

    /// Waits for its turn and begins with what the caller wants: claims, reads and asks.
    pub(super) async fn open(inner: Arc<Inner>, wanted: &Begin) -> Result<(Self, Opened), DbError> {
        let mut writer = inner.writer().await?;
        writer.prepare().await?;
        // From here on, whoever drops it rolls back what was begun.
        let mut transaction = Self { inner, writer };
        let sent = || transaction.inner.deletes.hidden(i64::MIN);
        let opened = begin::begin(transaction.writer.connection()?, wanted, sent).await?;
        Ok((transaction, opened))
    }

    /// Stores, carrying the relay's deletes along.
    pub(super) async fn store(&mut self, writes: &Writes) -> Result<(), DbError> {
        let inner = Arc::clone(&self.inner);
        let carried = inner.deletes.carry();
        if let Err(error) = self.try_store(writes, carried.ids()).await {
            self.writer.note(&error);
            self.writer.rollback().await;
            return Err(error);
        }
        carried.done();
        if !writes.messages.is_empty() {
            inner.written.notify_one();
        }
        Ok(())
    }

    async fn try_store(&mut self, writes: &Writes, deleted: &[i64]) -> Result<(), DbError> {
        commit::commit(self.writer.connection()?, writes, deleted).await?;
        self.writer.ended();
        Ok(())
    }

    /// Forgets old inbox rows, and commits.
    pub(super) async fn prune_inbox(
        mut self,
        older_than: Timestamp,
        limit: u32,
    ) -> Result<u64, DbError> {
        let pruned = commit::prune_inbox(self.writer.connection()?, older_than, limit).await?;
        self.store(&Writes::default()).await?;
        Ok(pruned)
    }

    /// Forgets every aggregate and inbox row, and commits.
    pub(super) async fn forget_all(mut self) -> Result<u64, DbError> {
        let forgotten = commit::forget_all(self.writer.connection()?).await?;
        self.store(&Writes::default()).await?;
        Ok(forgotten)
    }
}

impl Drop for SqliteTransaction {
    fn drop(&mut self) {
        self.writer.start_rollback();
    }
}

#[async_trait]
impl Transaction for SqliteTransaction {
    async fn load(&mut self, lock: &[Key], look: &[Key]) -> Result<HashMap<Key, Row>, DbError> {
        begin::load(self.writer.connection()?, lock.iter().chain(look)).await
    }

    async fn commit(mut self: Box<Self>, writes: Writes) -> Result<(), DbError> {
        self.store(&writes).await
    }
}

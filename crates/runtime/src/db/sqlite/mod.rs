//! The database port on SQLite: one file a service, one writer, a few readers.
//!
//! Transactions take turns: the writer's connection is behind a mutex, and `BEGIN IMMEDIATE` keeps
//! other processes out, so a lock on an aggregate is a lock on the file. A batch is two scripts, one
//! that begins and reads and one that stores and commits, each a handful of statements that take all
//! their rows as one JSON parameter with long texts beside it. Readers see what was committed and
//! never wait for the writer (WAL).
//!
//! Nothing here decides anything, and nothing is kept in memory that a crash may not take: the
//! relay's deletes wait here for the next commit, and a lost one only sends again.

mod batch;
mod begin;
mod commit;
mod connect;
mod error;
mod outbox;
mod read;
mod sagas;
mod transaction;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use contracts::Timestamp;
use sqlx::SqlitePool;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};

pub(super) use self::error::sort;
use self::{outbox::Deletes, transaction::SqliteTransaction, writer::Writer};
use super::{Begin, Database, DbError, Opened, Outbox, Reader, Transaction};
use crate::ports::Ports;

/// One service's database in a file.
///
/// Dropped without [`close`](Database::close) it is as after a crash: what was committed is there.
#[derive(Clone)]
pub struct SqliteDatabase {
    inner: Arc<Inner>,
}

struct Inner {
    /// `None` where the file was opened for reading only.
    writer: Option<Arc<Mutex<Writer>>>,
    readers: SqlitePool,
    workers: SqlitePool,
    deletes: Deletes,
    written: Notify,
    ports: Option<Ports>,
}

impl Inner {
    /// The writer's turn: nobody else writes until the guard is dropped.
    async fn writer(&self) -> Result<OwnedMutexGuard<Writer>, DbError> {
        let writer = self
            .writer
            .as_ref()
            .ok_or_else(|| DbError::Unavailable("it was opened for reading only".to_owned()))?;
        Ok(Arc::clone(writer).lock_owned().await)
    }
}

#[async_trait]
impl Database for SqliteDatabase {
    async fn begin(&self, begin: Begin) -> Result<(Box<dyn Transaction>, Opened), DbError> {
        let (transaction, opened) =
            SqliteTransaction::open(Arc::clone(&self.inner), &begin).await?;
        Ok((Box::new(transaction), opened))
    }

    fn reader(&self) -> &dyn Reader {
        self
    }

    fn outbox(&self) -> &dyn Outbox {
        self
    }

    async fn ready(&self) -> Result<(), DbError> {
        sqlx::query("SELECT count(*) FROM sqlite_master").execute(&self.inner.readers).await?;
        if self.inner.writer.is_some() {
            self.inner.writer().await?.probe().await?;
        }
        Ok(())
    }

    async fn prune_inbox(&self, older_than: Timestamp, limit: u32) -> Result<u64, DbError> {
        let transaction = SqliteTransaction::start(Arc::clone(&self.inner)).await?;
        transaction.prune_inbox(older_than, limit).await
    }

    async fn forget_all(&self) -> Result<u64, DbError> {
        SqliteTransaction::start(Arc::clone(&self.inner)).await?.forget_all().await
    }

    async fn close(&self) {
        // The writer goes last: the last connection to go moves the log into the file.
        self.inner.readers.close().await;
        self.inner.workers.close().await;
        if let Some(writer) = &self.inner.writer {
            if let Err(error) = self.inner.flush_deletes().await {
                tracing::warn!(%error, "deletes of sent messages are lost; they are sent again");
            }
            writer.lock().await.close().await;
        }
    }
}

//! A database that counts what is committed on it. It changes nothing else.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use contracts::Timestamp;
use runtime::{
    Key,
    db::{Begin, Database, DbError, Opened, Outbox, Reader, Row, Transaction, Writes},
};

/// A database, and where its commits are counted.
pub struct Counted {
    inner: Arc<dyn Database>,
    commits: Arc<AtomicU64>,
}

impl Counted {
    /// Counts this database's commits there too.
    pub fn new(inner: Arc<dyn Database>, commits: Arc<AtomicU64>) -> Self {
        Self { inner, commits }
    }
}

struct CountedTransaction {
    inner: Box<dyn Transaction>,
    commits: Arc<AtomicU64>,
}

#[async_trait]
impl Transaction for CountedTransaction {
    async fn load(&mut self, lock: &[Key], look: &[Key]) -> Result<HashMap<Key, Row>, DbError> {
        self.inner.load(lock, look).await
    }

    async fn commit(self: Box<Self>, writes: Writes) -> Result<(), DbError> {
        self.inner.commit(writes).await?;
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[async_trait]
impl Database for Counted {
    async fn begin(&self, begin: Begin) -> Result<(Box<dyn Transaction>, Opened), DbError> {
        let (inner, opened) = self.inner.begin(begin).await?;
        let commits = Arc::clone(&self.commits);
        Ok((Box::new(CountedTransaction { inner, commits }), opened))
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

//! A real database that a test can look at and make to be away.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use contracts::Timestamp;
use runtime::{
    Key,
    db::{Begin, Database, DbError, Opened, Outbox, Reader, SharedOutbox, Transaction, Versions},
};

use super::tally;

/// A database that counts transactions and can be made to be away.
pub(crate) struct Watched {
    pub(crate) inner: Arc<dyn Database>,
    pub(crate) begun: AtomicUsize,
    failure: Mutex<Option<DbError>>,
    rejected: Mutex<Option<Key>>,
}

impl Watched {
    pub(crate) fn around(inner: Arc<dyn Database>) -> Self {
        Self {
            inner,
            begun: AtomicUsize::new(0),
            failure: Mutex::new(None),
            rejected: Mutex::new(None),
        }
    }

    /// From now on every transaction fails like this, or none does.
    pub(crate) fn fail_with(&self, error: Option<DbError>) {
        *self.failure.lock().unwrap() = error;
    }

    /// From now on a transaction that locks that tally is rejected.
    pub(crate) fn reject(&self, id: &str) {
        *self.rejected.lock().unwrap() = Some(tally(id));
    }

    fn refusal(&self, begin: &Begin) -> Option<DbError> {
        let rejected = self.rejected.lock().unwrap();
        if rejected.as_ref().is_some_and(|key| begin.lock.contains(key)) {
            return Some(DbError::Rejected("the test rejects it".to_owned()));
        }
        match self.failure.lock().unwrap().as_ref()? {
            DbError::Corrupt(text) => Some(DbError::Corrupt(text.clone())),
            DbError::Conflict(text) => Some(DbError::Conflict(text.clone())),
            other => Some(DbError::Unavailable(other.to_string())),
        }
    }
}

#[async_trait]
impl Database for Watched {
    async fn begin(&self, begin: Begin) -> Result<(Box<dyn Transaction>, Opened), DbError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        if let Some(error) = self.refusal(&begin) {
            return Err(error);
        }
        self.inner.begin(begin).await
    }
    fn reader(&self) -> &dyn Reader {
        self.inner.reader()
    }
    fn outbox(&self) -> &dyn Outbox {
        self.inner.outbox()
    }
    fn shared_outbox(&self) -> Option<&dyn SharedOutbox> {
        self.inner.shared_outbox()
    }
    fn versions(&self) -> Option<&dyn Versions> {
        self.inner.versions()
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

//! The database port on PostgreSQL: a database a service, any number of processes on it.
//!
//! A batch is a handful of statements, each with arrays for all its rows (`unnest`). Aggregates are
//! locked row by row in the order of their keys; one that does not exist is given a row first, since
//! a lock cannot hold what is not there. Nothing here decides anything, and `NOTIFY` is never sent
//! inside a transaction that stores something: it would let commits through one at a time only.
//!
//! **What an error means.** [`DbError::Conflict`]: rolled back for certain (serialization failure,
//! deadlock); the batch is tried again. [`DbError::Unavailable`]: no answer, or an answer that says
//! so. Where that happens during the commit, *whether it was committed is not known*, and nobody
//! guesses. The batch is tried again, and what was committed the first time is absorbed:
//!
//! * a message is found in the inbox, changes nothing, and is acknowledged;
//! * a timer finds its row changed, since the row is the timer, and changes nothing;
//! * a request is not tried again from here: it is answered 503, and whoever sent it sends it again.
//!   An order is made once for its idempotency key and the second answer is the first one; a `PUT`
//!   or `DELETE` that has taken effect answers the same and changes nothing. So every request whose
//!   repetition would matter must carry a key or name the state that it wants.
//!
//! Three pools, so that neither a crowd of readers nor a backlog can starve the path: one for
//! transactions, one for reading, one for the outbox.

mod address;
mod begin;
mod column;
mod commit;
mod connect;
mod error;
mod lease;
mod outbox;
mod parked;
mod read;
mod sagas;
mod server;
mod transaction;
mod versions;
mod wake;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use contracts::Timestamp;
use sqlx::PgPool;

pub(super) use self::error::sort;
use self::transaction::PostgresTransaction;
pub use self::{
    connect::{Connect, Sole},
    outbox::PostgresOutbox,
    server::{create_database, database_bytes, drop_database},
};
use super::{
    Begin, Database, DbError, Opened, Outbox, Reader, SharedOutbox, Transaction, Versions,
};
use crate::ports::{Clock, Ports};

/// How long an answer may take. Longer than a transaction may be idle ([`Connect::idle`]), so that a
/// lock that a stopped process holds is waited for.
const ANSWER: Duration = Duration::from_secs(15);

/// One service's database on a server.
#[derive(Clone)]
pub struct PostgresDatabase {
    inner: Arc<Inner>,
}

struct Inner {
    path: PgPool,
    readers: PgPool,
    outbox: PostgresOutbox,
    ports: Ports,
}

/// The work's result, or that the server did not answer in time. Without that a connection that
/// leads nowhere (a cable pulled) would hold its caller for a quarter of an hour.
async fn within<T>(
    clock: &dyn Clock,
    work: impl Future<Output = Result<T, DbError>>,
) -> Result<T, DbError> {
    tokio::select! {
        biased;
        result = work => result,
        () = clock.sleep(ANSWER) => {
            Err(DbError::Unavailable(format!("no answer within {} s", ANSWER.as_secs())))
        }
    }
}

impl PostgresDatabase {
    /// The outbox, as relays share it.
    pub fn shared(&self) -> &PostgresOutbox {
        &self.inner.outbox
    }

    /// Bounds an answer's time.
    async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, DbError> {
        within(&*self.inner.ports.clock, async { Ok(work.await?) }).await
    }
}

#[async_trait]
impl Database for PostgresDatabase {
    async fn begin(&self, begin: Begin) -> Result<(Box<dyn Transaction>, Opened), DbError> {
        let mut transaction = PostgresTransaction::start(Arc::clone(&self.inner)).await?;
        let opened = transaction.open(begin).await?;
        Ok((Box::new(transaction), opened))
    }

    fn reader(&self) -> &dyn Reader {
        self
    }

    fn outbox(&self) -> &dyn Outbox {
        &self.inner.outbox
    }

    fn shared_outbox(&self) -> Option<&dyn SharedOutbox> {
        Some(&self.inner.outbox)
    }

    fn versions(&self) -> Option<&dyn Versions> {
        Some(self)
    }

    async fn ready(&self) -> Result<(), DbError> {
        // A standby, or a server that was told to take no writes, says so here.
        let read_only: String = self
            .within(
                sqlx::query_scalar("SELECT current_setting('transaction_read_only')")
                    .fetch_one(&self.inner.path),
            )
            .await?;
        if read_only == "on" {
            return Err(DbError::Unavailable("the server takes no writes".to_owned()));
        }
        Ok(())
    }

    async fn prune_inbox(&self, older_than: Timestamp, limit: u32) -> Result<u64, DbError> {
        let transaction = PostgresTransaction::start(Arc::clone(&self.inner)).await?;
        transaction.prune_inbox(older_than, limit).await
    }

    async fn forget_all(&self) -> Result<u64, DbError> {
        PostgresTransaction::start(Arc::clone(&self.inner)).await?.forget_all().await
    }

    async fn close(&self) {
        self.inner.outbox.close().await;
        self.inner.path.close().await;
        self.inner.readers.close().await;
    }
}

//! One transaction: a connection of the path's pool, from `BEGIN` to the commit or the rollback.
//!
//! Read committed is enough: whatever is decided about is locked, and what is only looked at may be
//! a moment old by design.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use async_trait::async_trait;
use contracts::Timestamp;
use sqlx::{PgConnection, Postgres, pool::PoolConnection};

use super::{Inner, begin, commit, within};
use crate::{
    Key,
    db::{Begin, DbError, Opened, Row, Transaction, Writes},
};

pub(super) struct PostgresTransaction {
    inner: Arc<Inner>,
    /// There until the transaction is dropped.
    connection: Option<PoolConnection<Postgres>>,
    /// Whether there is something to roll back.
    open: bool,
    /// Whether an answer is outstanding, or never came: the connection cannot be used again.
    asking: bool,
    /// Aggregates that did not exist, whose places are kept.
    placed: HashSet<Key>,
}

impl PostgresTransaction {
    /// Takes a connection and begins.
    pub(super) async fn start(inner: Arc<Inner>) -> Result<Self, DbError> {
        let connection = Some(inner.path.acquire().await?);
        let placed = HashSet::new();
        let mut transaction = Self { inner, connection, open: true, asking: false, placed };
        let clock = transaction.ask();
        let begun = within(&*clock, control(lent(&mut transaction.connection)?, "BEGIN")).await;
        transaction.heard(begun)?;
        Ok(transaction)
    }

    /// Marks the connection as waiting for an answer.
    fn ask(&mut self) -> Arc<dyn crate::ports::Clock> {
        self.asking = true;
        Arc::clone(&self.inner.ports.clock)
    }

    /// Takes note of an answer.
    fn heard<T>(&mut self, result: Result<T, DbError>) -> Result<T, DbError> {
        self.asking = matches!(result, Err(DbError::Unavailable(_)));
        result
    }

    /// Claims, locks, reads and asks what the caller begins with.
    pub(super) async fn open(&mut self, wanted: Begin) -> Result<Opened, DbError> {
        let clock = self.ask();
        let opened = within(&*clock, async {
            let connection = lent(&mut self.connection)?;
            let seen = begin::claim(connection, &wanted.received).await?;
            let mut rows = begin::lock(connection, &wanted.lock, &mut self.placed).await?;
            rows.extend(begin::look(connection, &wanted.look).await?);
            let oldest_unsent = begin::oldest_unsent(connection, &wanted.oldest_unsent).await?;
            Ok(Opened { seen, rows, oldest_unsent })
        })
        .await;
        self.heard(opened)
    }

    /// Stores and commits.
    async fn store(&mut self, writes: &Writes) -> Result<(), DbError> {
        let clock = self.ask();
        let stored = within(&*clock, async {
            let connection = lent(&mut self.connection)?;
            commit::aggregates(connection, &writes.rows, &self.placed).await?;
            commit::history(connection, &writes.history).await?;
            commit::sagas(connection, &writes.sagas).await?;
            commit::messages(connection, &writes.messages, writes.now).await?;
            commit::dead_letters(connection, &writes.dead_letters).await
        })
        .await;
        self.heard(stored)?;
        self.commit_now().await?;
        if !writes.messages.is_empty() {
            self.inner.outbox.wake().committed();
        }
        Ok(())
    }

    async fn commit_now(&mut self) -> Result<(), DbError> {
        let clock = self.ask();
        let committed = within(&*clock, control(lent(&mut self.connection)?, "COMMIT")).await;
        self.heard(committed).map_err(|error| match error {
            DbError::Unavailable(text) => {
                DbError::Unavailable(format!("whether it was committed is not known: {text}"))
            }
            known => known,
        })?;
        self.open = false;
        Ok(())
    }

    /// Forgets old inbox rows, and commits.
    pub(super) async fn prune_inbox(
        mut self,
        older_than: Timestamp,
        limit: u32,
    ) -> Result<u64, DbError> {
        let clock = self.ask();
        let pruned =
            within(&*clock, commit::prune_inbox(lent(&mut self.connection)?, older_than, limit))
                .await;
        let pruned = self.heard(pruned)?;
        self.commit_now().await?;
        Ok(pruned)
    }

    /// Forgets every aggregate and inbox row, and commits.
    pub(super) async fn forget_all(mut self) -> Result<u64, DbError> {
        let clock = self.ask();
        let forgotten = within(&*clock, commit::forget_all(lent(&mut self.connection)?)).await;
        let forgotten = self.heard(forgotten)?;
        self.commit_now().await?;
        Ok(forgotten)
    }
}

impl Drop for PostgresTransaction {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if self.asking {
            // Nobody knows what would be read next from this connection. Closing it ends the
            // transaction.
            connection.close_on_drop();
        } else if self.open {
            let clock = Arc::clone(&self.inner.ports.clock);
            self.inner.ports.spawn(async move {
                if within(&*clock, control(&mut connection, "ROLLBACK")).await.is_err() {
                    connection.close_on_drop();
                }
            });
        }
    }
}

fn lent(connection: &mut Option<PoolConnection<Postgres>>) -> Result<&mut PgConnection, DbError> {
    connection
        .as_deref_mut()
        .ok_or_else(|| DbError::Unavailable("its connection was lost".to_owned()))
}

/// A statement about the transaction itself.
async fn control(connection: &mut PgConnection, sql: &'static str) -> Result<(), DbError> {
    sqlx::raw_sql(sql).execute(connection).await?;
    Ok(())
}

#[async_trait]
impl Transaction for PostgresTransaction {
    async fn load(&mut self, lock: &[Key], look: &[Key]) -> Result<HashMap<Key, Row>, DbError> {
        let clock = self.ask();
        let loaded = within(&*clock, async {
            let connection = lent(&mut self.connection)?;
            let mut rows = begin::lock(connection, lock, &mut self.placed).await?;
            rows.extend(begin::look(connection, look).await?);
            Ok(rows)
        })
        .await;
        self.heard(loaded)
    }

    async fn commit(mut self: Box<Self>, writes: Writes) -> Result<(), DbError> {
        self.store(&writes).await
    }
}

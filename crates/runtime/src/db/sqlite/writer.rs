//! The one connection that writes, and whether a transaction is open on it.
//!
//! Transactions are begun and ended by plain statements: after a full disk SQLite has rolled back
//! by itself, and a driver that keeps count of transactions would be out of step from then on.

use futures_util::FutureExt;
use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteQueryResult},
};

use super::begin::BEGIN;
use crate::db::DbError;

pub(super) struct Writer {
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
    /// Set before a transaction is begun and cleared after it has ended: where it is found set,
    /// somebody went away in the middle.
    open: bool,
    /// Whether writing may not work: it has not been tried, or failed for want of room or access.
    failing: bool,
    closed: bool,
}

impl Writer {
    /// A writer on an open connection; [`probe`](Self::probe) tells whether it can write.
    pub(super) fn new(options: SqliteConnectOptions, connection: SqliteConnection) -> Self {
        Self { options, connection: Some(connection), open: false, failing: true, closed: false }
    }

    /// Begins a transaction, after ending the one that was left behind, if any.
    pub(super) async fn begin(&mut self) -> Result<(), DbError> {
        self.prepare().await?;
        self.execute(BEGIN).await?;
        Ok(())
    }

    /// Makes ready for a transaction that the caller is about to begin on the connection: ends the
    /// one that was left behind, if any.
    pub(super) async fn prepare(&mut self) -> Result<(), DbError> {
        if self.closed {
            return Err(DbError::Unavailable("it is closed".to_owned()));
        }
        self.rollback().await;
        if self.connection.is_none() {
            self.connection = Some(self.options.connect().await?);
        }
        self.open = true;
        Ok(())
    }

    /// The transaction was committed.
    pub(super) fn ended(&mut self) {
        self.open = false;
    }

    /// Makes the transaction last.
    async fn commit(&mut self) -> Result<(), DbError> {
        self.execute("COMMIT").await?;
        self.ended();
        Ok(())
    }

    /// Ends the open transaction, if any, without a trace.
    pub(super) async fn rollback(&mut self) {
        if !self.open {
            return;
        }
        let ended = match self.execute("ROLLBACK").await {
            // SQLite has rolled back by itself.
            Err(DbError::Corrupt(text)) => text.contains("no transaction is active"),
            result => result.is_ok(),
        };
        if !ended {
            // Closing the file ends the transaction; the next one gets a new connection.
            self.connection = None;
        }
        self.open = false;
    }

    /// Asks for a rollback without waiting for it, so that the file is free at once. `open` stays:
    /// the next transaction makes sure.
    pub(super) fn start_rollback(&mut self) {
        if self.open && self.connection.is_some() {
            let _ = self.execute("ROLLBACK").now_or_never();
        }
    }

    /// Remembers that writing fails, if that is the error.
    pub(super) fn note(&mut self, error: &DbError) {
        self.failing |= matches!(error, DbError::Unavailable(_));
    }

    /// Whether the next transaction could be begun and stored. Writes something only as long as
    /// it is not known that writing works.
    pub(super) async fn probe(&mut self) -> Result<(), DbError> {
        self.begin().await?;
        let result = if self.failing { self.probe_write().await } else { Ok(()) };
        self.rollback().await;
        result
    }

    async fn probe_write(&mut self) -> Result<(), DbError> {
        // Nothing reads this number; setting it writes a page all the same.
        self.execute("PRAGMA user_version = 0").await?;
        self.commit().await?;
        self.failing = false;
        Ok(())
    }

    /// Closes the connection for good.
    pub(super) async fn close(&mut self) {
        self.rollback().await;
        self.closed = true;
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database did not close cleanly");
        }
    }

    /// The connection, for statements of the open transaction.
    pub(super) fn connection(&mut self) -> Result<&mut SqliteConnection, DbError> {
        self.connection
            .as_mut()
            .ok_or_else(|| DbError::Unavailable("its connection was lost".to_owned()))
    }

    async fn execute(&mut self, sql: &'static str) -> Result<SqliteQueryResult, DbError> {
        Ok(sqlx::query(sql).execute(self.connection()?).await?)
    }
}

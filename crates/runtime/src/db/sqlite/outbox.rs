//! The outbox as the relay sees it. Deletes wait for the writer's next commit, which carries them
//! for nothing; if none comes soon they get a transaction of their own.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use contracts::Timestamp;
use sqlx::{Row as _, sqlite::SqliteRow};

use super::{Inner, SqliteDatabase, batch, transaction::SqliteTransaction};
use crate::db::{DbError, Outbox, OutboxRow, Writes};

/// How long deletes wait for a commit to carry them.
const WAIT: Duration = Duration::from_millis(20);
/// How long they wait after a commit of their own has failed.
const WAIT_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Rows that the relay has deleted and that are still on the disk.
#[derive(Default)]
pub(super) struct Deletes {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// No transaction has taken these yet.
    waiting: Vec<i64>,
    /// The open transaction carries these; there is one writer, so there is one such transaction.
    carried: Vec<i64>,
    /// A task is under way that will see to those waiting.
    scheduled: bool,
}

impl Deletes {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is one step, so that a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every row after an id that is deleted but still there, as a JSON array.
    pub(super) fn hidden(&self, after: i64) -> String {
        let state = self.state();
        let hidden = state.waiting.iter().chain(&state.carried).filter(|id| **id > after);
        let ids: Vec<String> = hidden.map(ToString::to_string).collect();
        format!("[{}]", ids.join(","))
    }

    /// Takes those that wait; they wait again unless [`Carried::done`] is called.
    pub(super) fn carry(&self) -> Carried<'_> {
        let mut state = self.state();
        state.carried = std::mem::take(&mut state.waiting);
        Carried { ids: state.carried.clone(), deletes: self }
    }

    /// Adds to those that wait; says whether the caller is to see to them.
    fn add(&self, ids: Vec<i64>) -> bool {
        let mut state = self.state();
        state.waiting.extend(ids);
        !state.waiting.is_empty() && !std::mem::replace(&mut state.scheduled, true)
    }

    /// Whether some wait; if not, whoever saw to them is released.
    fn still_waiting(&self) -> bool {
        let mut state = self.state();
        state.scheduled = !state.waiting.is_empty();
        state.scheduled
    }
}

/// Deletes that the open transaction carries.
pub(super) struct Carried<'a> {
    ids: Vec<i64>,
    deletes: &'a Deletes,
}

impl Carried<'_> {
    pub(super) fn ids(&self) -> &[i64] {
        &self.ids
    }

    /// The commit stands; they are gone.
    pub(super) fn done(self) {
        self.deletes.state().carried.clear();
    }
}

impl Drop for Carried<'_> {
    fn drop(&mut self) {
        let mut state = self.deletes.state();
        let unfinished = std::mem::take(&mut state.carried);
        state.waiting.extend(unfinished);
    }
}

impl Inner {
    /// Deletes those that wait in a transaction of their own.
    pub(super) async fn flush_deletes(self: &Arc<Self>) -> Result<(), DbError> {
        if self.deletes.state().waiting.is_empty() {
            return Ok(());
        }
        let mut transaction = SqliteTransaction::start(Arc::clone(self)).await?;
        transaction.store(&Writes::default()).await
    }

    /// Sees to it that deletes do not wait for ever. The task lets go of the database while it
    /// waits, so that dropping the database ends it.
    fn schedule_flush(self: &Arc<Self>) {
        let Some(ports) = self.ports.clone() else { return };
        let weak = Arc::downgrade(self);
        let clock = Arc::clone(&ports.clock);
        ports.spawn(async move {
            let mut wait = WAIT;
            loop {
                clock.sleep(wait).await;
                let Some(inner) = weak.upgrade() else { return };
                if !inner.deletes.still_waiting() {
                    return;
                }
                wait = match inner.flush_deletes().await {
                    Ok(()) => WAIT,
                    Err(error) => {
                        tracing::warn!(%error, "sent messages cannot be deleted yet");
                        if inner.readers.is_closed() {
                            return;
                        }
                        WAIT_AFTER_FAILURE
                    }
                };
            }
        });
    }
}

const COLUMNS: &str = "id, key, seq, message_id, exchange, routing_key, payload, created_at";

// A bare parameter as a limit would have SQLite plan a statement anew each time that it is bound; with
// `+ 0` it is planned once.
#[async_trait]
impl Outbox for SqliteDatabase {
    async fn read(&self, after: i64, limit: u32) -> Result<Vec<OutboxRow>, DbError> {
        let mut after = after;
        loop {
            let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM outbox
                 WHERE id > ?1 AND id NOT IN (SELECT value FROM json_each(?2)) ORDER BY id LIMIT ?3 + 0"
            )))
            .bind(after)
            .bind(self.inner.deletes.hidden(after))
            .bind(limit)
            .fetch_all(&self.inner.workers)
            .await?;
            let readable: Vec<_> = rows.iter().filter_map(readable).collect();
            match rows.last() {
                // A whole page of damage: what lies behind it must go on.
                Some(last) if readable.is_empty() => after = last.try_get(0)?,
                _ => return Ok(readable),
            }
        }
    }

    async fn read_key(&self, key: &str, limit: u32) -> Result<Vec<OutboxRow>, DbError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM outbox
             WHERE key = ?1 AND id NOT IN (SELECT value FROM json_each(?2)) ORDER BY id LIMIT ?3 + 0"
        )))
        .bind(key)
        .bind(self.inner.deletes.hidden(i64::MIN))
        .bind(limit)
        .fetch_all(&self.inner.workers)
        .await?;
        Ok(rows.iter().filter_map(readable).collect())
    }

    async fn delete(&self, ids: Vec<i64>) -> Result<(), DbError> {
        if self.inner.writer.is_none() {
            return Err(DbError::Unavailable("it was opened for reading only".to_owned()));
        }
        if self.inner.deletes.add(ids) {
            self.inner.schedule_flush();
        }
        Ok(())
    }

    async fn backlog(&self) -> Result<(u64, Option<Timestamp>), DbError> {
        let hidden = self.inner.deletes.hidden(i64::MIN);
        let row = sqlx::query(
            "SELECT
                 (SELECT count(*) FROM outbox)
                     - (SELECT count(*) FROM outbox WHERE id IN (SELECT value FROM json_each(?1))),
                 (SELECT created_at FROM outbox
                  WHERE id NOT IN (SELECT value FROM json_each(?1)) ORDER BY id LIMIT 1)",
        )
        .bind(hidden)
        .fetch_one(&self.inner.workers)
        .await?;
        Ok((batch::unsigned(&row, 0)?, batch::optional_time(&row, 1)?))
    }

    async fn written(&self) {
        self.inner.written.notified().await;
    }
}

/// The row; one that was damaged stays where it is, is told of, and holds nobody up.
fn readable(row: &SqliteRow) -> Option<OutboxRow> {
    let told = |error: &DbError| {
        let id: Option<i64> = row.try_get(0).ok();
        tracing::error!(id, %error, "an outbox row cannot be read and is left where it is");
    };
    outbox_row(row).inspect_err(told).ok()
}

fn outbox_row(row: &SqliteRow) -> Result<OutboxRow, DbError> {
    Ok(OutboxRow {
        id: row.try_get(0)?,
        key: row.try_get(1)?,
        seq: batch::unsigned(row, 2)?,
        message_id: batch::message_id(row, 3)?,
        exchange: row.try_get(4)?,
        routing_key: row.try_get(5)?,
        payload: row.try_get(6)?,
        created_at: batch::time(row, 7)?,
    })
}

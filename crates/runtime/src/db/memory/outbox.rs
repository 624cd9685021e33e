//! The outbox as the relay of the same process sees it. Its deletes are the process's own until a
//! commit carries them along: a crash before that brings the rows back, to be sent again.

use std::ops::Bound::{Excluded, Unbounded};

use async_trait::async_trait;
use contracts::Timestamp;

use super::MemoryDatabase;
use crate::db::{DbError, Outbox, OutboxRow};

impl MemoryDatabase {
    /// Rows after an id that are wanted, as far as they are not deleted.
    fn rows(
        &self,
        after: i64,
        limit: u32,
        wanted: impl Fn(&OutboxRow) -> bool,
    ) -> Result<Vec<OutboxRow>, DbError> {
        self.process.look(|tables, deleted| {
            let rows = tables.outbox.range((Excluded(after), Unbounded)).map(|(_, row)| row);
            let there = rows.filter(|row| !deleted.contains(&row.id) && wanted(row));
            there.take(limit as usize).cloned().collect()
        })
    }
}

#[async_trait]
impl Outbox for MemoryDatabase {
    async fn read(&self, after: i64, limit: u32) -> Result<Vec<OutboxRow>, DbError> {
        self.rows(after, limit, |_| true)
    }

    async fn read_key(&self, key: &str, limit: u32) -> Result<Vec<OutboxRow>, DbError> {
        self.rows(i64::MIN, limit, |row| row.key == key)
    }

    async fn delete(&self, ids: Vec<i64>) -> Result<(), DbError> {
        self.process.delete(ids)
    }

    async fn backlog(&self) -> Result<(u64, Option<Timestamp>), DbError> {
        self.process.look(|tables, deleted| {
            let there = || tables.outbox.values().filter(|row| !deleted.contains(&row.id));
            (there().count() as u64, there().next().map(|row| row.created_at))
        })
    }

    async fn written(&self) {
        self.process.written().await;
    }
}

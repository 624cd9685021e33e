//! Looking without deciding: what was committed, over connections that cannot write.

use async_trait::async_trait;
use contracts::Timestamp;
use sqlx::{AssertSqlSafe, Row as _, sqlite::SqliteRow};
use uuid::Uuid;

use super::{SqliteDatabase, batch, begin};
use crate::{
    HistoryEntry, Key,
    db::{
        DbError, DeadLetter, KeptDeadLetter, ListQuery, PublishedEvent, Reader, Row, SagaQuery,
        SagaRow,
    },
};

#[async_trait]
impl Reader for SqliteDatabase {
    async fn get(&self, key: &Key) -> Result<Option<Row>, DbError> {
        let row = sqlx::query(
            "SELECT version, messages, state, owner, wake_at, updated_at, body
             FROM aggregate WHERE kind = ?1 AND id = ?2",
        )
        .bind(key.kind.name)
        .bind(&*key.id)
        .fetch_optional(&self.inner.readers)
        .await?;
        row.as_ref().map(begin::aggregate).transpose()
    }

    async fn list(&self, query: &ListQuery) -> Result<Vec<(String, Row)>, DbError> {
        let mut statement = sqlx::query(AssertSqlSafe(list_sql(query)))
            .bind(query.kind)
            .bind(query.limit)
            .bind(query.owner.as_deref())
            .bind(query.after.as_deref());
        for state in &query.states {
            statement = statement.bind(state);
        }
        let rows = statement.fetch_all(&self.inner.readers).await?;
        rows.iter().map(|row| Ok((row.try_get(7)?, begin::aggregate(row)?))).collect()
    }

    async fn streams(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<Uuid>, DbError> {
        let rows = sqlx::query(
            "SELECT DISTINCT stream FROM history WHERE stream > ?1 ORDER BY stream LIMIT ?2",
        )
        .bind(after.map_or_else(String::new, |stream| stream.to_string()))
        .bind(limit)
        .fetch_all(&self.inner.readers)
        .await?;
        rows.iter().map(|row| batch::uuid(row, 0)).collect()
    }

    async fn history(
        &self,
        stream: Uuid,
        after_version: u64,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>, DbError> {
        let rows = sqlx::query(
            "SELECT version, at, body FROM history
             WHERE stream = ?1 AND version > ?2 ORDER BY version LIMIT ?3",
        )
        .bind(stream.to_string())
        .bind(batch::integer(after_version)?)
        .bind(limit)
        .fetch_all(&self.inner.readers)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(HistoryEntry {
                    stream,
                    version: batch::unsigned(row, 0)?,
                    at: batch::time(row, 1)?,
                    body: row.try_get(2)?,
                })
            })
            .collect()
    }

    async fn saga(&self, saga_id: Uuid) -> Result<Option<SagaRow>, DbError> {
        self.one_saga(saga_id).await
    }

    async fn sagas(&self, query: &SagaQuery) -> Result<Vec<SagaRow>, DbError> {
        self.find_sagas(query).await
    }

    async fn published(&self, after: i64, limit: u32) -> Result<Vec<PublishedEvent>, DbError> {
        let rows = sqlx::query(
            "SELECT id, kind, subject, sequence, payload FROM published_event
             WHERE id > ?1 ORDER BY id LIMIT ?2",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(&self.inner.readers)
        .await?;
        rows.iter().map(published).collect()
    }

    async fn published_about(&self, subjects: &[String]) -> Result<Vec<PublishedEvent>, DbError> {
        let rows = sqlx::query(
            "SELECT id, kind, subject, sequence, payload FROM published_event
             WHERE subject IN (SELECT value FROM json_each(?1)) ORDER BY subject, id",
        )
        .bind(batch::json(subjects)?)
        .fetch_all(&self.inner.readers)
        .await?;
        rows.iter().map(published).collect()
    }

    async fn dead_letters(&self, after: i64, limit: u32) -> Result<Vec<KeptDeadLetter>, DbError> {
        let rows = sqlx::query(
            "SELECT id, consumer, message_id, bytes, headers, error, attempts, at
             FROM dead_letter WHERE id > ?1 ORDER BY id LIMIT ?2",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(&self.inner.readers)
        .await?;
        rows.iter().map(dead_letter).collect()
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<(String, String)>, DbError> {
        let rows = sqlx::query(
            "SELECT kind, id FROM aggregate WHERE wake_at <= ?1 ORDER BY wake_at, rowid
             LIMIT ?2 + 0",
        )
        .bind(now.as_millis())
        .bind(limit)
        .fetch_all(&self.inner.workers)
        .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, DbError> {
        let row = sqlx::query("SELECT min(wake_at) FROM aggregate WHERE wake_at IS NOT NULL")
            .fetch_one(&self.inner.workers)
            .await?;
        batch::optional_time(&row, 0)
    }
}

/// The statement for a list; its texts are all ours, the caller's are bound: 1 kind, 2 limit,
/// 3 owner, 4 after, from 5 on the states.
///
/// Of one owner there is one part for each state, which the index gives in order; SQLite merges the
/// parts and stops at the limit, however many rows the owner has in other states.
fn list_sql(query: &ListQuery) -> String {
    let owner = if query.owner.is_some() { "AND owner = ?3" } else { "" };
    let (direction, beyond) = if query.descending { ("DESC", "<") } else { ("ASC", ">") };
    let after = query.after.as_ref().map_or(String::new(), |_| format!("AND id {beyond} ?4"));
    let part = |state: &str| {
        format!(
            "SELECT version, messages, state, owner, wake_at, updated_at, body, id
             FROM aggregate WHERE kind = ?1 {owner} {state} {after}"
        )
    };
    let place = |index: usize| format!("?{}", index + 5);
    let parts = if query.states.is_empty() {
        vec![part("")]
    } else if query.owner.is_some() {
        let distinct = query.states.iter().enumerate();
        distinct
            .filter(|(index, state)| !query.states[..*index].contains(state))
            .map(|(index, _)| part(&format!("AND state = {}", place(index))))
            .collect()
    } else {
        let states: Vec<String> = (0..query.states.len()).map(place).collect();
        vec![part(&format!("AND state IN ({})", states.join(", ")))]
    };
    format!("{} ORDER BY id {direction} LIMIT ?2", parts.join(" UNION ALL "))
}

fn published(row: &SqliteRow) -> Result<PublishedEvent, DbError> {
    Ok(PublishedEvent {
        id: row.try_get(0)?,
        kind: row.try_get(1)?,
        subject: row.try_get(2)?,
        sequence: batch::unsigned(row, 3)?,
        payload: row.try_get(4)?,
    })
}

fn dead_letter(row: &SqliteRow) -> Result<KeptDeadLetter, DbError> {
    let message_id: Option<&[u8]> = row.try_get(2)?;
    let attempts = batch::unsigned(row, 6)?;
    Ok(KeptDeadLetter {
        id: row.try_get(0)?,
        letter: DeadLetter {
            consumer: batch::consumer(row, 1)?,
            message_id: message_id.map(batch::to_message_id).transpose()?,
            bytes: row.try_get(3)?,
            headers: row.try_get(4)?,
            error: row.try_get(5)?,
            attempts: u32::try_from(attempts)
                .map_err(|_| DbError::Corrupt(format!("{attempts} attempts")))?,
            at: batch::time(row, 7)?,
        },
    })
}

//! Looking without deciding: what was committed, over connections that cannot write.

use async_trait::async_trait;
use contracts::{MessageId, Timestamp};
use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{
    PostgresDatabase, begin,
    column::{self, Stamp},
};
use crate::{
    HistoryEntry, Key,
    db::{
        DbError, DeadLetter, KeptDeadLetter, ListQuery, PublishedEvent, Reader, Row, SagaQuery,
        SagaRow,
    },
};

#[async_trait]
impl Reader for PostgresDatabase {
    async fn get(&self, key: &Key) -> Result<Option<Row>, DbError> {
        let query = sqlx::query(
            "SELECT version, messages, state, owner, wake_at, updated_at, body::text
             FROM aggregate WHERE kind = $1 AND id = $2",
        )
        .bind(key.kind.name)
        .bind(&*key.id);
        let row = self.within(query.fetch_optional(&self.inner.readers)).await?;
        row.as_ref().map(begin::aggregate).transpose()
    }

    async fn list(&self, query: &ListQuery) -> Result<Vec<(String, Row)>, DbError> {
        let statement = sqlx::query(AssertSqlSafe(list_sql(query)))
            .bind(query.kind)
            .bind(i64::from(query.limit))
            .bind(query.owner.as_deref())
            .bind(query.after.as_deref())
            .bind(&query.states);
        let rows = self.within(statement.fetch_all(&self.inner.readers)).await?;
        rows.iter().map(|row| Ok((row.try_get(7)?, begin::aggregate(row)?))).collect()
    }

    async fn streams(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<Uuid>, DbError> {
        let query = match after {
            None => sqlx::query_scalar(
                "SELECT DISTINCT stream FROM history WHERE $1::uuid IS NULL
                 ORDER BY stream LIMIT $2",
            ),
            Some(_) => sqlx::query_scalar(
                "SELECT DISTINCT stream FROM history WHERE stream > $1 ORDER BY stream LIMIT $2",
            ),
        };
        let query = query.bind(after).bind(i64::from(limit));
        self.within(query.fetch_all(&self.inner.readers)).await
    }

    async fn history(
        &self,
        stream: Uuid,
        after_version: u64,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>, DbError> {
        let query = sqlx::query(
            "SELECT version, at, body::text FROM history
             WHERE stream = $1 AND version > $2 ORDER BY version LIMIT $3",
        )
        .bind(stream)
        .bind(column::integer(after_version)?)
        .bind(i64::from(limit));
        let rows = self.within(query.fetch_all(&self.inner.readers)).await?;
        rows.iter()
            .map(|row| {
                Ok(HistoryEntry {
                    stream,
                    version: column::unsigned(row, 0)?,
                    at: column::time(row, 1)?,
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
        let query = sqlx::query(
            "SELECT id, kind, subject, sequence, payload::text FROM published_event
             WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit));
        let rows = self.within(query.fetch_all(&self.inner.readers)).await?;
        rows.iter().map(published).collect()
    }

    async fn published_about(&self, subjects: &[String]) -> Result<Vec<PublishedEvent>, DbError> {
        let query = sqlx::query(
            "SELECT id, kind, subject, sequence, payload::text FROM published_event
             WHERE subject = ANY ($1) ORDER BY subject, id",
        )
        .bind(subjects);
        let rows = self.within(query.fetch_all(&self.inner.readers)).await?;
        rows.iter().map(published).collect()
    }

    async fn dead_letters(&self, after: i64, limit: u32) -> Result<Vec<KeptDeadLetter>, DbError> {
        let query = sqlx::query(
            "SELECT id, consumer, message_id, bytes, headers, error, attempts, at
             FROM dead_letter WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit));
        let rows = self.within(query.fetch_all(&self.inner.readers)).await?;
        rows.iter().map(dead_letter).collect()
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<(String, String)>, DbError> {
        let query = sqlx::query(
            "SELECT kind, id FROM aggregate WHERE wake_at <= $1 ORDER BY wake_at LIMIT $2",
        )
        .bind(Stamp(now))
        .bind(i64::from(limit));
        let rows = self.within(query.fetch_all(&self.inner.readers)).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, DbError> {
        let query = sqlx::query("SELECT min(wake_at) FROM aggregate WHERE wake_at IS NOT NULL");
        let row = self.within(query.fetch_one(&self.inner.readers)).await?;
        column::optional_time(&row, 0)
    }
}

/// The statement for a list; its texts are all ours, the caller's are bound: 1 kind, 2 limit,
/// 3 owner, 4 after, 5 the states.
///
/// Of one owner there is one part for each state, which the index gives in order, no more of each
/// than the limit; so a list stays short however many rows the owner has in other states.
fn list_sql(query: &ListQuery) -> String {
    let owner = if query.owner.is_some() { "AND owner = $3" } else { "" };
    let (direction, beyond) = if query.descending { ("DESC", "<") } else { ("ASC", ">") };
    let after = query.after.as_ref().map_or(String::new(), |_| format!("AND id {beyond} $4"));
    let part = |state: &str| {
        format!(
            "(SELECT version, messages, state, owner, wake_at, updated_at, body::text, id
             FROM aggregate WHERE kind = $1 {owner} {state} {after}
             ORDER BY id {direction} LIMIT $2)"
        )
    };
    let parts = if query.states.is_empty() {
        vec![part("")]
    } else if query.owner.is_some() {
        let distinct = query.states.iter().enumerate();
        distinct
            .filter(|(index, state)| !query.states[..*index].contains(state))
            .map(|(index, _)| part(&format!("AND state = ($5::text[])[{}]", index + 1)))
            .collect()
    } else {
        vec![part("AND state = ANY ($5::text[])")]
    };
    format!("SELECT * FROM ({}) l ORDER BY id {direction} LIMIT $2", parts.join(" UNION ALL "))
}

fn published(row: &PgRow) -> Result<PublishedEvent, DbError> {
    Ok(PublishedEvent {
        id: row.try_get(0)?,
        kind: row.try_get(1)?,
        subject: row.try_get(2)?,
        sequence: column::unsigned(row, 3)?,
        payload: row.try_get(4)?,
    })
}

fn dead_letter(row: &PgRow) -> Result<KeptDeadLetter, DbError> {
    let message_id: Option<Uuid> = row.try_get(2)?;
    Ok(KeptDeadLetter {
        id: row.try_get(0)?,
        letter: DeadLetter {
            consumer: column::consumer(row, 1)?,
            message_id: message_id.map(MessageId),
            bytes: row.try_get(3)?,
            headers: row.try_get(4)?,
            error: row.try_get(5)?,
            attempts: column::count(row, 6)?,
            at: column::time(row, 7)?,
        },
    })
}

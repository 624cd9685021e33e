//! What a transaction stores: one statement for each table, and none where there is nothing. They
//! are run as one script that ends with the commit, since each way to SQLite's thread and back costs
//! more than most of them.

use contracts::Timestamp;
use serde::Serialize;
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::batch::{self, Texts, integer};
use crate::{
    HistoryEntry, Key,
    aggregate::bucket,
    db::{DbError, DeadLetter, NewMessage, Row, SagaRow, Writes},
};

const AGGREGATES: &str = "INSERT INTO aggregate
         (kind, id, version, messages, state, owner, wake_at, updated_at, body)
     SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6,
         value->>7, CAST(substr($2, value->>8, value->>9) AS TEXT)
     FROM jsonb_each($1) WHERE true
     ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version,
         messages = excluded.messages, state = excluded.state, owner = excluded.owner,
         wake_at = excluded.wake_at, updated_at = excluded.updated_at, body = excluded.body; ";
const HISTORY: &str = "INSERT INTO history (stream, version, at, body)
     SELECT value->>0, value->>1, value->>2, CAST(substr($4, value->>3, value->>4) AS TEXT)
     FROM jsonb_each($3); ";
const SAGAS: &str = "INSERT INTO saga
         (saga_id, order_id, definition, definition_version, version, status, waiting_on,
          waiting_since, next_attempt_at, stalled, customer_id, store_id, started_at, updated_at)
     SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6,
         value->>7, value->>8, value->>9, value->>10, value->>11, value->>12, value->>13
     FROM jsonb_each($5) WHERE true
     ON CONFLICT (saga_id) DO UPDATE SET version = excluded.version,
         status = excluded.status, waiting_on = excluded.waiting_on,
         waiting_since = excluded.waiting_since, next_attempt_at = excluded.next_attempt_at,
         stalled = excluded.stalled, updated_at = excluded.updated_at; ";
const MESSAGES: &str = "INSERT INTO outbox
         (bucket, key, seq, message_id, exchange, routing_key, payload, created_at)
     SELECT value->>0, value->>1, value->>2, unhex(value->>3), value->>4, value->>5,
         CAST(substr($7, value->>6, value->>7) AS TEXT), value->>8
     FROM jsonb_each($6); ";
const PUBLISHED: &str = "INSERT INTO published_event (kind, subject, sequence, payload)
     SELECT value->>0, value->>1, value->>2, CAST(substr($7, value->>3, value->>4) AS TEXT)
     FROM jsonb_each($8); ";
const DEAD_LETTERS: &str = "INSERT INTO dead_letter
         (consumer, message_id, bytes, headers, error, attempts, at)
     SELECT value->>0, unhex(value->>1), unhex(value->>2), value->>3, value->>4, value->>5,
         value->>6
     FROM jsonb_each($9); ";
const DELETES: &str = "DELETE FROM outbox WHERE id IN (SELECT value FROM json_each($10)); ";
const COMMIT: &str = "COMMIT";

/// Stores everything, deletes those outbox rows, and commits.
pub(super) async fn commit(
    connection: &mut SqliteConnection,
    writes: &Writes,
    deleted: &[i64],
) -> Result<(), DbError> {
    let mut script = Script::default();
    let (bodies, entries) = (&mut Texts::default(), &mut Texts::default());
    let payloads = &mut Texts::default();
    let aggregates = script.add(AGGREGATES, aggregates(&writes.rows, bodies)?)?;
    let history = script.add(HISTORY, history(&writes.history, entries)?)?;
    let sagas = script.add(SAGAS, sagas(&writes.sagas)?)?;
    let (messages, published) = messages(&writes.messages, writes.now, payloads)?;
    let messages = script.add(MESSAGES, messages)?;
    let published = script.add(PUBLISHED, published)?;
    let letters = script.add(DEAD_LETTERS, dead_letters(&writes.dead_letters))?;
    let deletes = script.add(DELETES, deleted.to_vec())?;
    script.sql.push_str(COMMIT);
    sqlx::query(AssertSqlSafe(script.sql))
        .bind(aggregates)
        .bind(std::mem::take(bodies).blob())
        .bind(history)
        .bind(std::mem::take(entries).blob())
        .bind(sagas)
        .bind(messages)
        .bind(std::mem::take(payloads).blob())
        .bind(published)
        .bind(letters)
        .bind(deletes)
        .execute(connection)
        .await?;
    Ok(())
}

/// Statements to be run one after another. Each names its own parameters by their numbers.
#[derive(Default)]
struct Script {
    sql: String,
}

impl Script {
    /// Adds a statement unless there is nothing for it; answers its parameter.
    fn add<T: Serialize>(
        &mut self,
        sql: &'static str,
        rows: Vec<T>,
    ) -> Result<Option<String>, DbError> {
        if rows.is_empty() {
            return Ok(None);
        }
        self.sql.push_str(sql);
        Ok(Some(batch::json(rows)?))
    }
}

fn aggregates<'a>(
    rows: &'a [(Key, Row)],
    bodies: &mut Texts,
) -> Result<Vec<impl Serialize + use<'a>>, DbError> {
    let row = |(key, row): &'a (Key, Row)| {
        let (start, length) = bodies.add(&row.body);
        Ok((
            key.kind.name,
            &*key.id,
            integer(row.version)?,
            integer(row.messages)?,
            &row.state,
            &row.owner,
            row.wake_at.map(Timestamp::as_millis),
            row.updated_at.as_millis(),
            start,
            length,
        ))
    };
    rows.iter().map(row).collect()
}

fn history(
    entries: &[HistoryEntry],
    bodies: &mut Texts,
) -> Result<Vec<impl Serialize + use<>>, DbError> {
    let row = |entry: &HistoryEntry| {
        let (start, length) = bodies.add(&entry.body);
        Ok((entry.stream, integer(entry.version)?, entry.at.as_millis(), start, length))
    };
    entries.iter().map(row).collect()
}

fn sagas(sagas: &[SagaRow]) -> Result<Vec<impl Serialize>, DbError> {
    sagas
        .iter()
        .map(|saga| {
            Ok((
                saga.saga_id,
                &saga.order_id,
                &saga.definition,
                saga.definition_version,
                integer(saga.version)?,
                &saga.status,
                &saga.waiting_on,
                saga.waiting_since.map(Timestamp::as_millis),
                saga.next_attempt_at.map(Timestamp::as_millis),
                saga.stalled,
                &saga.customer_id,
                &saga.store_id,
                saga.started_at.as_millis(),
                saga.updated_at.as_millis(),
            ))
        })
        .collect()
}

/// Rows for the outbox, and for `published_event`, which share their payloads.
#[allow(clippy::type_complexity, reason = "two lists of rows, each for a statement right above")]
fn messages<'a>(
    messages: &'a [NewMessage],
    now: Timestamp,
    payloads: &mut Texts,
) -> Result<(Vec<impl Serialize + use<'a>>, Vec<impl Serialize + use<'a>>), DbError> {
    let (mut outbox, mut published) = (Vec::with_capacity(messages.len()), Vec::new());
    for message in messages {
        let (start, length) = payloads.add(&message.payload);
        outbox.push((
            bucket(&message.key),
            &message.key,
            integer(message.seq)?,
            batch::hex_id(message.message_id),
            message.exchange,
            &message.routing_key,
            start,
            length,
            now.as_millis(),
        ));
        if let Some(event) = &message.published {
            let sequence = integer(event.sequence)?;
            published.push((&event.kind, &event.subject, sequence, start, length));
        }
    }
    Ok((outbox, published))
}

fn dead_letters(letters: &[DeadLetter]) -> Vec<impl Serialize> {
    letters
        .iter()
        .map(|letter| {
            (
                letter.consumer.as_str(),
                letter.message_id.map(batch::hex_id),
                batch::hex(&letter.bytes),
                &letter.headers,
                &letter.error,
                letter.attempts,
                letter.at.as_millis(),
            )
        })
        .collect()
}

pub(super) async fn prune_inbox(
    connection: &mut SqliteConnection,
    older_than: Timestamp,
    limit: u32,
) -> Result<u64, DbError> {
    let result = sqlx::query(
        "DELETE FROM inbox WHERE rowid IN
             (SELECT rowid FROM inbox WHERE time < ?1 ORDER BY time LIMIT ?2)",
    )
    .bind(older_than.as_millis())
    .bind(limit)
    .execute(connection)
    .await?;
    Ok(result.rows_affected())
}

pub(super) async fn forget_all(connection: &mut SqliteConnection) -> Result<u64, DbError> {
    sqlx::query("DELETE FROM inbox").execute(&mut *connection).await?;
    let result = sqlx::query("DELETE FROM aggregate").execute(connection).await?;
    Ok(result.rows_affected())
}

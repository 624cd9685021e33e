//! What a transaction stores: one statement for each table, and none where there is nothing.

use contracts::Timestamp;
use serde::Serialize;
use sqlx::SqliteConnection;

use super::batch::{self, integer};
use crate::{
    HistoryEntry, Key,
    aggregate::bucket,
    db::{DbError, DeadLetter, NewMessage, Row, SagaRow},
};

/// Runs one statement on all the rows; does nothing if there are none.
async fn each<T: Serialize>(
    connection: &mut SqliteConnection,
    sql: &'static str,
    rows: Vec<T>,
) -> Result<u64, DbError> {
    if rows.is_empty() {
        return Ok(0);
    }
    Ok(sqlx::query(sql).bind(batch::json(rows)?).execute(connection).await?.rows_affected())
}

pub(super) async fn aggregates(
    connection: &mut SqliteConnection,
    rows: &[(Key, Row)],
) -> Result<(), DbError> {
    let rows: Result<Vec<_>, DbError> = rows
        .iter()
        .map(|(key, row)| {
            Ok((
                key.kind.name,
                &*key.id,
                integer(row.version)?,
                integer(row.messages)?,
                &row.state,
                &row.owner,
                row.wake_at.map(Timestamp::as_millis),
                row.updated_at.as_millis(),
                &row.body,
            ))
        })
        .collect();
    let sql = "INSERT INTO aggregate
             (kind, id, version, messages, state, owner, wake_at, updated_at, body)
         SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6,
             value->>7, value->>8
         FROM json_each(?1) WHERE true
         ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version,
             messages = excluded.messages, state = excluded.state, owner = excluded.owner,
             wake_at = excluded.wake_at, updated_at = excluded.updated_at, body = excluded.body";
    each(connection, sql, rows?).await?;
    Ok(())
}

pub(super) async fn history(
    connection: &mut SqliteConnection,
    entries: &[HistoryEntry],
) -> Result<(), DbError> {
    let rows: Result<Vec<_>, DbError> = entries
        .iter()
        .map(|entry| Ok((entry.stream, integer(entry.version)?, entry.at.as_millis(), &entry.body)))
        .collect();
    let sql = "INSERT INTO history (stream, version, at, body)
         SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?1)";
    each(connection, sql, rows?).await?;
    Ok(())
}

pub(super) async fn sagas(
    connection: &mut SqliteConnection,
    sagas: &[SagaRow],
) -> Result<(), DbError> {
    let rows: Result<Vec<_>, DbError> = sagas
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
        .collect();
    let sql = "INSERT INTO saga
             (saga_id, order_id, definition, definition_version, version, status, waiting_on,
              waiting_since, next_attempt_at, stalled, customer_id, store_id, started_at,
              updated_at)
         SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6,
             value->>7, value->>8, value->>9, value->>10, value->>11, value->>12, value->>13
         FROM json_each(?1) WHERE true
         ON CONFLICT (saga_id) DO UPDATE SET version = excluded.version,
             status = excluded.status, waiting_on = excluded.waiting_on,
             waiting_since = excluded.waiting_since, next_attempt_at = excluded.next_attempt_at,
             stalled = excluded.stalled, updated_at = excluded.updated_at";
    each(connection, sql, rows?).await?;
    Ok(())
}

pub(super) async fn messages(
    connection: &mut SqliteConnection,
    messages: &[NewMessage],
    now: Timestamp,
) -> Result<(), DbError> {
    let rows: Result<Vec<_>, DbError> = messages
        .iter()
        .map(|message| {
            Ok((
                bucket(&message.key),
                &message.key,
                integer(message.seq)?,
                batch::hex_id(message.message_id),
                message.exchange,
                &message.routing_key,
                &message.payload,
                now.as_millis(),
            ))
        })
        .collect();
    let sql = "INSERT INTO outbox
             (bucket, key, seq, message_id, exchange, routing_key, payload, created_at)
         SELECT value->>0, value->>1, value->>2, unhex(value->>3), value->>4, value->>5,
             value->>6, value->>7
         FROM json_each(?1)";
    each(connection, sql, rows?).await?;

    let published: Result<Vec<_>, DbError> = messages
        .iter()
        .filter_map(|message| Some((message.published.as_ref()?, &message.payload)))
        .map(|(event, payload)| {
            Ok((&event.kind, &event.subject, integer(event.sequence)?, payload))
        })
        .collect();
    let sql = "INSERT INTO published_event (kind, subject, sequence, payload)
         SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?1)";
    each(connection, sql, published?).await?;
    Ok(())
}

pub(super) async fn dead_letters(
    connection: &mut SqliteConnection,
    letters: &[DeadLetter],
) -> Result<(), DbError> {
    let rows = letters
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
        .collect();
    let sql = "INSERT INTO dead_letter
             (consumer, message_id, bytes, headers, error, attempts, at)
         SELECT value->>0, unhex(value->>1), unhex(value->>2), value->>3, value->>4, value->>5,
             value->>6
         FROM json_each(?1)";
    each(connection, sql, rows).await?;
    Ok(())
}

pub(super) async fn deletes(connection: &mut SqliteConnection, ids: &[i64]) -> Result<(), DbError> {
    let sql = "DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?1))";
    each(connection, sql, ids.to_vec()).await?;
    Ok(())
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

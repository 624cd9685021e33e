//! What a transaction starts with: claiming inbox rows, reading aggregates, asking what the outbox
//! still holds. Each is one statement for the whole batch, and none if there is nothing to ask.

use std::collections::{HashMap, HashSet};

use contracts::{MessageId, QueueKind, Timestamp};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use super::batch;
use crate::{
    Key,
    db::{DbError, Received, Row},
};

/// Claims messages in the inbox; answers those that were there already.
pub(super) async fn claim(
    connection: &mut SqliteConnection,
    received: &[Received],
) -> Result<HashSet<(QueueKind, MessageId)>, DbError> {
    if received.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = batch::json(received.iter().map(|received| {
        let consumer = received.consumer.as_str();
        (consumer, batch::hex_id(received.message_id), received.time.as_millis())
    }))?;
    let claimed = sqlx::query(
        "INSERT INTO inbox (consumer, message_id, time)
         SELECT value->>0, unhex(value->>1), value->>2 FROM json_each(?1) WHERE true
         ON CONFLICT DO NOTHING
         RETURNING consumer, message_id",
    )
    .bind(rows)
    .fetch_all(connection)
    .await?;
    let mut seen: HashSet<_> =
        received.iter().map(|received| (received.consumer, received.message_id)).collect();
    for row in &claimed {
        seen.remove(&(batch::consumer(row, 0)?, batch::message_id(row, 1)?));
    }
    Ok(seen)
}

/// Reads those of the aggregates that exist.
pub(super) async fn load(
    connection: &mut SqliteConnection,
    keys: impl Iterator<Item = &Key>,
) -> Result<HashMap<Key, Row>, DbError> {
    let keys: Vec<&Key> = keys.collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    // CROSS JOIN keeps the order: for each key wanted, look into the index.
    let rows = sqlx::query(
        "SELECT a.version, a.messages, a.state, a.owner, a.wake_at, a.updated_at, a.body, j.key
         FROM json_each(?1) j
         CROSS JOIN aggregate a ON a.kind = j.value->>0 AND a.id = j.value->>1",
    )
    .bind(batch::json(keys.iter().map(|key| (key.kind.name, &*key.id)))?)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let place = usize::try_from(batch::unsigned(row, 7)?).unwrap_or(usize::MAX);
            let key = keys.get(place).ok_or_else(|| {
                DbError::Corrupt("an answer to a question that was not asked".to_owned())
            })?;
            Ok(((*key).clone(), aggregate(row)?))
        })
        .collect()
}

/// By bucket, when the oldest row that still lies there was written; `sent` are rows whose delete
/// is on its way.
pub(super) async fn oldest_unsent(
    connection: &mut SqliteConnection,
    buckets: &[u16],
    sent: &str,
) -> Result<HashMap<u16, Timestamp>, DbError> {
    if buckets.is_empty() {
        return Ok(HashMap::new());
    }
    // From the oldest row on, until the bucket turns up. Either the outbox is short or every
    // bucket turns up soon; an index by bucket would cost every message.
    let rows = sqlx::query(
        "SELECT j.value, o.created_at
         FROM json_each(?1) j
         CROSS JOIN outbox o ON o.id = (
             SELECT id FROM outbox
             WHERE bucket = j.value AND id NOT IN (SELECT value FROM json_each(?2))
             ORDER BY id LIMIT 1)",
    )
    .bind(batch::json(buckets)?)
    .bind(sent)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let bucket = u16::try_from(batch::unsigned(row, 0)?)
                .map_err(|_| DbError::Corrupt("a bucket that was not asked for".to_owned()))?;
            Ok((bucket, batch::time(row, 1)?))
        })
        .collect()
}

/// An aggregate's row, from the columns `version` … `body`.
pub(super) fn aggregate(row: &SqliteRow) -> Result<Row, DbError> {
    Ok(Row {
        version: batch::unsigned(row, 0)?,
        messages: batch::unsigned(row, 1)?,
        state: row.try_get(2)?,
        owner: row.try_get(3)?,
        wake_at: batch::optional_time(row, 4)?,
        updated_at: batch::time(row, 5)?,
        body: row.try_get(6)?,
    })
}

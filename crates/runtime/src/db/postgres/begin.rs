//! What a transaction starts with: claiming inbox rows, locking and reading aggregates, asking what
//! the outbox still holds. Each is one statement for the whole batch, and none if there is nothing
//! to ask.
//!
//! Whatever can make another transaction wait is done in one order by everybody: the inbox by
//! message id, then the aggregates by key, first the places of new ones and then the locks. A place
//! is waited for only by those who hold no lock of the same phase, so that nothing deadlocks.

use std::collections::{HashMap, HashSet};

use contracts::{MessageId, QueueKind, Timestamp};
use mutants::mutant;
use sqlx::{PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::column::{self, Stamp};
use crate::{
    Key,
    db::{DbError, Received, Row},
};

const LOOK: &str =
    "SELECT x.version, x.messages, x.state, x.owner, x.wake_at, x.updated_at, x.body::text, k.place
     FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (kind, id, place)
     CROSS JOIN LATERAL (
         SELECT * FROM aggregate a WHERE a.kind = k.kind AND a.id = k.id LIMIT 1) x";
/// The same, and nobody else changes them meanwhile.
const LOCK: &str =
    "SELECT x.version, x.messages, x.state, x.owner, x.wake_at, x.updated_at, x.body::text, k.place
     FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (kind, id, place)
     CROSS JOIN LATERAL (
         SELECT * FROM aggregate a WHERE a.kind = k.kind AND a.id = k.id LIMIT 1 FOR UPDATE) x";

/// Claims messages in the inbox; answers those that were there already.
pub(super) async fn claim(
    connection: &mut PgConnection,
    received: &[Received],
) -> Result<HashSet<(QueueKind, MessageId)>, DbError> {
    if received.is_empty() {
        return Ok(HashSet::new());
    }
    let mut received: Vec<&Received> = received.iter().collect();
    received.sort_by_key(|received| (received.message_id.0, received.consumer.as_str()));
    let consumers: Vec<&str> = received.iter().map(|it| it.consumer.as_str()).collect();
    let ids: Vec<Uuid> = received.iter().map(|it| it.message_id.0).collect();
    let times: Vec<Stamp> = received.iter().map(|it| Stamp(it.time)).collect();
    let claimed = sqlx::query(
        "INSERT INTO inbox (consumer, message_id, time)
         SELECT * FROM unnest($1::text[], $2::uuid[], $3::timestamptz[])
         ON CONFLICT DO NOTHING
         RETURNING consumer, message_id",
    )
    .bind(consumers)
    .bind(ids)
    .bind(times)
    .fetch_all(connection)
    .await?;
    let mut seen: HashSet<_> =
        received.iter().map(|received| (received.consumer, received.message_id)).collect();
    for row in &claimed {
        seen.remove(&(column::consumer(row, 0)?, column::message_id(row, 1)?));
    }
    if mutant!("postgres-does-not-tell-what-was-seen") {
        seen.clear();
    }
    Ok(seen)
}

/// Locks aggregates in the order given. Those that do not exist get a row of version 0 to lock,
/// which is added to `placed`; whoever commits takes it away again unless it saves the aggregate.
pub(super) async fn lock(
    connection: &mut PgConnection,
    keys: &[Key],
    placed: &mut HashSet<Key>,
) -> Result<HashMap<Key, Row>, DbError> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let (kinds, ids) = columns(keys);
    let new = sqlx::query(
        "INSERT INTO aggregate (kind, id, version, messages, state, updated_at, body)
         SELECT kind, id, 0, 0, '', '-infinity', 'null'
         FROM unnest($1::text[], $2::text[]) AS k (kind, id)
         ON CONFLICT DO NOTHING
         RETURNING kind, id",
    )
    .bind(&kinds)
    .bind(&ids)
    .fetch_all(&mut *connection)
    .await?;
    if !new.is_empty() {
        let mut pairs = HashSet::new();
        for row in &new {
            pairs.insert((row.try_get::<&str, _>(0)?, row.try_get::<&str, _>(1)?));
        }
        let made = keys.iter().filter(|key| pairs.contains(&(key.kind.name, &*key.id)));
        placed.extend(made.cloned());
        if new.len() == keys.len() {
            return Ok(HashMap::new());
        }
    }
    // Row by row in the order of the keys: nothing but a walk along them can carry this out, since
    // the inner query needs the key and its limit keeps it from being joined in another way.
    let locking = if mutant!("postgres-reads-without-a-lock") { LOOK } else { LOCK };
    let rows = sqlx::query(locking).bind(kinds).bind(ids).fetch_all(connection).await?;
    found(&rows, keys)
}

/// Reads those of the aggregates that exist, without a lock.
pub(super) async fn look(
    connection: &mut PgConnection,
    keys: &[Key],
) -> Result<HashMap<Key, Row>, DbError> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let (kinds, ids) = columns(keys);
    let rows = sqlx::query(LOOK).bind(kinds).bind(ids).fetch_all(connection).await?;
    found(&rows, keys)
}

fn columns(keys: &[Key]) -> (Vec<&str>, Vec<&str>) {
    keys.iter().map(|key| (key.kind.name, &*key.id)).unzip()
}

/// Answers to questions about `keys`, each with its place (from 1) as the last column.
fn found(rows: &[PgRow], keys: &[Key]) -> Result<HashMap<Key, Row>, DbError> {
    let mut found = HashMap::with_capacity(rows.len());
    for row in rows {
        let place = usize::try_from(column::unsigned(row, 7)?).unwrap_or(usize::MAX);
        let key = place.checked_sub(1).and_then(|place| keys.get(place)).ok_or_else(|| {
            DbError::Corrupt("an answer to a question that was not asked".to_owned())
        })?;
        let row = aggregate(row)?;
        if row.version > 0 {
            found.insert(key.clone(), row);
        }
    }
    Ok(found)
}

/// By bucket, when the oldest row that still lies there was written.
pub(super) async fn oldest_unsent(
    connection: &mut PgConnection,
    buckets: &[u16],
) -> Result<HashMap<u16, Timestamp>, DbError> {
    if buckets.is_empty() {
        return Ok(HashMap::new());
    }
    let asked: Vec<i16> =
        buckets.iter().map(|bucket| column::small(*bucket)).collect::<Result<_, _>>()?;
    let rows = sqlx::query(
        "SELECT b.bucket, o.created_at
         FROM unnest($1::smallint[]) AS b (bucket)
         CROSS JOIN LATERAL (
             SELECT created_at FROM outbox x WHERE x.bucket = b.bucket ORDER BY x.id LIMIT 1) o",
    )
    .bind(asked)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok((column::bucket(row, 0)?, column::time(row, 1)?))).collect()
}

/// An aggregate's row, from the columns `version` … `body`.
pub(super) fn aggregate(row: &PgRow) -> Result<Row, DbError> {
    Ok(Row {
        version: column::unsigned(row, 0)?,
        messages: column::unsigned(row, 1)?,
        state: row.try_get(2)?,
        owner: row.try_get(3)?,
        wake_at: column::optional_time(row, 4)?,
        updated_at: column::time(row, 5)?,
        body: row.try_get(6)?,
    })
}

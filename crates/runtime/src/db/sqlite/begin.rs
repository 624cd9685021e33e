//! What a transaction starts with: claiming inbox rows, reading aggregates, asking what the outbox
//! still holds. Each is one statement for the whole batch, and none if there is nothing to ask; they
//! are run as one script, since each way to SQLite's thread and back costs more than most of them.

use std::collections::HashMap;

use mutants::mutant;
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection, sqlite::SqliteRow};

use super::batch;
use crate::{
    Key,
    db::{Begin, DbError, Opened, Row},
};

/// What a transaction starts with, as one script: it goes to SQLite and back once.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";

// Those that are there already are asked for first: nearly always there are none, and each row that
// comes back costs more than a look into the index.
const CLAIM: &str = "; SELECT i.consumer, i.message_id
     FROM jsonb_each($1) j
     CROSS JOIN inbox i ON i.message_id = unhex(j.value->>1) AND i.consumer = j.value->>0
     ; INSERT INTO inbox (consumer, message_id, time)
     SELECT value->>0, unhex(value->>1), value->>2 FROM jsonb_each($1) WHERE true
     ON CONFLICT DO NOTHING";
/// How many columns tell of a message that was seen before.
const SEEN: usize = 2;

// CROSS JOIN keeps the order: for each key wanted, look into the index.
const LOAD: &str =
    "; SELECT a.version, a.messages, a.state, a.owner, a.wake_at, a.updated_at, a.body, j.key
     FROM jsonb_each($2) j
     CROSS JOIN aggregate a ON a.kind = j.value->>0 AND a.id = j.value->>1";
/// How many columns tell of an aggregate.
const LOADED: usize = 8;

// From the oldest row on, until the bucket turns up. Either the outbox is short or every bucket
// turns up soon; an index by bucket would cost every message. `$4` are rows whose delete is on its
// way.
const OLDEST: &str = "; SELECT j.value, o.created_at, NULL
     FROM json_each($3) j
     CROSS JOIN outbox o ON o.id = (
         SELECT id FROM outbox
         WHERE bucket = j.value AND id NOT IN (SELECT value FROM json_each($4))
         ORDER BY id LIMIT 1)";
/// How many columns tell of a bucket.
const DATED: usize = 3;

/// Begins the transaction; claims, reads and asks what the caller begins with. `sent` answers with
/// the outbox rows whose delete is on its way, as a JSON array.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
    wanted: &Begin,
    sent: impl FnOnce() -> String,
) -> Result<Opened, DbError> {
    let keys: Vec<&Key> = wanted.lock.iter().chain(&wanted.look).collect();
    let mut sql = BEGIN.to_owned();
    let (mut claims, mut loads, mut buckets, mut hidden) = (None, None, None, None);
    if !wanted.received.is_empty() {
        sql.push_str(CLAIM);
        claims = Some(batch::json(wanted.received.iter().map(|received| {
            let consumer = received.consumer.as_str();
            (consumer, batch::hex_id(received.message_id), received.time.as_millis())
        }))?);
    }
    if !keys.is_empty() {
        sql.push_str(LOAD);
        loads = Some(named(&keys)?);
    }
    if !wanted.oldest_unsent.is_empty() {
        sql.push_str(OLDEST);
        buckets = Some(batch::json(&wanted.oldest_unsent)?);
        hidden = Some(sent());
    }
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(claims)
        .bind(loads)
        .bind(buckets)
        .bind(hidden)
        .fetch_all(connection)
        .await?;
    let mut opened = Opened::default();
    for row in &rows {
        match row.len() {
            SEEN if mutant!("sqlite-does-not-tell-what-was-seen") => {}
            SEEN => {
                opened.seen.insert((batch::consumer(row, 0)?, batch::message_id(row, 1)?));
            }
            LOADED => {
                let (key, found) = loaded(&keys, row)?;
                opened.rows.insert(key, found);
            }
            DATED if mutant!("sqlite-does-not-tell-what-is-unsent") => {}
            DATED => {
                let bucket = u16::try_from(batch::unsigned(row, 0)?).map_err(|_| unasked())?;
                opened.oldest_unsent.insert(bucket, batch::time(row, 1)?);
            }
            _ => return Err(unasked()),
        }
    }
    Ok(opened)
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
    let rows = sqlx::query(LOAD.trim_start_matches("; "))
        .bind(None::<String>)
        .bind(named(&keys)?)
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| loaded(&keys, row)).collect()
}

fn named(keys: &[&Key]) -> Result<String, DbError> {
    batch::json(keys.iter().map(|key| (key.kind.name, &*key.id)))
}

fn loaded(keys: &[&Key], row: &SqliteRow) -> Result<(Key, Row), DbError> {
    let place = usize::try_from(batch::unsigned(row, 7)?).unwrap_or(usize::MAX);
    let key = keys.get(place).ok_or_else(unasked)?;
    Ok(((*key).clone(), aggregate(row)?))
}

fn unasked() -> DbError {
    DbError::Corrupt("an answer to a question that was not asked".to_owned())
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

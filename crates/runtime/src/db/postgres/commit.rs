//! What a transaction stores: one statement for each table, and none where there is nothing.

use std::collections::{BTreeMap, HashSet};

use contracts::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::column::{Stamp, integer, small};
use crate::{
    HistoryEntry, Key,
    aggregate::bucket,
    db::{DbError, DeadLetter, NewMessage, Row, SagaRow},
};

/// Saves aggregates, and takes away the places that were kept for those that are not saved.
pub(super) async fn aggregates(
    connection: &mut PgConnection,
    rows: &[(Key, Row)],
    placed: &HashSet<Key>,
) -> Result<(), DbError> {
    // One statement changes a row once; of several versions of one aggregate the last one stands.
    let rows: BTreeMap<&Key, &Row> = rows.iter().map(|(key, row)| (key, row)).collect();
    let unused: Vec<&Key> = placed.iter().filter(|key| !rows.contains_key(key)).collect();
    save(connection, &rows).await?;
    if unused.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "DELETE FROM aggregate WHERE version = 0 AND ctid = ANY (ARRAY(
             SELECT x.ctid FROM unnest($1::text[], $2::text[]) AS k (kind, id)
             CROSS JOIN LATERAL (
                 SELECT a.ctid FROM aggregate a
                 WHERE a.kind = k.kind AND a.id = k.id LIMIT 1) x))",
    )
    .bind(unused.iter().map(|key| key.kind.name).collect::<Vec<&str>>())
    .bind(unused.iter().map(|key| &*key.id).collect::<Vec<&str>>())
    .execute(connection)
    .await?;
    Ok(())
}

async fn save(connection: &mut PgConnection, rows: &BTreeMap<&Key, &Row>) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    let numbers = |of: fn(&Row) -> u64| -> Result<Vec<i64>, DbError> {
        rows.values().map(|row| integer(of(row))).collect()
    };
    sqlx::query(
        "INSERT INTO aggregate
             (kind, id, version, messages, state, owner, wake_at, updated_at, body)
         SELECT kind, id, version, messages, state, owner, wake_at, updated_at, body::jsonb
         FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[],
             $7::timestamptz[], $8::timestamptz[], $9::text[])
             AS r (kind, id, version, messages, state, owner, wake_at, updated_at, body)
         ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version,
             messages = excluded.messages, state = excluded.state, owner = excluded.owner,
             wake_at = excluded.wake_at, updated_at = excluded.updated_at, body = excluded.body",
    )
    .bind(rows.keys().map(|key| key.kind.name).collect::<Vec<&str>>())
    .bind(rows.keys().map(|key| &*key.id).collect::<Vec<&str>>())
    .bind(numbers(|row| row.version)?)
    .bind(numbers(|row| row.messages)?)
    .bind(rows.values().map(|row| row.state.as_str()).collect::<Vec<&str>>())
    .bind(rows.values().map(|row| row.owner.as_deref()).collect::<Vec<Option<&str>>>())
    .bind(rows.values().map(|row| row.wake_at.map(Stamp)).collect::<Vec<Option<Stamp>>>())
    .bind(rows.values().map(|row| Stamp(row.updated_at)).collect::<Vec<Stamp>>())
    .bind(rows.values().map(|row| row.body.as_str()).collect::<Vec<&str>>())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn history(
    connection: &mut PgConnection,
    entries: &[HistoryEntry],
) -> Result<(), DbError> {
    if entries.is_empty() {
        return Ok(());
    }
    let versions: Result<Vec<i64>, DbError> =
        entries.iter().map(|entry| integer(entry.version)).collect();
    sqlx::query(
        "INSERT INTO history (stream, version, at, body)
         SELECT stream, version, at, body::json
         FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::text[])
             AS e (stream, version, at, body)",
    )
    .bind(entries.iter().map(|entry| entry.stream).collect::<Vec<Uuid>>())
    .bind(versions?)
    .bind(entries.iter().map(|entry| Stamp(entry.at)).collect::<Vec<Stamp>>())
    .bind(entries.iter().map(|entry| entry.body.as_str()).collect::<Vec<&str>>())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn sagas(connection: &mut PgConnection, sagas: &[SagaRow]) -> Result<(), DbError> {
    if sagas.is_empty() {
        return Ok(());
    }
    let sagas: BTreeMap<Uuid, &SagaRow> = sagas.iter().map(|saga| (saga.saga_id, saga)).collect();
    let texts = |of: fn(&SagaRow) -> &String| -> Vec<&str> {
        sagas.values().map(|saga| of(saga).as_str()).collect()
    };
    let times = |of: fn(&SagaRow) -> Timestamp| -> Vec<Stamp> {
        sagas.values().map(|saga| Stamp(of(saga))).collect()
    };
    let optional_times = |of: fn(&SagaRow) -> Option<Timestamp>| -> Vec<Option<Stamp>> {
        sagas.values().map(|saga| of(saga).map(Stamp)).collect()
    };
    let versions: Result<Vec<i64>, DbError> =
        sagas.values().map(|saga| integer(saga.version)).collect();
    sqlx::query(
        "INSERT INTO saga
             (saga_id, order_id, definition, definition_version, version, status, waiting_on,
              waiting_since, next_attempt_at, stalled, customer_id, store_id, started_at,
              updated_at)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[],
             $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[], $10::boolean[],
             $11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[])
         ON CONFLICT (saga_id) DO UPDATE SET version = excluded.version,
             status = excluded.status, waiting_on = excluded.waiting_on,
             waiting_since = excluded.waiting_since, next_attempt_at = excluded.next_attempt_at,
             stalled = excluded.stalled, updated_at = excluded.updated_at",
    )
    .bind(sagas.keys().copied().collect::<Vec<Uuid>>())
    .bind(texts(|saga| &saga.order_id))
    .bind(texts(|saga| &saga.definition))
    .bind(sagas.values().map(|saga| i64::from(saga.definition_version)).collect::<Vec<i64>>())
    .bind(versions?)
    .bind(texts(|saga| &saga.status))
    .bind(sagas.values().map(|saga| saga.waiting_on.as_deref()).collect::<Vec<Option<&str>>>())
    .bind(optional_times(|saga| saga.waiting_since))
    .bind(optional_times(|saga| saga.next_attempt_at))
    .bind(sagas.values().map(|saga| saga.stalled).collect::<Vec<bool>>())
    .bind(texts(|saga| &saga.customer_id))
    .bind(texts(|saga| &saga.store_id))
    .bind(times(|saga| saga.started_at))
    .bind(times(|saga| saga.updated_at))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn messages(
    connection: &mut PgConnection,
    messages: &[NewMessage],
    now: Timestamp,
) -> Result<(), DbError> {
    if messages.is_empty() {
        return Ok(());
    }
    let buckets: Result<Vec<i16>, DbError> =
        messages.iter().map(|message| small(bucket(&message.key))).collect();
    let seqs: Result<Vec<i64>, DbError> =
        messages.iter().map(|message| integer(message.seq)).collect();
    // Sorted before the identities are made: within a key they grow as the messages do.
    sqlx::query(
        "INSERT INTO outbox
             (bucket, key, seq, message_id, exchange, routing_key, payload, created_at)
         SELECT bucket, key, seq, message_id, exchange, routing_key, payload, $8
         FROM unnest($1::smallint[], $2::text[], $3::bigint[], $4::uuid[], $5::text[], $6::text[],
             $7::bytea[]) WITH ORDINALITY
             AS m (bucket, key, seq, message_id, exchange, routing_key, payload, place)
         ORDER BY place",
    )
    .bind(buckets?)
    .bind(messages.iter().map(|message| message.key.as_str()).collect::<Vec<&str>>())
    .bind(seqs?)
    .bind(messages.iter().map(|message| message.message_id.0).collect::<Vec<Uuid>>())
    .bind(messages.iter().map(|message| message.exchange).collect::<Vec<&str>>())
    .bind(messages.iter().map(|message| message.routing_key.as_str()).collect::<Vec<&str>>())
    .bind(messages.iter().map(|message| message.payload.as_bytes()).collect::<Vec<&[u8]>>())
    .bind(Stamp(now))
    .execute(&mut *connection)
    .await?;
    published(connection, messages).await
}

async fn published(connection: &mut PgConnection, messages: &[NewMessage]) -> Result<(), DbError> {
    let events: Vec<_> = messages
        .iter()
        .filter_map(|message| Some((message.published.as_ref()?, message.payload.as_str())))
        .collect();
    if events.is_empty() {
        return Ok(());
    }
    let sequences: Result<Vec<i64>, DbError> =
        events.iter().map(|(event, _)| integer(event.sequence)).collect();
    sqlx::query(
        "INSERT INTO published_event (kind, subject, sequence, payload)
         SELECT kind, subject, sequence, payload::json
         FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) WITH ORDINALITY
             AS e (kind, subject, sequence, payload, place)
         ORDER BY place",
    )
    .bind(events.iter().map(|(event, _)| event.kind.as_str()).collect::<Vec<&str>>())
    .bind(events.iter().map(|(event, _)| event.subject.as_str()).collect::<Vec<&str>>())
    .bind(sequences?)
    .bind(events.iter().map(|(_, payload)| *payload).collect::<Vec<&str>>())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn dead_letters(
    connection: &mut PgConnection,
    letters: &[DeadLetter],
) -> Result<(), DbError> {
    if letters.is_empty() {
        return Ok(());
    }
    // A text column takes every character but U+0000, and a letter that is refused blocks a queue.
    let readable = |text: &str| text.replace('\0', "\u{fffd}");
    sqlx::query(
        "INSERT INTO dead_letter (consumer, message_id, bytes, headers, error, attempts, at)
         SELECT consumer, message_id, bytes, headers, error, attempts, at
         FROM unnest($1::text[], $2::uuid[], $3::bytea[], $4::text[], $5::text[], $6::bigint[],
             $7::timestamptz[]) WITH ORDINALITY
             AS l (consumer, message_id, bytes, headers, error, attempts, at, place)
         ORDER BY place",
    )
    .bind(letters.iter().map(|letter| letter.consumer.as_str()).collect::<Vec<&str>>())
    .bind(letters.iter().map(|letter| letter.message_id.map(|id| id.0)).collect::<Vec<_>>())
    .bind(letters.iter().map(|letter| letter.bytes.as_slice()).collect::<Vec<&[u8]>>())
    .bind(letters.iter().map(|letter| readable(&letter.headers)).collect::<Vec<String>>())
    .bind(letters.iter().map(|letter| readable(&letter.error)).collect::<Vec<String>>())
    .bind(letters.iter().map(|letter| i64::from(letter.attempts)).collect::<Vec<i64>>())
    .bind(letters.iter().map(|letter| Stamp(letter.at)).collect::<Vec<Stamp>>())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn prune_inbox(
    connection: &mut PgConnection,
    older_than: Timestamp,
    limit: u32,
) -> Result<u64, DbError> {
    let result = sqlx::query(
        "DELETE FROM inbox
         WHERE ctid = ANY (ARRAY(SELECT ctid FROM inbox WHERE time < $1 LIMIT $2))",
    )
    .bind(Stamp(older_than))
    .bind(i64::from(limit))
    .execute(connection)
    .await?;
    Ok(result.rows_affected())
}

/// Alone with both tables: a batch under way beside it could leave an inbox row whose aggregate is
/// gone, and what is sent again would be dropped as seen.
pub(super) async fn forget_all(connection: &mut PgConnection) -> Result<u64, DbError> {
    sqlx::query("LOCK TABLE inbox, aggregate IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *connection)
        .await?;
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM aggregate").fetch_one(&mut *connection).await?;
    sqlx::query("TRUNCATE inbox, aggregate").execute(connection).await?;
    Ok(u64::try_from(rows).unwrap_or_default())
}

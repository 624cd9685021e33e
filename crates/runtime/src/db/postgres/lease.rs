//! The outbox as relays share it. A lease is a row with an owner and an epoch; reading joins it, so
//! that a relay whose lease has gone reads nothing, whatever its own clock says.

use async_trait::async_trait;
use mutants::mutant;
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use super::{PostgresOutbox, column, outbox};
use crate::{
    aggregate::BUCKETS,
    db::{DbError, Floor, LEASE, Leases, Parked, PutOff, SharedOutbox, SharedRow},
};

/// A pause as the server adds it to its own clock.
fn millis(pause: std::time::Duration) -> i64 {
    i64::try_from(pause.as_millis()).unwrap_or(i64::MAX)
}

#[async_trait]
impl SharedOutbox for PostgresOutbox {
    async fn lease(&self, owner: Uuid) -> Result<Leases, DbError> {
        let beat = sqlx::query_scalar(
            "WITH beat AS (
                 INSERT INTO outbox_relay (owner, expires_at)
                 VALUES ($1, clock_timestamp() + $2 * interval '1 ms')
                 ON CONFLICT (owner) DO UPDATE SET expires_at = excluded.expires_at),
             gone AS (
                 DELETE FROM outbox_relay WHERE owner IN (
                     SELECT owner FROM outbox_relay
                     WHERE owner <> $1 AND expires_at < clock_timestamp() - interval '1 hour'
                     FOR UPDATE SKIP LOCKED))
             SELECT count(*) + 1 FROM outbox_relay
             WHERE owner <> $1 AND expires_at > clock_timestamp()",
        )
        .bind(owner)
        .bind(millis(LEASE));
        let live: i64 = self.within(beat.fetch_one(self.pool())).await?;
        let live = u16::try_from(live).unwrap_or(BUCKETS).max(1);
        let share = if mutant!("postgres-leases-all-to-the-first") {
            BUCKETS
        } else {
            BUCKETS.div_ceil(live)
        };
        let take = sqlx::query(
            "WITH p AS (
                 SELECT bucket FROM outbox_lease
                 WHERE owner = $1 OR expires_at < clock_timestamp()
                 ORDER BY (owner IS NOT DISTINCT FROM $1) DESC, bucket
                 LIMIT greatest($2, (SELECT count(*) FROM outbox_lease WHERE owner = $1))
                 FOR UPDATE SKIP LOCKED)
             UPDATE outbox_lease l SET owner = $1,
                 epoch = l.epoch
                     + (l.owner IS DISTINCT FROM $1 OR l.expires_at < clock_timestamp())::int,
                 expires_at = clock_timestamp() + $3 * interval '1 ms'
             FROM p WHERE l.bucket = p.bucket
             RETURNING l.bucket, l.epoch",
        )
        .bind(owner)
        .bind(i64::from(share))
        .bind(millis(LEASE));
        let rows = self.within(take.fetch_all(self.pool())).await?;
        let mut held = rows
            .iter()
            .map(|row| Ok((column::bucket(row, 0)?, row.try_get(1)?)))
            .collect::<Result<Vec<(u16, i64)>, DbError>>()?;
        held.sort_unstable();
        Ok(Leases { held, share })
    }

    async fn give_up(&self, owner: Uuid, buckets: &[u16], ending: bool) -> Result<(), DbError> {
        let buckets: Vec<i16> =
            buckets.iter().map(|it| column::small(*it)).collect::<Result<_, _>>()?;
        let free = sqlx::query(
            "UPDATE outbox_lease SET expires_at = '-infinity', owner = NULL
             WHERE owner = $1 AND bucket = ANY ($2)",
        )
        .bind(owner)
        .bind(buckets);
        self.within(free.execute(self.pool())).await?;
        if ending {
            let leave = sqlx::query("DELETE FROM outbox_relay WHERE owner = $1").bind(owner);
            self.within(leave.execute(self.pool())).await?;
        }
        Ok(())
    }

    async fn read_leased(
        &self,
        owner: Uuid,
        floors: &[Floor],
        limit: u32,
    ) -> Result<Vec<SharedRow>, DbError> {
        if floors.is_empty() {
            return Ok(Vec::new());
        }
        let buckets: Vec<i16> =
            floors.iter().map(|floor| column::small(floor.bucket)).collect::<Result<_, _>>()?;
        let columns = outbox::COLUMNS;
        let mut sql = format!(
            "SELECT {columns}, x.bucket, x.attempts::bigint
             FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS b (bucket, epoch, floor)
             JOIN outbox_lease l ON l.bucket = b.bucket AND l.epoch = b.epoch AND l.owner = $4
                 AND l.expires_at > clock_timestamp()
             CROSS JOIN LATERAL (
                 SELECT * FROM outbox o
                 WHERE o.bucket = b.bucket AND o.id > b.floor
                     AND o.key <> ALL (ARRAY(
                         SELECT w.key FROM outbox w
                         WHERE w.bucket = b.bucket AND w.not_before IS NOT NULL
                             AND (w.not_before > clock_timestamp() OR w.id <= b.floor)))
                 ORDER BY o.id LIMIT $5) x
             ORDER BY x.id"
        );
        if mutant!("postgres-reads-behind-a-lease") {
            sql = sql.replace("AND l.expires_at > clock_timestamp()", "");
        }
        if mutant!("postgres-reads-the-key-of-a-row-that-waits") {
            sql = sql.replace("w.not_before > clock_timestamp() OR w.id <= b.floor", "false");
        }
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(buckets)
            .bind(floors.iter().map(|floor| floor.epoch).collect::<Vec<i64>>())
            .bind(floors.iter().map(|floor| floor.after).collect::<Vec<i64>>())
            .bind(owner)
            .bind(i64::from(limit));
        let rows = self.within(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| {
                Ok(SharedRow {
                    row: outbox::outbox_row(row)?,
                    bucket: column::bucket(row, 8)?,
                    attempts: column::count(row, 9)?,
                })
            })
            .collect()
    }

    async fn delete_sent(&self, rows: &[(u16, i64)]) -> Result<(), DbError> {
        if rows.is_empty() {
            return Ok(());
        }
        let buckets: Vec<i16> =
            rows.iter().map(|(bucket, _)| column::small(*bucket)).collect::<Result<_, _>>()?;
        // Row by row along the primary key, whatever the planner believes of the table's size.
        let query = sqlx::query(
            "DELETE FROM outbox WHERE ctid = ANY (ARRAY(
                 SELECT x.ctid FROM unnest($1::smallint[], $2::bigint[]) AS s (bucket, id)
                 CROSS JOIN LATERAL (
                     SELECT o.ctid FROM outbox o
                     WHERE o.bucket = s.bucket AND o.id = s.id LIMIT 1) x))",
        )
        .bind(buckets)
        .bind(rows.iter().map(|(_, id)| *id).collect::<Vec<i64>>());
        self.within(query.execute(self.pool())).await?;
        Ok(())
    }

    async fn put_off(&self, rows: &[PutOff]) -> Result<(), DbError> {
        if rows.is_empty() {
            return Ok(());
        }
        let buckets: Vec<i16> =
            rows.iter().map(|row| column::small(row.bucket)).collect::<Result<_, _>>()?;
        let query = sqlx::query(
            "UPDATE outbox o SET attempts = least(o.attempts::int + 1, 32767)::smallint,
                 not_before = clock_timestamp() + p.pause * interval '1 ms', last_error = p.error
             FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::text[])
                 AS p (bucket, id, pause, error)
             CROSS JOIN LATERAL (
                 SELECT i.ctid FROM outbox i
                 WHERE i.bucket = p.bucket AND i.id = p.id LIMIT 1) x
             WHERE o.ctid = x.ctid",
        )
        .bind(buckets)
        .bind(rows.iter().map(|row| row.id).collect::<Vec<i64>>())
        .bind(rows.iter().map(|row| millis(row.pause)).collect::<Vec<i64>>())
        .bind(rows.iter().map(|row| row.error.replace('\0', "\u{fffd}")).collect::<Vec<String>>());
        self.within(query.execute(self.pool())).await?;
        Ok(())
    }

    async fn park(&self, bucket: u16, id: i64, error: &str) -> Result<bool, DbError> {
        self.move_to_parked(bucket, id, error).await
    }

    async fn parked(&self, after: i64, limit: u32) -> Result<Vec<Parked>, DbError> {
        self.read_parked(after, limit).await
    }

    async fn parked_count(&self) -> Result<u64, DbError> {
        self.count_parked().await
    }

    async fn redrive(&self, ids: &[i64]) -> Result<u64, DbError> {
        Box::pin(self.send_again(ids)).await
    }
}

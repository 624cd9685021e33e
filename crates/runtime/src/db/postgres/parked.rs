//! Messages that the broker does not take: out of the outbox, so that nothing waits for them, and
//! kept until somebody sends them again.

use sqlx::Row as _;

use super::{PostgresOutbox, column};
use crate::db::{DbError, Parked};

impl PostgresOutbox {
    pub(super) async fn move_to_parked(
        &self,
        bucket: u16,
        id: i64,
        error: &str,
    ) -> Result<bool, DbError> {
        let query = sqlx::query(
            "WITH gone AS (DELETE FROM outbox WHERE bucket = $1 AND id = $2 RETURNING *)
             INSERT INTO outbox_parked (bucket, key, seq, message_id, exchange, routing_key,
                 headers, payload, created_at, attempts, last_error)
             SELECT bucket, key, seq, message_id, exchange, routing_key, headers, payload,
                 created_at, attempts, $3
             FROM gone",
        )
        .bind(column::small(bucket)?)
        .bind(id)
        .bind(error.replace('\0', "\u{fffd}"));
        Ok(self.within(query.execute(self.pool())).await?.rows_affected() > 0)
    }

    pub(super) async fn read_parked(&self, after: i64, limit: u32) -> Result<Vec<Parked>, DbError> {
        let query = sqlx::query(
            "SELECT id, key, seq, message_id, exchange, routing_key, payload, attempts::bigint,
                 last_error, parked_at
             FROM outbox_parked WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit));
        let rows = self.within(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| {
                Ok(Parked {
                    id: row.try_get(0)?,
                    key: row.try_get(1)?,
                    seq: column::unsigned(row, 2)?,
                    message_id: column::message_id(row, 3)?,
                    exchange: row.try_get(4)?,
                    routing_key: row.try_get(5)?,
                    payload: column::utf8(row, 6)?,
                    attempts: column::count(row, 7)?,
                    error: row.try_get(8)?,
                    parked_at: column::time(row, 9)?,
                })
            })
            .collect()
    }

    pub(super) async fn count_parked(&self) -> Result<u64, DbError> {
        let query = sqlx::query("SELECT count(*) FROM outbox_parked");
        let row = self.within(query.fetch_one(self.pool())).await?;
        column::unsigned(&row, 0)
    }

    /// A new row each, at the end and as of now: its age is that of its wait in the outbox.
    pub(super) async fn send_again(&self, ids: &[i64]) -> Result<u64, DbError> {
        let sent = async {
            let mut transaction = self.pool().begin().await?;
            // Whoever asked is told that it is done: then it must last.
            sqlx::query("SET LOCAL synchronous_commit TO on").execute(&mut *transaction).await?;
            let sent = sqlx::query(
                "WITH gone AS (DELETE FROM outbox_parked WHERE id = ANY ($1) RETURNING *)
                 INSERT INTO outbox (bucket, key, seq, message_id, exchange, routing_key, headers,
                     payload)
                 SELECT bucket, key, seq, message_id, exchange, routing_key, headers, payload
                 FROM gone ORDER BY id",
            )
            .bind(ids)
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(sent.rows_affected())
        };
        let sent = self.within(Box::pin(sent)).await?;
        self.wake().committed();
        Ok(sent)
    }
}

//! The outbox as the relay sees it: what every relay needs. What relays share among them is in
//! [`lease`](super::lease), what they give up in [`parked`](super::parked).

use std::sync::Arc;

use async_trait::async_trait;
use contracts::Timestamp;
use sqlx::{AssertSqlSafe, PgPool, Row as _, postgres::PgRow};

use super::{
    column,
    wake::{Task, Wake, listen, tell},
    within,
};
use crate::{
    aggregate::bucket,
    db::{DbError, Outbox, OutboxRow},
    ports::{Clock, Ports},
};

/// The outbox of one service's database.
#[derive(Clone)]
pub struct PostgresOutbox {
    inner: Arc<Inner>,
}

struct Inner {
    pool: PgPool,
    wake: Arc<Wake>,
    clock: Arc<dyn Clock>,
    _task: Option<Task>,
}

/// The columns of [`outbox_row`], of the table that is called `x`.
pub(super) const COLUMNS: &str = "x.id, x.key, x.seq, x.message_id, x.exchange, x.routing_key, \
     x.payload, x.created_at";

impl PostgresOutbox {
    /// Of the service that writes it: tells other processes of commits.
    pub(super) fn writer(pool: PgPool, ports: &Ports) -> Self {
        let wake = Arc::new(Wake::default());
        let task = tell(Arc::clone(&wake), pool.clone(), ports);
        Self::new(pool, wake, ports, Some(task))
    }

    /// Of a relay in another process: hears of commits.
    pub(super) fn listener(pool: PgPool, ports: &Ports) -> Self {
        let wake = Arc::new(Wake::default());
        let task = listen(Arc::clone(&wake), pool.clone(), ports);
        Self::new(pool, wake, ports, Some(task))
    }

    /// Of somebody who only looks.
    pub(super) fn looker(pool: PgPool, ports: &Ports) -> Self {
        Self::new(pool, Arc::new(Wake::default()), ports, None)
    }

    fn new(pool: PgPool, wake: Arc<Wake>, ports: &Ports, task: Option<Task>) -> Self {
        let clock = Arc::clone(&ports.clock);
        Self { inner: Arc::new(Inner { pool, wake, clock, _task: task }) }
    }

    pub(super) fn wake(&self) -> &Wake {
        &self.inner.wake
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.inner.pool
    }

    /// Bounds an answer's time.
    pub(super) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, DbError> {
        within(&*self.inner.clock, async { Ok(work.await?) }).await
    }

    /// Ends all work on it.
    pub async fn close(&self) {
        self.inner.pool.close().await;
    }
}

#[async_trait]
impl Outbox for PostgresOutbox {
    /// For looking at everything. A relay must not follow the table by it: see
    /// [`SharedOutbox`](crate::db::SharedOutbox).
    async fn read(&self, after: i64, limit: u32) -> Result<Vec<OutboxRow>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM (SELECT generate_series(0, 63)::smallint) AS b (bucket)
             CROSS JOIN LATERAL (
                 SELECT * FROM outbox o WHERE o.bucket = b.bucket AND o.id > $1
                 ORDER BY o.id LIMIT $2) x
             ORDER BY x.id LIMIT $2"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(after).bind(i64::from(limit));
        let rows = self.within(query.fetch_all(self.pool())).await?;
        rows.iter().map(outbox_row).collect()
    }

    async fn read_key(&self, key: &str, limit: u32) -> Result<Vec<OutboxRow>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM outbox x
             WHERE x.bucket = $1 AND x.key = $2 ORDER BY x.id LIMIT $3"
        );
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(column::small(bucket(key))?)
            .bind(key)
            .bind(i64::from(limit));
        let rows = self.within(query.fetch_all(self.pool())).await?;
        rows.iter().map(outbox_row).collect()
    }

    /// Looks into every bucket; who knows the buckets deletes by
    /// [`delete_sent`](crate::db::SharedOutbox::delete_sent).
    async fn delete(&self, ids: Vec<i64>) -> Result<(), DbError> {
        let query = sqlx::query(
            "DELETE FROM outbox
             WHERE bucket IN (SELECT generate_series(0, 63)::smallint) AND id = ANY ($1)",
        )
        .bind(ids);
        self.within(query.execute(self.pool())).await?;
        Ok(())
    }

    async fn backlog(&self) -> Result<(u64, Option<Timestamp>), DbError> {
        let counted = async {
            let mut transaction = self.pool().begin().await?;
            // The one statement that wants every row: in the table's order, where that is cheaper.
            sqlx::query("SET LOCAL enable_seqscan TO on").execute(&mut *transaction).await?;
            let row = sqlx::query(
                "SELECT (SELECT count(*) FROM outbox),
                     (SELECT min(x.created_at)
                      FROM (SELECT generate_series(0, 63)::smallint) AS b (bucket)
                      CROSS JOIN LATERAL (
                          SELECT o.created_at FROM outbox o WHERE o.bucket = b.bucket
                          ORDER BY o.id LIMIT 1) x)",
            )
            .persistent(false)
            .fetch_one(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(row)
        };
        let row = self.within(Box::pin(counted)).await?;
        Ok((column::unsigned(&row, 0)?, column::optional_time(&row, 1)?))
    }

    async fn written(&self) {
        self.inner.wake.written().await;
    }
}

/// A row from [`COLUMNS`].
pub(super) fn outbox_row(row: &PgRow) -> Result<OutboxRow, DbError> {
    Ok(OutboxRow {
        id: row.try_get(0)?,
        key: row.try_get(1)?,
        seq: column::unsigned(row, 2)?,
        message_id: column::message_id(row, 3)?,
        exchange: row.try_get(4)?,
        routing_key: row.try_get(5)?,
        payload: column::utf8(row, 6)?,
        created_at: column::time(row, 7)?,
    })
}

//! A transaction that stays open keeps every row that is deleted meanwhile in the table's index
//! ("pinned xmin"): a read from zero walks over all of them. A floor passes them by.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use runtime::{
    db::{Database, Floor, SharedOutbox, postgres::PostgresOutbox},
    ports::Ports,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    fixture::{outgoing, send},
    postgres::Place,
};

const OWNER: Uuid = Uuid::from_u128(1);
const DEAD: i64 = 20_000;

/// How many entries of the outbox's index were ever read, as the server has counted.
async fn entries(raw: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "SELECT coalesce(sum(idx_tup_read), 0)::bigint FROM pg_stat_all_indexes
         WHERE relname = 'outbox'",
    )
    .fetch_one(raw)
    .await
    .unwrap()
}

/// Until all connections but the test's own two are closed: they have handed in their counts by then.
async fn counted(raw: &mut PgConnection) {
    let ports = Ports::system();
    let wait = async {
        let sql = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND backend_type = 'client backend'
                       AND pid <> pg_backend_pid()";
        while sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut *raw).await.unwrap() > 1 {
            ports.clock.sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("connections close");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_floor_passes_by_the_dead_rows_that_an_open_transaction_keeps() {
    let place = Place::new().await;
    let (mut pin, mut raw) = (place.raw().await, place.raw().await);
    sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM outbox")
        .execute(&mut pin)
        .await
        .unwrap();

    let db = place.database().await;
    send(&db, vec![outgoing("t/a", 1, 1)]).await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "INSERT INTO outbox (bucket, key, seq, message_id, exchange, routing_key, payload)
         SELECT bucket, key, n, gen_random_uuid(), 'e', 'r', ''
         FROM outbox, generate_series(2, {DEAD}) n;
         DELETE FROM outbox"
    )))
    .execute(&mut raw)
    .await
    .unwrap();
    let seq = u64::try_from(DEAD).unwrap() + 1;
    send(&db, vec![outgoing("t/a", seq, seq)]).await;
    db.close().await;

    let mut read = Vec::new();
    for after in [0, DEAD] {
        counted(&mut raw).await;
        let before = entries(&mut raw).await;
        let outbox = PostgresOutbox::open(&place.connect(), &Ports::system()).await.unwrap();
        let held = outbox.lease(OWNER).await.unwrap().held;
        let floors: Vec<Floor> = held
            .iter()
            .map(|(bucket, epoch)| Floor { bucket: *bucket, epoch: *epoch, after })
            .collect();
        let rows = outbox.read_leased(OWNER, &floors, 10).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.row.seq).collect::<Vec<_>>(), [seq]);
        outbox.close().await;
        counted(&mut raw).await;
        read.push(entries(&mut raw).await - before);
    }
    assert!(read[0] >= DEAD, "from zero they are all walked over, or nothing was kept: {read:?}");
    assert!((1..DEAD / 10).contains(&read[1]), "a floor passes them by: {read:?}");
    drop(pin);
}

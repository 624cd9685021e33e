//! What relays share: leases, reading that loses nothing, rows that wait, parked messages.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use runtime::{
    aggregate::{BUCKETS, bucket},
    db::{
        Database, Floor, Outbox, PutOff, SharedOutbox, SharedRow,
        postgres::{Connect, PostgresOutbox},
    },
    ports::Ports,
};
use sqlx::{Connection, PgConnection, postgres::PgListener};
use uuid::Uuid;

use crate::{
    fixture::{outgoing, send},
    postgres::Place,
};

const ONE: Uuid = Uuid::from_u128(1);
const OTHER: Uuid = Uuid::from_u128(2);

async fn relay(place: &Place) -> PostgresOutbox {
    PostgresOutbox::open(&place.connect(), &Ports::system()).await.unwrap()
}

/// From the beginning of everything that is held.
fn from_zero(held: &[(u16, i64)]) -> Vec<Floor> {
    held.iter().map(|(bucket, epoch)| Floor { bucket: *bucket, epoch: *epoch, after: 0 }).collect()
}

fn seqs(rows: &[SharedRow]) -> Vec<(&str, u64)> {
    rows.iter().map(|row| (row.row.key.as_str(), row.row.seq)).collect()
}

/// Time passes for everybody's leases and heartbeats.
async fn expire(raw: &mut PgConnection, owner: Uuid) {
    for table in ["outbox_lease", "outbox_relay"] {
        let sql = format!(
            "UPDATE {table} SET expires_at = clock_timestamp() - interval '1 s' WHERE owner = $1"
        );
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(owner).execute(&mut *raw).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn relays_share_the_buckets() {
    let place = Place::new().await;
    let (one, other) = (relay(&place).await, relay(&place).await);
    let first = one.lease(ONE).await.unwrap();
    assert_eq!((first.held.len(), first.share), (usize::from(BUCKETS), BUCKETS));
    assert!(first.held.iter().all(|(_, epoch)| *epoch == 1));

    // A second relay comes: it has to wait until the first one gives up what is too much.
    let none = other.lease(OTHER).await.unwrap();
    assert_eq!((none.held.len(), none.share), (0, BUCKETS / 2));
    let first = one.lease(ONE).await.unwrap();
    assert_eq!((first.held.len(), first.share), (usize::from(BUCKETS), BUCKETS / 2));
    let surplus: Vec<u16> = first.held[32..].iter().map(|(bucket, _)| *bucket).collect();
    one.give_up(ONE, &surplus, false).await.unwrap();
    let second = other.lease(OTHER).await.unwrap();
    assert_eq!(second.held.iter().map(|(bucket, _)| *bucket).collect::<Vec<_>>(), surplus);
    assert!(second.held.iter().all(|(_, epoch)| *epoch == 2));
    assert_eq!(one.lease(ONE).await.unwrap().held, first.held[..32]);

    // The second one ends in order; nobody waits for its leases.
    other.give_up(OTHER, &surplus, true).await.unwrap();
    let all = one.lease(ONE).await.unwrap();
    assert_eq!((all.held.len(), all.share), (usize::from(BUCKETS), BUCKETS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_relay_whose_lease_has_gone_reads_nothing() {
    let place = Place::new().await;
    let db = place.database().await;
    send(&db, vec![outgoing("t/a", 1, 1)]).await;
    let (one, other) = (relay(&place).await, relay(&place).await);
    let held = from_zero(&one.lease(ONE).await.unwrap().held);
    assert_eq!(one.read_leased(ONE, &held, 10).await.unwrap().len(), 1);
    assert!(one.read_leased(OTHER, &held, 10).await.unwrap().is_empty());

    // It dies, comes back under its own id, and goes on in the same epoch at once.
    let again = relay(&place).await;
    assert_eq!(from_zero(&again.lease(ONE).await.unwrap().held), held);

    // Another one takes over only after the lease has ended.
    assert!(other.lease(OTHER).await.unwrap().held.is_empty());
    let mut raw = place.raw().await;
    expire(&mut raw, ONE).await;
    assert!(one.read_leased(ONE, &held, 10).await.unwrap().is_empty());
    let taken = from_zero(&other.lease(OTHER).await.unwrap().held);
    assert!(taken.len() == 64 && taken.iter().all(|floor| floor.epoch == 2));
    assert_eq!(other.read_leased(OTHER, &taken, 10).await.unwrap().len(), 1);
    assert!(one.read_leased(ONE, &held, 10).await.unwrap().is_empty());
    assert!(one.read_leased(ONE, &taken, 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn one_relay_of_a_name_runs_at_a_time() {
    let (place, ports) = (Place::new().await, Ports::system());
    let connect = place.connect();
    let sole = |owner| PostgresOutbox::sole(&connect, owner, &ports);
    let first = sole(ONE).await.unwrap();
    assert!(first.is_some() && sole(OTHER).await.unwrap().is_some());
    assert!(sole(ONE).await.unwrap().is_none());
    drop(first);
    let again = async {
        while sole(ONE).await.unwrap().is_none() {
            ports.clock.sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again).await.expect("it has gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_row_of_a_slower_transaction_is_found_below_the_highest_id() {
    let place = Place::new().await;
    let db = place.database().await;
    let outbox = relay(&place).await;
    let held = from_zero(&outbox.lease(ONE).await.unwrap().held);
    let (quick, slow) = ("t/quick", same_bucket("t/quick"));

    // Takes its id first and commits last.
    let mut raw = place.raw().await;
    let mut transaction = raw.begin().await.unwrap();
    sqlx::query(
        "INSERT INTO outbox (bucket, key, seq, message_id, exchange, routing_key, payload)
         VALUES ($1, $2, 1, gen_random_uuid(), 'e', 'r', '')",
    )
    .bind(i16::try_from(bucket(&slow)).unwrap())
    .bind(&slow)
    .execute(&mut *transaction)
    .await
    .unwrap();
    send(&db, vec![outgoing(quick, 1, 1)]).await;
    let read = outbox.read_leased(ONE, &held, 10).await.unwrap();
    assert_eq!(seqs(&read), [(quick, 1)]);
    transaction.commit().await.unwrap();

    let after = |after: i64| held.iter().map(|floor| Floor { after, ..*floor }).collect::<Vec<_>>();
    let highest = outbox.read_leased(ONE, &after(read[0].row.id), 10).await.unwrap();
    assert!(highest.is_empty(), "a cursor loses it: {highest:?}");
    let older = outbox.read_leased(ONE, &after(0), 10).await.unwrap();
    assert_eq!(seqs(&older), [(slow.as_str(), 1), (quick, 1)]);
}

/// Another key of the same bucket.
fn same_bucket(key: &str) -> String {
    (0..10_000).map(|n| format!("t/{n}")).find(|other| bucket(other) == bucket(key)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rows_come_bucket_by_bucket_and_in_order() {
    let place = Place::new().await;
    let db = place.database().await;
    let outbox = relay(&place).await;
    let keys = ["t/a".to_owned(), same_bucket("t/a"), "t/b".to_owned()];
    for seq in 1..=3 {
        send(&db, keys.iter().map(|key| outgoing(key, seq, seq)).collect()).await;
    }
    let held = from_zero(&outbox.lease(ONE).await.unwrap().held);
    let all = outbox.read_leased(ONE, &held, 100).await.unwrap();
    assert_eq!(all.len(), 9);
    for key in &keys {
        let of_key: Vec<u64> =
            all.iter().filter(|row| &row.row.key == key).map(|row| row.row.seq).collect();
        assert_eq!(of_key, [1, 2, 3]);
    }
    assert!(all.iter().all(|row| row.bucket == bucket(&row.row.key) && row.attempts == 0));
    // At most four of a bucket: four of six, and all three of the other.
    assert_eq!(outbox.read_leased(ONE, &held, 4).await.unwrap().len(), 7);

    let sent: Vec<(u16, i64)> = all.iter().map(|row| (row.bucket, row.row.id)).collect();
    outbox.delete_sent(&sent[..4]).await.unwrap();
    assert_eq!(outbox.read_leased(ONE, &held, 100).await.unwrap(), all[4..]);
    outbox.delete_sent(&sent).await.unwrap();
    assert_eq!(outbox.backlog().await.unwrap(), (0, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_row_that_waits_holds_its_key_and_nothing_else() {
    let place = Place::new().await;
    let db = place.database().await;
    let outbox = relay(&place).await;
    let (bad, good) = ("t/a".to_owned(), same_bucket("t/a"));
    send(&db, (1..=5).map(|seq| outgoing(&bad, seq, seq)).collect()).await;
    send(&db, vec![outgoing(&good, 1, 9)]).await;
    let held = from_zero(&outbox.lease(ONE).await.unwrap().held);
    let refused = outbox.read_leased(ONE, &held, 1).await.unwrap().remove(0);
    let put_off = |pause: u64| PutOff {
        bucket: refused.bucket,
        id: refused.row.id,
        pause: Duration::from_secs(pause),
        error: "no \0 queue".to_owned(),
    };

    outbox.put_off(&[put_off(600)]).await.unwrap();
    // What waits does not use up the limit.
    let others = outbox.read_leased(ONE, &held, 1).await.unwrap();
    assert_eq!(seqs(&others), [(good.as_str(), 1)]);

    outbox.put_off(&[put_off(0)]).await.unwrap();
    let due = outbox.read_leased(ONE, &held, 1).await.unwrap().remove(0);
    assert_eq!((due.row.id, due.attempts), (refused.row.id, 2));

    assert!(outbox.park(due.bucket, due.row.id, "no queue").await.unwrap());
    assert!(!outbox.park(due.bucket, due.row.id, "no queue").await.unwrap());
    let left = outbox.read_leased(ONE, &held, 9).await.unwrap();
    assert_eq!(seqs(&left)[0], (bad.as_str(), 2));

    let parked = outbox.parked(0, 10).await.unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].key.as_str(), parked[0].seq, parked[0].attempts), (bad.as_str(), 1, 2));
    assert_eq!((parked[0].error.as_str(), parked[0].payload.as_str()), ("no queue", "{\"n\":1}"));
    assert_eq!(outbox.redrive(&[parked[0].id, 999]).await.unwrap(), 1);
    assert!(outbox.parked(0, 10).await.unwrap().is_empty());
    let again = outbox.read_leased(ONE, &held, 9).await.unwrap();
    let last = again.last().unwrap();
    assert_eq!((last.row.message_id, last.attempts), (refused.row.message_id, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn other_processes_are_told_of_commits_but_not_of_each() {
    let place = Place::new().await;
    let db = place.database().await;
    let outbox = relay(&place).await;
    let mut raw = PgListener::connect(place.url()).await.unwrap();
    raw.listen("expeditor_outbox").await.unwrap();
    let commits = 200;
    for number in 1..=commits {
        send(&db, vec![outgoing("t/a", number, number)]).await;
    }
    let wait = Duration::from_secs(10);
    tokio::time::timeout(wait, outbox.written()).await.expect("the relay is told");
    tokio::time::timeout(wait, raw.recv()).await.expect("a notification came").unwrap();
    let mut told = 1;
    while raw.next_buffered().is_some() {
        told += 1;
    }
    assert!(told < commits, "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_relay_works_with_the_rights_that_it_is_said_to_need() {
    let place = Place::new().await;
    let db = place.database().await;
    send(&db, (1..=3).map(|seq| outgoing("t/a", seq, seq)).collect()).await;
    let mut raw = place.raw().await;
    let (server, database) = place.url().rsplit_once('/').unwrap();
    let (_, host) = server.rsplit_once('@').unwrap();
    let role = format!("relay_{database}");
    let sql = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'x';
         GRANT SELECT, UPDATE, DELETE ON outbox TO {role};
         GRANT SELECT, UPDATE ON outbox_lease TO {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_relay TO {role};
         GRANT SELECT, INSERT ON outbox_parked TO {role}"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut raw).await.unwrap();
    let url = format!("postgres://{role}:x@{host}/{database}");
    let outbox = PostgresOutbox::open(&Connect::to(&url).unwrap(), &Ports::system()).await.unwrap();
    let held = outbox.lease(ONE).await.unwrap().held;
    let rows = outbox.read_leased(ONE, &from_zero(&held), 9).await.unwrap();
    let places: Vec<(u16, i64)> = rows.iter().map(|row| (row.bucket, row.row.id)).collect();
    outbox.delete_sent(&places[..1]).await.unwrap();
    let (bucket, id) = places[1];
    let pause = Duration::ZERO;
    outbox.put_off(&[PutOff { bucket, id, pause, error: "no".to_owned() }]).await.unwrap();
    assert!(outbox.park(bucket, id, "no").await.unwrap());
    assert_eq!(outbox.backlog().await.unwrap().0, 1);
    outbox.give_up(ONE, &[bucket], true).await.unwrap();
    outbox.close().await;
    assert_eq!(db.outbox().backlog().await.unwrap().0, 1);

    let mut own: PgConnection = PgConnection::connect(&url).await.unwrap();
    for table in ["aggregate", "inbox", "dead_letter", "published_event"] {
        let sql = format!("SELECT * FROM {table} LIMIT 1");
        let refused = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut own).await.unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{table}: {refused}");
    }
    // Roles are the server's, and outlive the database.
    let sql = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut raw).await.unwrap();
}

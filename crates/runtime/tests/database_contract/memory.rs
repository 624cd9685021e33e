//! What only memory can do: crash at a commit that was named before, and have the same answers in
//! every run.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use async_trait::async_trait;
use contracts::QueueKind;
use runtime::db::{
    Begin, Database, DbError, Outbox, Reader, Received, Row, Writes,
    memory::{Fault, MemoryDatabase, Storage},
};

use crate::fixture::{
    Store, at, begin, locking, message, outgoing, received, receiving, row, rows, send, store,
    ticket,
};

#[async_trait]
impl Store for Storage {
    async fn open(&self) -> Box<dyn Database> {
        Box::new(Storage::open(self))
    }
}

/// Resolves, or fails the test.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), what).await.expect("nothing is in the way")
}

/// Receives message 1, makes version 2 of the ticket `a` and speaks of it.
async fn change(db: &MemoryDatabase) -> Result<(), DbError> {
    let wanted = Begin { received: vec![received(QueueKind::Commands, 1)], ..locking(&["a"]) };
    let writes =
        Writes { messages: vec![outgoing("ticket/a", 1, 1)], ..rows(&[("a", row(2, "closed"))]) };
    store(db, wanted, writes).await.map(drop)
}

#[tokio::test]
async fn a_commit_that_a_fault_meets_is_all_there_or_not_at_all() {
    for fault in Fault::ALL {
        let storage = Storage::new();
        let db = Storage::open(&storage);
        store(&db, locking(&["a"]), rows(&[("a", row(1, "open"))])).await.unwrap();
        storage.plan(2, fault);
        assert_eq!((storage.commits(), storage.faults_to_come()), (1, 1), "{fault:?}");

        let unknown = change(&db).await;
        let told =
            matches!(&unknown, Err(DbError::Unavailable(text)) if text.contains("not known"));
        assert!(told, "{fault:?}: {unknown:?}");
        assert_eq!((storage.commits(), storage.faults_to_come()), (2, 0), "{fault:?}");
        assert_eq!(db.has_crashed(), fault.crashes(), "{fault:?}");
        let db = if fault.crashes() {
            soon(db.crashed()).await;
            assert!(matches!(db.ready().await, Err(DbError::Unavailable(_))), "{fault:?}");
            assert!(matches!(change(&db).await, Err(DbError::Unavailable(_))), "{fault:?}");
            assert!(
                matches!(db.get(&ticket("a")).await, Err(DbError::Unavailable(_))),
                "{fault:?}"
            );
            assert!(matches!(db.delete(vec![1]).await, Err(DbError::Unavailable(_))), "{fault:?}");
            assert_eq!(storage.commits(), 2, "a process that has ended commits nothing");
            Storage::open(&storage)
        } else {
            db
        };

        let version = if fault.stores() { 2 } else { 1 };
        assert_eq!(db.get(&ticket("a")).await.unwrap().unwrap().version, version, "{fault:?}");
        let (_, opened) = begin(&db, receiving(&[received(QueueKind::Commands, 1)])).await;
        assert_eq!(opened.seen.len(), usize::from(fault.stores()), "{fault:?}");
        let sent = db.read(0, 9).await.unwrap();
        assert_eq!(sent.len(), usize::from(fault.stores()), "{fault:?}");
    }
}

#[tokio::test]
async fn what_was_refused_is_no_commit_and_nor_is_what_had_nothing_to_write() {
    let storage = Storage::new();
    let db = Storage::open(&storage);
    storage.plan(1, Fault::CrashBefore);
    let refused = store(&db, Begin::default(), rows(&[("a", row(u64::MAX, "open"))])).await;
    assert!(matches!(refused, Err(DbError::Rejected(_))), "{refused:?}");
    assert_eq!(db.prune_inbox(at(0), 9).await.unwrap(), 0);
    assert_eq!(db.forget_all().await.unwrap(), 0);
    assert_eq!((storage.commits(), db.has_crashed()), (0, false));

    let old = Received { time: at(-1), ..received(QueueKind::Events, 1) };
    storage.plan(1, Fault::Lost);
    store(&db, receiving(&[old]), Writes::default()).await.unwrap_err();
    storage.plan(3, Fault::CrashAfter);
    store(&db, receiving(&[old]), Writes::default()).await.unwrap();
    db.prune_inbox(at(0), 9).await.unwrap_err();
    assert!(db.has_crashed(), "pruning writes");
    let (_, opened) = begin(&Storage::open(&storage), receiving(&[old])).await;
    assert!(opened.seen.is_empty());
}

#[tokio::test]
async fn a_crash_ends_the_turn_of_a_transaction_that_lies_about() {
    let storage = Storage::new();
    let crashed = Storage::open(&storage);
    let (transaction, _) = begin(&crashed, locking(&["a"])).await;
    crashed.crash();

    let db = Storage::open(&storage);
    soon(store(&db, locking(&["a"]), rows(&[("a", row(1, "open"))]))).await.unwrap();
    // It wakes up while the next process is in the middle of something.
    let (next, _) = soon(begin(&db, locking(&["a"]))).await;
    let late = transaction.commit(rows(&[("a", row(9, "late"))])).await;
    assert!(matches!(late, Err(DbError::Unavailable(_))), "{late:?}");
    assert!(matches!(crashed.begin(Begin::default()).await, Err(DbError::Unavailable(_))));
    next.commit(rows(&[("a", row(2, "closed"))])).await.unwrap();
    assert_eq!(db.get(&ticket("a")).await.unwrap(), Some(row(2, "closed")));
}

#[tokio::test]
async fn deletes_that_no_commit_has_carried_are_lost_with_the_process() {
    let storage = Storage::new();
    let db = Storage::open(&storage);
    send(&db, (1..=3).map(|n| outgoing("t/a", n, n)).collect()).await;
    let rows = db.read(0, 9).await.unwrap();
    db.delete(vec![rows[0].id]).await.unwrap();
    send(&db, vec![outgoing("t/a", 4, 4)]).await;
    db.delete(vec![rows[1].id]).await.unwrap();
    assert_eq!(db.backlog().await.unwrap().0, 2);
    db.crash();

    let db = Storage::open(&storage);
    let left: Vec<u64> = db.read(0, 9).await.unwrap().iter().map(|row| row.seq).collect();
    assert_eq!(left, [2, 3, 4], "the second one is sent again");
}

#[tokio::test]
async fn processes_that_share_a_storage_take_turns() {
    let storage = Storage::new();
    let (one, other) = (Storage::open(&storage), Storage::open(&storage));
    let count = async |db: &MemoryDatabase| {
        for _ in 0..10 {
            let (transaction, opened) = begin(db, locking(&["counter"])).await;
            let version = opened.rows.get(&ticket("counter")).map_or(0, |row| row.version);
            tokio::task::yield_now().await;
            transaction.commit(rows(&[("counter", row(version + 1, "open"))])).await.unwrap();
        }
    };
    soon(async { tokio::join!(count(&one), count(&other)) }).await;
    send(&one, vec![outgoing("t/a", 1, 1)]).await;
    for db in [&one, &other] {
        assert_eq!(db.get(&ticket("counter")).await.unwrap().unwrap().version, 20);
        soon(db.written()).await;
    }
}

/// What a run answers where nothing but its own order could tell rows apart.
async fn run() -> (Vec<(String, String)>, Vec<usize>) {
    let db = Storage::open(&Storage::new());
    let names: Vec<String> = (0..40).map(|n| format!("t-{}", n * 7 % 40)).collect();
    let timer = || Row { wake_at: Some(at(1)), ..row(1, "open") };
    let tickets: Vec<(&str, Row)> = names.iter().map(|id| (id.as_str(), timer())).collect();
    let inbox: Vec<Received> = (0..40).map(|n| received(QueueKind::Commands, n * 7 % 40)).collect();
    store(&db, receiving(&inbox), rows(&tickets)).await.unwrap();
    assert_eq!(db.prune_inbox(at(1), 20).await.unwrap(), 20);
    let (_, opened) = begin(&db, receiving(&inbox)).await;
    let kept = (0..40).filter(|n| opened.seen.contains(&(QueueKind::Commands, message(*n))));
    (db.due(at(1), 20).await.unwrap(), kept.map(|n| usize::try_from(n).unwrap()).collect())
}

#[tokio::test]
async fn the_same_calls_have_the_same_answers_in_every_run() {
    let first = run().await;
    assert_eq!((first.0.len(), first.1.len()), (20, 20));
    for _ in 0..3 {
        assert_eq!(run().await, first);
    }
}

#[tokio::test]
async fn a_closed_database_answers_that_it_is_closed() {
    let db = Storage::open(&Storage::new());
    db.close().await;
    let refused = db.begin(Begin::default()).await.map(drop);
    assert!(matches!(&refused, Err(DbError::Unavailable(text)) if text.contains("closed")));
    assert!(matches!(db.ready().await, Err(DbError::Unavailable(_))));
    assert!(!db.has_crashed());
}

//! All or nothing, one after another, and for good.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use contracts::QueueKind;
use runtime::{
    Key,
    db::{Begin, Database, DbError, DeadLetter, ListQuery, Row, Writes},
};
use uuid::Uuid;

use crate::fixture::{
    ITEM, Store, at, begin, locking, outgoing, received, receiving, row, rows, store, ticket,
};

pub(crate) async fn a_commit_is_all_of_it(place: &dyn Store) {
    let db = place.open().await;
    let writes =
        Writes { messages: vec![outgoing("ticket/a", 1, 1)], ..rows(&[("a", row(1, "open"))]) };
    store(&*db, locking(&["a"]), writes).await.unwrap();
    assert_eq!(db.reader().get(&ticket("a")).await.unwrap(), Some(row(1, "open")));
    assert_eq!(db.outbox().read(0, 10).await.unwrap().len(), 1);
}

pub(crate) async fn a_refused_commit_is_none_of_it(place: &dyn Store) {
    let db = place.open().await;
    let claimed = received(QueueKind::Commands, 1);
    // No database keeps a count that large; what comes before it in the batch is sound.
    let writes = Writes {
        messages: vec![outgoing("ticket/a", 1, 1), outgoing("ticket/a", u64::MAX, 2)],
        ..rows(&[("a", row(1, "open"))])
    };
    let refused = store(&*db, receiving(&[claimed]), writes).await;
    assert!(matches!(refused, Err(DbError::Rejected(_))), "{refused:?}");

    assert_eq!(db.reader().get(&ticket("a")).await.unwrap(), None);
    assert!(db.outbox().read(0, 10).await.unwrap().is_empty());
    let (_, opened) = begin(&*db, receiving(&[claimed])).await;
    assert!(opened.seen.is_empty());
}

pub(crate) async fn a_dropped_transaction_leaves_nothing(place: &dyn Store) {
    let db = place.open().await;
    let claimed = received(QueueKind::Commands, 1);
    for _ in 0..3 {
        let wanted = Begin { received: vec![claimed], ..locking(&["a"]) };
        let (mut transaction, opened) = begin(&*db, wanted).await;
        assert!(opened.seen.is_empty() && opened.rows.is_empty());
        transaction.load(&[ticket("b")], &[]).await.unwrap();
        drop(transaction);
    }
    store(&*db, receiving(&[claimed]), rows(&[("a", row(1, "open"))])).await.unwrap();
    let (_, opened) = begin(&*db, receiving(&[claimed])).await;
    assert_eq!(opened.seen.len(), 1);
}

pub(crate) async fn transactions_on_the_same_key_take_turns(place: &dyn Store) {
    let db: Arc<dyn Database> = Arc::from(place.open().await);
    let increments = (0..8).map(|_| {
        let db = Arc::clone(&db);
        async move {
            for _ in 0..10 {
                let (transaction, opened) = begin(&*db, locking(&["counter"])).await;
                let version = opened.rows.get(&ticket("counter")).map_or(0, |row| row.version);
                tokio::task::yield_now().await;
                let writes = rows(&[("counter", row(version + 1, "open"))]);
                transaction.commit(writes).await.unwrap();
            }
        }
    });
    futures_util::future::join_all(increments).await;
    let counter = db.reader().get(&ticket("counter")).await.unwrap().unwrap();
    assert_eq!(counter.version, 80);
}

pub(crate) async fn what_is_not_committed_is_not_read(place: &dyn Store) {
    let db = place.open().await;
    store(&*db, locking(&["a"]), rows(&[("a", row(1, "open"))])).await.unwrap();
    let (transaction, _) = begin(&*db, locking(&["a"])).await;
    assert_eq!(db.reader().get(&ticket("a")).await.unwrap().unwrap().version, 1);
    transaction.commit(rows(&[("a", row(2, "closed"))])).await.unwrap();
    assert_eq!(db.reader().get(&ticket("a")).await.unwrap().unwrap().version, 2);
}

pub(crate) async fn an_aggregate_is_stored_whole(place: &dyn Store) {
    let db = place.open().await;
    let mut full = row(7, "in \"progress\"");
    full.messages = 12;
    full.owner = Some("김밥's \\ store".to_owned());
    full.wake_at = Some(at(5));
    full.updated_at = at(-5);
    full.body = String::from("{\"text\":\"line\\nbreak \u{1f371} 'quoted'\",\"n\":1.50}");
    store(&*db, locking(&["a"]), rows(&[("a", full.clone())])).await.unwrap();
    let kept = db.reader().get(&ticket("a")).await.unwrap().unwrap();
    assert_eq!(meaning(&kept.body), meaning(&full.body));
    assert_eq!(Row { body: full.body.clone(), ..kept }, full);

    let mut later = row(8, "done");
    later.updated_at = at(9);
    // Twice in one batch: the last one stands.
    store(&*db, locking(&["a"]), rows(&[("a", full), ("a", later.clone())])).await.unwrap();
    let (_, opened) = begin(&*db, locking(&["a"])).await;
    assert_eq!(opened.rows.get(&ticket("a")), Some(&later));
}

/// What a body says; spaces and the order of its fields are not kept.
fn meaning(body: &str) -> serde_json::Value {
    serde_json::from_str(body).unwrap()
}

pub(crate) async fn a_text_is_kept_or_refused_but_never_cut(place: &dyn Store) {
    let db = place.open().await;
    let hard = Row { body: "{\"text\":\"before \\u0000 after\"}".to_owned(), ..row(1, "open") };
    match store(&*db, locking(&["a"]), rows(&[("a", hard.clone())])).await {
        Ok(_) => {
            let kept = db.reader().get(&ticket("a")).await.unwrap().unwrap();
            assert_eq!(meaning(&kept.body), meaning(&hard.body));
        }
        Err(error) => {
            assert!(matches!(error, DbError::Rejected(_)), "{error}");
            assert_eq!(db.reader().get(&ticket("a")).await.unwrap(), None);
        }
    }
}

pub(crate) async fn a_key_that_was_locked_in_vain_stays_free(place: &dyn Store) {
    let db = place.open().await;
    let asking = Begin { lock: vec![ticket("a"), ticket("b")], ..Begin::default() };
    // Locked twice and saved never; `b` is saved, `a` is not.
    store(&*db, locking(&["a"]), Writes::default()).await.unwrap();
    store(&*db, asking.clone(), rows(&[("b", row(1, "open"))])).await.unwrap();

    let (mut transaction, opened) = begin(&*db, asking).await;
    assert_eq!(opened.rows.keys().collect::<Vec<_>>(), [&ticket("b")]);
    let more = transaction.load(&[Key::new(ITEM, "c")], &[Key::new(ITEM, "d")]).await.unwrap();
    assert!(more.is_empty());
    transaction.commit(Writes::default()).await.unwrap();
    assert_eq!(db.reader().get(&ticket("a")).await.unwrap(), None);
    let all = ListQuery {
        kind: "ticket",
        owner: None,
        states: Vec::new(),
        after: None,
        descending: false,
        limit: 10,
    };
    assert_eq!(db.reader().list(&all).await.unwrap(), [("b".to_owned(), row(1, "open"))]);
}

pub(crate) async fn more_is_loaded_within_a_transaction(place: &dyn Store) {
    let db = place.open().await;
    // The same id in another kind is another aggregate.
    let writes = Writes {
        rows: vec![
            (ticket("a"), row(1, "open")),
            (Key::new(ITEM, "a"), row(3, "cold")),
            (Key::new(ITEM, "b"), row(4, "hot")),
        ],
        now: at(0),
        ..Writes::default()
    };
    store(&*db, Begin::default(), writes).await.unwrap();
    let (mut transaction, opened) =
        begin(&*db, Begin { look: vec![ticket("a"), ticket("missing")], ..locking(&["another"]) })
            .await;
    assert_eq!(opened.rows.len(), 1);
    assert_eq!(opened.rows[&ticket("a")].state, "open");
    let more = transaction
        .load(&[Key::new(ITEM, "a"), Key::new(ITEM, "missing")], &[Key::new(ITEM, "b")])
        .await
        .unwrap();
    assert_eq!(more.len(), 2);
    assert_eq!(more[&Key::new(ITEM, "a")].state, "cold");
    assert_eq!(more[&Key::new(ITEM, "b")].state, "hot");
}

pub(crate) async fn what_was_committed_outlives_a_crash(place: &dyn Store) {
    let claimed = received(QueueKind::Events, 1);
    let db = place.open().await;
    let writes = Writes {
        messages: vec![outgoing("ticket/a", 1, 1)],
        dead_letters: vec![DeadLetter {
            consumer: QueueKind::Events,
            message_id: None,
            bytes: b"?".to_vec(),
            headers: "{}".to_owned(),
            error: "not JSON".to_owned(),
            attempts: 1,
            at: at(0),
        }],
        ..rows(&[("a", row(1, "open"))])
    };
    store(&*db, receiving(&[claimed]), writes).await.unwrap();
    // A transaction is open when the process ends.
    let (transaction, _) = begin(&*db, receiving(&[received(QueueKind::Events, 2)])).await;
    drop(transaction);
    drop(db);

    let db = place.open().await;
    assert_eq!(db.reader().get(&ticket("a")).await.unwrap(), Some(row(1, "open")));
    assert_eq!(db.reader().dead_letters(0, 10).await.unwrap().len(), 1);
    assert!(db.reader().history(Uuid::nil(), 0, 10).await.unwrap().is_empty());
    assert_eq!(db.outbox().read(0, 10).await.unwrap().len(), 1);
    let both = [claimed, received(QueueKind::Events, 2)];
    let (_, opened) = begin(&*db, receiving(&both)).await;
    assert_eq!(opened.seen.len(), 1);
    db.ready().await.unwrap();
}

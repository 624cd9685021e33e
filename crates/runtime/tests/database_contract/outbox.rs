//! Nothing lost, order kept, ids never used again.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use runtime::{
    aggregate::bucket,
    db::{Begin, NewMessage, OutboxRow, Published, Writes},
};

use crate::fixture::{Store, at, begin, message, outgoing, send, store};

fn seqs(rows: &[OutboxRow]) -> Vec<(&str, u64)> {
    rows.iter().map(|row| (row.key.as_str(), row.seq)).collect()
}

pub(crate) async fn rows_come_in_the_order_in_which_they_were_written(place: &dyn Store) {
    let db = place.open().await;
    send(&*db, vec![outgoing("t/a", 1, 1), outgoing("t/b", 1, 2), outgoing("t/a", 2, 3)]).await;
    send(&*db, vec![outgoing("t/a", 3, 4), outgoing("t/b", 2, 5)]).await;

    let rows = db.outbox().read(0, 10).await.unwrap();
    assert_eq!(seqs(&rows), [("t/a", 1), ("t/b", 1), ("t/a", 2), ("t/a", 3), ("t/b", 2)]);
    assert!(rows.windows(2).all(|pair| pair[0].id < pair[1].id));
    let first = OutboxRow {
        id: rows[0].id,
        key: "t/a".to_owned(),
        seq: 1,
        message_id: message(1),
        exchange: "expeditor.events".to_owned(),
        routing_key: "store.order-accepted".to_owned(),
        payload: "{\"n\":1}".to_owned(),
        created_at: at(0),
    };
    assert_eq!(rows[0], first);

    assert_eq!(db.outbox().read(rows[1].id, 2).await.unwrap(), rows[2..4]);
    assert_eq!(seqs(&db.outbox().read_key("t/a", 2).await.unwrap()), [("t/a", 1), ("t/a", 2)]);
    assert_eq!(seqs(&db.outbox().read_key("t/b", 9).await.unwrap()), [("t/b", 1), ("t/b", 2)]);
    assert_eq!(db.outbox().backlog().await.unwrap(), (5, Some(at(0))));
}

pub(crate) async fn an_id_is_never_used_again(place: &dyn Store) {
    let mut last = 0;
    for round in 1..=3 {
        let db = place.open().await;
        send(&*db, vec![outgoing("t/a", 2 * round - 1, round), outgoing("t/a", 2 * round, round)])
            .await;
        let ids: Vec<i64> =
            db.outbox().read(0, 10).await.unwrap().iter().map(|row| row.id).collect();
        assert!(ids.len() == 2 && ids.iter().all(|id| *id > last), "{ids:?} after {last}");
        last = ids[1];
        db.outbox().delete(ids).await.unwrap();
        db.close().await;
    }
}

pub(crate) async fn deleted_rows_are_gone_at_once_and_for_good(place: &dyn Store) {
    let db = place.open().await;
    send(&*db, (1..=4).map(|n| outgoing("t/a", n, n)).collect()).await;
    let ids: Vec<i64> = db.outbox().read(0, 10).await.unwrap().iter().map(|row| row.id).collect();

    db.outbox().delete(vec![ids[0], ids[2]]).await.unwrap();
    let left = [("t/a", 2), ("t/a", 4)];
    assert_eq!(seqs(&db.outbox().read(0, 10).await.unwrap()), left);
    assert_eq!(seqs(&db.outbox().read_key("t/a", 10).await.unwrap()), left);
    assert_eq!(db.outbox().backlog().await.unwrap().0, 2);

    // The next commit carries the deletes to the disk, where a crash does not undo them.
    send(&*db, vec![outgoing("t/a", 5, 5)]).await;
    drop(db);
    let db = place.open().await;
    let left = [("t/a", 2), ("t/a", 4), ("t/a", 5)];
    assert_eq!(seqs(&db.outbox().read(0, 10).await.unwrap()), left);

    // Closing does the same without a commit. What is deleted twice is deleted.
    let ids = db.outbox().read(0, 10).await.unwrap().iter().map(|row| row.id).collect::<Vec<_>>();
    db.outbox().delete(ids.clone()).await.unwrap();
    db.outbox().delete(ids).await.unwrap();
    assert_eq!(db.outbox().backlog().await.unwrap(), (0, None));
    db.close().await;
    let db = place.open().await;
    assert_eq!(db.outbox().backlog().await.unwrap(), (0, None));
}

pub(crate) async fn the_oldest_row_of_a_bucket_is_known(place: &dyn Store) {
    let db = place.open().await;
    for (time, key) in [(10, "t/a"), (20, "t/b"), (30, "t/a")] {
        let writes =
            Writes { messages: vec![outgoing(key, 1, 1)], now: at(time), ..Writes::default() };
        store(&*db, Begin::default(), writes).await.unwrap();
    }
    let (a, b) = (bucket("t/a"), bucket("t/b"));
    let empty = (0..64).find(|bucket| ![a, b].contains(bucket)).unwrap();
    assert_ne!(a, b);
    let asking = || Begin { oldest_unsent: vec![a, b, empty], ..Begin::default() };

    let (transaction, opened) = begin(&*db, asking()).await;
    assert_eq!(opened.oldest_unsent, [(a, at(10)), (b, at(20))].into_iter().collect());
    drop(transaction);

    let first = db.outbox().read(0, 1).await.unwrap()[0].id;
    db.outbox().delete(vec![first]).await.unwrap();
    let (_, opened) = begin(&*db, asking()).await;
    assert_eq!(opened.oldest_unsent, [(a, at(30)), (b, at(20))].into_iter().collect());
}

pub(crate) async fn a_commit_with_messages_wakes_the_relay(place: &dyn Store) {
    let db = place.open().await;
    // Committed before anybody waits: the call must not miss it.
    send(&*db, vec![outgoing("t/a", 1, 1)]).await;
    let wait = Duration::from_secs(10);
    tokio::time::timeout(wait, db.outbox().written()).await.expect("told of an earlier commit");
    // Committed while somebody waits.
    let (told, ()) = tokio::join!(
        tokio::time::timeout(wait, db.outbox().written()),
        send(&*db, vec![outgoing("t/a", 2, 2)])
    );
    told.expect("told of a commit");
}

pub(crate) async fn published_events_stay_in_order(place: &dyn Store) {
    let db = place.open().await;
    let event = |number: u64| NewMessage {
        published: Some(Published {
            kind: "order-accepted".to_owned(),
            subject: format!("o-{number}"),
            sequence: number,
        }),
        ..outgoing("t/a", number, number)
    };
    send(&*db, vec![event(1), outgoing("t/a", 2, 2), event(3)]).await;
    send(&*db, vec![event(4)]).await;
    let sent: Vec<i64> = db.outbox().read(0, 9).await.unwrap().iter().map(|row| row.id).collect();
    db.outbox().delete(sent).await.unwrap();

    let events = db.reader().published(0, 10).await.unwrap();
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 3, 4]);
    assert!(events.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert_eq!(events[1].kind, "order-accepted");
    assert_eq!(events[1].subject, "o-3");
    assert_eq!(events[1].payload, "{\"n\":3}");
    assert_eq!(db.reader().published(events[0].id, 1).await.unwrap(), events[1..2]);
}

pub(crate) async fn published_events_are_found_by_their_subject(place: &dyn Store) {
    let db = place.open().await;
    let event = |number: u64, subject: &str| NewMessage {
        published: Some(Published {
            kind: "order-accepted".to_owned(),
            subject: subject.to_owned(),
            sequence: number,
        }),
        ..outgoing("t/a", number, number)
    };
    send(&*db, vec![event(1, "o'1"), event(2, "o-2"), event(3, "o-3"), event(4, "o'1")]).await;
    let about = async |subjects: &[&str]| -> Vec<(String, u64)> {
        let subjects: Vec<String> = subjects.iter().map(|it| (*it).to_owned()).collect();
        let found = db.reader().published_about(&subjects).await.unwrap();
        found.into_iter().map(|event| (event.subject, event.sequence)).collect()
    };
    let expected = [("o'1".to_owned(), 1), ("o'1".to_owned(), 4), ("o-3".to_owned(), 3)];
    assert_eq!(about(&["o-3", "o'1", "nothing"]).await, expected);
    assert!(about(&["o"]).await.is_empty() && about(&[]).await.is_empty());
}

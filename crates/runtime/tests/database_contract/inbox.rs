//! Each message once; what cannot be processed is kept as it came.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use contracts::QueueKind::{Commands, Events};
use runtime::db::{Begin, DeadLetter, KeptDeadLetter, Received, Writes};

use crate::fixture::{
    Store, at, begin, locking, message, received, receiving, row, rows, store, ticket,
};

pub(crate) async fn a_message_is_claimed_once_by_each_consumer(place: &dyn Store) {
    let db = place.open().await;
    let first = [received(Commands, 1), received(Commands, 2), received(Commands, 1)];
    let opened = store(&*db, receiving(&first), Writes::default()).await.unwrap();
    assert!(opened.seen.is_empty());

    let second =
        [received(Commands, 2), received(Events, 2), received(Commands, 3), received(Commands, 1)];
    let opened = store(&*db, receiving(&second), Writes::default()).await.unwrap();
    let expected = [(Commands, message(2)), (Commands, message(1))];
    assert_eq!(opened.seen, expected.into_iter().collect());

    let opened = store(&*db, receiving(&second), Writes::default()).await.unwrap();
    assert_eq!(opened.seen.len(), 4);
}

pub(crate) async fn old_messages_are_forgotten(place: &dyn Store) {
    let db = place.open().await;
    let aged: Vec<Received> = [(1, 0), (2, 10), (3, 20), (4, 5)]
        .map(|(number, time)| Received { time: at(time), ..received(Commands, number) })
        .to_vec();
    store(&*db, receiving(&aged), Writes::default()).await.unwrap();

    assert_eq!(db.prune_inbox(at(0), 100).await.unwrap(), 0);
    assert_eq!(db.prune_inbox(at(10), 1).await.unwrap(), 1);
    assert_eq!(db.prune_inbox(at(10), 100).await.unwrap(), 1);
    assert_eq!(db.prune_inbox(at(10), 100).await.unwrap(), 0);
    let (_, opened) = begin(&*db, receiving(&aged)).await;
    let expected = [(Commands, message(2)), (Commands, message(3))];
    assert_eq!(opened.seen, expected.into_iter().collect());
}

pub(crate) async fn all_that_was_received_and_made_of_it_is_forgotten_at_once(place: &dyn Store) {
    let db = place.open().await;
    assert_eq!(db.forget_all().await.unwrap(), 0);
    let both = [received(Events, 1), received(Events, 2)];
    let writes = rows(&[("a", row(1, "x")), ("b", row(1, "x"))]);
    let wanted = Begin { lock: locking(&["a", "b"]).lock, ..receiving(&both) };
    store(&*db, wanted, writes).await.unwrap();
    assert_eq!(db.forget_all().await.unwrap(), 2);

    let again = Begin { lock: locking(&["a", "b"]).lock, ..receiving(&both) };
    let opened = store(&*db, again, rows(&[("a", row(1, "y"))])).await.unwrap();
    assert!(opened.seen.is_empty() && opened.rows.is_empty());
    assert!(db.reader().get(&ticket("b")).await.unwrap().is_none());
    assert_eq!(db.reader().get(&ticket("a")).await.unwrap().unwrap().state, "y");
}

pub(crate) async fn dead_letters_are_kept_byte_for_byte(place: &dyn Store) {
    let db = place.open().await;
    let letters: Vec<DeadLetter> = [
        (Some(message(1)), (0..=255).collect::<Vec<u8>>()),
        (None, Vec::new()),
        (None, b"\0\xff\xfe{\"not\": json".to_vec()),
    ]
    .into_iter()
    .zip(1..)
    .map(|((message_id, bytes), attempts)| DeadLetter {
        consumer: if attempts == 1 { Commands } else { Events },
        message_id,
        bytes,
        headers: "{\"x\":\"\\u0000 “quoted”\"}".to_owned(),
        error: "line\nbreak and 'quote'".to_owned(),
        attempts,
        at: at(i64::from(attempts)),
    })
    .collect();
    let writes = Writes { dead_letters: letters.clone(), ..Writes::default() };
    store(&*db, Begin::default(), writes).await.unwrap();

    let kept = db.reader().dead_letters(0, 10).await.unwrap();
    assert!(kept.windows(2).all(|pair| pair[0].id < pair[1].id));
    let rest = db.reader().dead_letters(kept[0].id, 1).await.unwrap();
    assert_eq!(rest, [kept[1].clone()]);
    assert_eq!(
        kept.into_iter().map(|kept: KeptDeadLetter| kept.letter).collect::<Vec<_>>(),
        letters
    );
}

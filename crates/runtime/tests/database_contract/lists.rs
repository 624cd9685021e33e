//! Aggregates by owner and state, page by page; timers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use runtime::{
    Key,
    db::{Begin, Database, ListQuery, Row},
};

use crate::fixture::{ITEM, Store, TICKET, at, locking, row, rows, store, ticket};

fn all() -> ListQuery {
    ListQuery {
        kind: TICKET.name,
        owner: None,
        states: Vec::new(),
        after: None,
        descending: false,
        limit: 100,
    }
}

async fn ids(db: &dyn Database, query: ListQuery) -> Vec<String> {
    db.reader().list(&query).await.unwrap().into_iter().map(|(id, _)| id).collect()
}

fn owned(owner: &str, state: &str) -> Row {
    Row { owner: Some(owner.to_owned()), ..row(1, state) }
}

pub(crate) async fn a_list_is_paged_in_both_directions(place: &dyn Store) {
    let db = place.open().await;
    let names: Vec<String> = (0..7).map(|n| format!("t-{n}")).collect();
    let tickets: Vec<(&str, Row)> =
        names.iter().map(|id| (id.as_str(), owned("s", "open"))).collect();
    store(&*db, Begin::default(), rows(&tickets)).await.unwrap();

    for (descending, owner, states) in [
        (false, None, vec![]),
        (true, None, vec![]),
        (false, Some("s"), vec![]),
        (true, Some("s"), vec!["open"]),
        (false, Some("s"), vec!["open", "closed"]),
        (true, None, vec!["closed", "open"]),
    ] {
        let mut expected = names.clone();
        if descending {
            expected.reverse();
        }
        let mut found = Vec::new();
        loop {
            let query = ListQuery {
                owner: owner.map(str::to_owned),
                states: states.iter().map(|state| (*state).to_owned()).collect(),
                after: found.last().cloned(),
                descending,
                limit: 3,
                ..all()
            };
            let page = ids(&*db, query).await;
            let full = page.len() == 3;
            found.extend(page);
            if !full {
                break;
            }
        }
        assert_eq!(found, expected, "descending: {descending}, {owner:?}, {states:?}");
    }
}

pub(crate) async fn a_list_holds_what_was_asked_for(place: &dyn Store) {
    let db = place.open().await;
    let mut writes = rows(&[
        ("1", owned("s1", "pending")),
        ("2", owned("s1", "ready")),
        ("3", owned("s2", "pending")),
        ("4", owned("s1", "done")),
        ("5", row(1, "pending")),
    ]);
    writes.rows.push((Key::new(ITEM, "6"), owned("s1", "pending")));
    store(&*db, Begin::default(), writes).await.unwrap();

    for (owner, states, expected) in [
        (None, &[][..], &["1", "2", "3", "4", "5"][..]),
        (Some("s1"), &[][..], &["1", "2", "4"][..]),
        (Some("s1"), &["pending"][..], &["1"][..]),
        (Some("s1"), &["done", "pending", "done"][..], &["1", "4"][..]),
        (None, &["pending"][..], &["1", "3", "5"][..]),
        (None, &["ready", "done"][..], &["2", "4"][..]),
        (Some("s3"), &[][..], &[][..]),
        (Some("s1"), &["lost"][..], &[][..]),
        (Some("s1' OR 1=1 --"), &["' OR 1=1 --"][..], &[][..]),
    ] {
        let query = ListQuery {
            owner: owner.map(str::to_owned),
            states: states.iter().map(|state| (*state).to_owned()).collect(),
            ..all()
        };
        assert_eq!(ids(&*db, query).await, expected, "{owner:?} {states:?}");
    }
    let listed = db.reader().list(&ListQuery { limit: 1, ..all() }).await.unwrap();
    assert_eq!(listed, [("1".to_owned(), owned("s1", "pending"))]);
}

pub(crate) async fn timers_come_when_they_are_due(place: &dyn Store) {
    let db = place.open().await;
    assert_eq!(db.reader().next_due().await.unwrap(), None);
    let timer = |millis: i64| Row { wake_at: Some(at(millis)), ..row(1, "open") };
    let tickets =
        [("late", timer(30)), ("soon", timer(10)), ("never", row(1, "open")), ("next", timer(20))];
    store(&*db, Begin::default(), rows(&tickets)).await.unwrap();

    let due = |id: &str| (TICKET.name.to_owned(), id.to_owned());
    assert_eq!(db.reader().next_due().await.unwrap(), Some(at(10)));
    assert!(db.reader().due(at(9), 10).await.unwrap().is_empty());
    assert_eq!(db.reader().due(at(20), 10).await.unwrap(), [due("soon"), due("next")]);
    assert_eq!(db.reader().due(at(99), 1).await.unwrap(), [due("soon")]);

    // The row is the timer: saved without one, it has none.
    store(&*db, locking(&["soon"]), rows(&[("soon", row(2, "done"))])).await.unwrap();
    assert_eq!(db.reader().next_due().await.unwrap(), Some(at(20)));
    assert_eq!(db.reader().due(at(99), 10).await.unwrap(), [due("next"), due("late")]);
    assert_eq!(db.reader().get(&ticket("soon")).await.unwrap().unwrap().wake_at, None);
}

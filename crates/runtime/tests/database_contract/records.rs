//! Histories and the rows that sagas are searched by.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use runtime::{
    HistoryEntry,
    db::{Begin, Database, DbError, SagaQuery, SagaRow, Writes},
};
use uuid::Uuid;

use crate::fixture::{Store, at, store};

fn entry(stream: Uuid, version: u64) -> HistoryEntry {
    HistoryEntry { stream, version, at: at(0), body: format!("{{\"version\":{version}}}") }
}

pub(crate) async fn a_history_is_read_in_order(place: &dyn Store) {
    let db = place.open().await;
    let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let append = async |entries: &[(Uuid, u64)]| {
        let history = entries.iter().map(|(stream, version)| entry(*stream, *version)).collect();
        store(&*db, Begin::default(), Writes { history, ..Writes::default() }).await
    };
    append(&[(one, 1), (other, 1), (one, 2)]).await.unwrap();
    append(&[(one, 3)]).await.unwrap();

    let read = async |after, limit| db.reader().history(one, after, limit).await.unwrap();
    assert_eq!(read(0, 10).await, [entry(one, 1), entry(one, 2), entry(one, 3)]);
    assert_eq!(read(1, 1).await, [entry(one, 2)]);
    assert!(read(3, 10).await.is_empty());
    let streams = async |after, limit| db.reader().streams(after, limit).await.unwrap();
    assert_eq!(streams(None, 10).await, [one, other]);
    assert_eq!(streams(Some(one), 10).await, [other]);
    assert_eq!(streams(None, 1).await, [one]);

    // A version is written once, whatever else is in the batch.
    let again = append(&[(one, 4), (one, 3)]).await;
    assert!(matches!(again, Err(DbError::Rejected(_))), "{again:?}");
    assert_eq!(read(0, 10).await.len(), 3);
}

fn saga(number: u128) -> SagaRow {
    SagaRow {
        saga_id: Uuid::from_u128((0xabcd << 112) | number),
        order_id: format!("order-{number}"),
        definition: "order".to_owned(),
        definition_version: 1,
        version: 1,
        status: "running".to_owned(),
        waiting_on: None,
        waiting_since: None,
        next_attempt_at: None,
        stalled: false,
        customer_id: "c1".to_owned(),
        store_id: "s1".to_owned(),
        started_at: at(i64::try_from(number).unwrap() * 10),
        updated_at: at(0),
    }
}

async fn save(db: &dyn Database, sagas: Vec<SagaRow>) {
    store(db, Begin::default(), Writes { sagas, ..Writes::default() }).await.unwrap();
}

pub(crate) async fn a_saga_row_is_replaced(place: &dyn Store) {
    let db = place.open().await;
    save(&*db, vec![saga(1), saga(2)]).await;
    let changed = SagaRow {
        version: 9,
        status: "compensating".to_owned(),
        waiting_on: Some("void-payment".to_owned()),
        waiting_since: Some(at(1)),
        next_attempt_at: Some(at(2)),
        stalled: true,
        updated_at: at(3),
        ..saga(1)
    };
    save(&*db, vec![changed.clone()]).await;
    assert_eq!(db.reader().saga(changed.saga_id).await.unwrap(), Some(changed));
    assert_eq!(db.reader().saga(saga(2).saga_id).await.unwrap(), Some(saga(2)));
    assert_eq!(db.reader().saga(saga(3).saga_id).await.unwrap(), None);
    save(&*db, vec![SagaRow { version: 10, ..saga(1) }]).await;
    let settled = db.reader().saga(saga(1).saga_id).await.unwrap().unwrap();
    assert_eq!((settled.waiting_on, settled.next_attempt_at, settled.stalled), (None, None, false));
}

pub(crate) async fn sagas_are_found_by_every_filter(place: &dyn Store) {
    let db = place.open().await;
    let waiting = |step: &str| Some(step.to_owned());
    save(
        &*db,
        vec![
            saga(1),
            SagaRow { waiting_on: waiting("cook"), stalled: true, ..saga(2) },
            SagaRow { status: "completed".to_owned(), customer_id: "c2".to_owned(), ..saga(3) },
            SagaRow { waiting_on: waiting("cook"), store_id: "s2".to_owned(), ..saga(4) },
            SagaRow { order_id: "Other_%".to_owned(), saga_id: Uuid::from_u128(5), ..saga(5) },
        ],
    )
    .await;

    let text = |text: &str| Some(text.to_owned());
    let any = || SagaQuery { limit: 10, ..SagaQuery::default() };
    for (query, expected) in [
        (any(), &[4, 3, 2, 1, 5][..]),
        (SagaQuery { limit: 2, ..any() }, &[4, 3]),
        (SagaQuery { before: Some(saga(3).saga_id), ..any() }, &[2, 1, 5]),
        (SagaQuery { status: text("completed"), ..any() }, &[3]),
        (SagaQuery { step: text("cook"), ..any() }, &[4, 2]),
        (SagaQuery { customer_id: text("c2"), ..any() }, &[3]),
        (SagaQuery { store_id: text("s2"), ..any() }, &[4]),
        (SagaQuery { stalled: Some(true), ..any() }, &[2]),
        (SagaQuery { stalled: Some(false), ..any() }, &[4, 3, 1, 5]),
        (SagaQuery { since: Some(at(30)), ..any() }, &[4, 3, 5]),
        (SagaQuery { until: Some(at(30)), ..any() }, &[2, 1]),
        (SagaQuery { since: Some(at(20)), until: Some(at(40)), ..any() }, &[3, 2]),
        (SagaQuery { text: text("order-"), ..any() }, &[4, 3, 2, 1]),
        (SagaQuery { text: text("order-3"), ..any() }, &[3]),
        (SagaQuery { text: text("abcd"), ..any() }, &[4, 3, 2, 1]),
        (SagaQuery { text: text("ABCD0000"), limit: 1, ..any() }, &[4]),
        (SagaQuery { text: text("Other_%"), ..any() }, &[5]),
        (SagaQuery { text: text("%"), ..any() }, &[]),
        (SagaQuery { text: text("' OR 1=1 --"), ..any() }, &[]),
        (
            SagaQuery {
                text: text("abcd"),
                status: text("running"),
                step: text("cook"),
                store_id: text("s1"),
                customer_id: text("c1"),
                ..any()
            },
            &[2],
        ),
    ] {
        let found: Vec<i64> = db
            .reader()
            .sagas(&query)
            .await
            .unwrap()
            .iter()
            .map(|saga| saga.started_at.since(at(0)).as_millis() / 10)
            .map(|number| i64::try_from(number).unwrap())
            .collect();
        assert_eq!(found, expected, "{query:?}");
    }
}

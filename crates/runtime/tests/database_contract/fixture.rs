//! What the properties build their scenarios from.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use async_trait::async_trait;
use contracts::{MessageId, QueueKind, Timestamp};
use runtime::{
    Key, Kind, Phase,
    db::{Begin, Database, DbError, Opened, Received, Row, Transaction, Writes},
};
use uuid::Uuid;

/// Where databases of one implementation live: each property has one of its own.
#[async_trait]
pub(crate) trait Store: Send + Sync {
    /// Opens the database, or opens it again with what is in it.
    async fn open(&self) -> Box<dyn Database>;
}

pub(crate) const TICKET: Kind = Kind { name: "ticket", phase: Phase::First, rank: 0 };
pub(crate) const ITEM: Kind = Kind { name: "item", phase: Phase::Second, rank: 0 };

pub(crate) fn ticket(id: &str) -> Key {
    Key::new(TICKET, id)
}

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_780_000_000_000 + millis)
}

pub(crate) fn message(number: u64) -> MessageId {
    MessageId(Uuid::from_u64_pair(0x0198_0000_0000_7000, 0x8000_0000_0000_0000 | number))
}

pub(crate) fn received(consumer: QueueKind, number: u64) -> Received {
    Received { consumer, message_id: message(number), time: at(0) }
}

pub(crate) fn row(version: u64, state: &str) -> Row {
    Row {
        version,
        messages: 0,
        state: state.to_owned(),
        owner: None,
        wake_at: None,
        updated_at: at(0),
        body: "{}".to_owned(),
    }
}

pub(crate) fn outgoing(key: &str, seq: u64, number: u64) -> runtime::db::NewMessage {
    runtime::db::NewMessage {
        key: key.to_owned(),
        seq,
        message_id: message(number),
        exchange: "expeditor.events",
        routing_key: "store.order-accepted".to_owned(),
        payload: format!("{{\"n\":{number}}}"),
        published: None,
    }
}

pub(crate) fn rows(rows: &[(&str, Row)]) -> Writes {
    let rows = rows.iter().map(|(id, row)| (ticket(id), row.clone())).collect();
    Writes { rows, now: at(0), ..Writes::default() }
}

pub(crate) fn locking(ids: &[&str]) -> Begin {
    Begin { lock: ids.iter().map(|id| ticket(id)).collect(), ..Begin::default() }
}

pub(crate) fn receiving(received: &[Received]) -> Begin {
    Begin { received: received.to_vec(), ..Begin::default() }
}

pub(crate) async fn begin(db: &dyn Database, begin: Begin) -> (Box<dyn Transaction>, Opened) {
    db.begin(begin).await.unwrap()
}

/// One transaction from beginning to end.
pub(crate) async fn store(
    db: &dyn Database,
    wanted: Begin,
    writes: Writes,
) -> Result<Opened, DbError> {
    let (transaction, opened) = db.begin(wanted).await?;
    transaction.commit(writes).await?;
    Ok(opened)
}

/// A transaction that only stores messages.
pub(crate) async fn send(db: &dyn Database, messages: Vec<runtime::db::NewMessage>) {
    let writes = Writes { messages, now: at(0), ..Writes::default() };
    store(db, Begin::default(), writes).await.unwrap();
}

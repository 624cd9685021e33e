//! The database port: small, dynamic, in batches. Everything that is SQL lives below this module.
//!
//! One [`Database`] is one service's own database. A batch opens one [`Transaction`] that claims
//! inbox rows and locks aggregates, and commits one [`Writes`]. The port speaks rows, not domain
//! types, so that an implementation is compiled once and not once a service.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use contracts::{MessageId, QueueKind, Timestamp};
use uuid::Uuid;

pub use crate::aggregate::SagaRow;
use crate::{HistoryEntry, Key};

mod error;
pub mod memory;
pub mod migrations;
pub mod postgres;
mod shared_outbox;
pub mod sqlite;
mod versions;

pub use migrations::{Migration, Migrations};
pub use shared_outbox::{Floor, LEASE, Leases, Parked, PutOff, SharedOutbox, SharedRow};
pub use versions::{Owned, Versions};

/// Why a database did not do what it was asked, sorted by what the caller should do.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Another transaction was in the way (busy, deadlock, serialization): try the batch again.
    #[error("the database is busy: {0}")]
    Conflict(String),
    /// It is not said clearly where the database is, or not how to connect safely.
    #[error("the database's address cannot be used: {0}")]
    Address(String),
    /// The database cannot work now (disk full, read-only, gone): try later. Nothing was stored, unless
    /// it was lost during a commit: then it may have been, and the inbox tells when it is tried again.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// This batch can never be stored as it is (a constraint, a value out of range).
    #[error("the database refuses the data: {0}")]
    Rejected(String),
    /// The database is of a later version than this program.
    #[error(
        "the database {name} is of a newer version ({found}) than this program knows ({known})"
    )]
    NewerVersion {
        /// Which database.
        name: String,
        /// The version found.
        found: i64,
        /// The latest that this program knows.
        known: i64,
    },
    /// What is stored cannot be understood: damage, or a bug.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
}

/// A row of the `aggregate` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Counts the changes, from 1.
    pub version: u64,
    /// How many messages it has put into the outbox.
    pub messages: u64,
    /// The word that people search by.
    pub state: String,
    /// Whose it is.
    pub owner: Option<String>,
    /// When its timer fires; the row is the timer.
    pub wake_at: Option<Timestamp>,
    /// When it was last saved.
    pub updated_at: Timestamp,
    /// JSON; what it means is kept, not every space. A text in it may be refused that holds U+0000.
    pub body: String,
}

/// A message that the inbox is asked to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Received {
    /// Through which queue.
    pub consumer: QueueKind,
    /// Which message.
    pub message_id: MessageId,
    /// The message's own time (the inbox is kept by it, so that duplicates meet).
    pub time: Timestamp,
}

/// What a transaction starts with.
#[derive(Clone, Debug, Default)]
pub struct Begin {
    /// Messages to claim in the inbox. One that is named twice is claimed once, and is not `seen`.
    pub received: Vec<Received>,
    /// Aggregates to lock, sorted, without repeats; they may not exist yet.
    pub lock: Vec<Key>,
    /// Aggregates to read without a lock.
    pub look: Vec<Key>,
    /// Outbox buckets of which the oldest row's time is wanted.
    pub oldest_unsent: Vec<u16>,
}

/// What a transaction found at its start.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// Those of the messages that the inbox had already.
    pub seen: HashSet<(QueueKind, MessageId)>,
    /// The aggregates that exist.
    pub rows: HashMap<Key, Row>,
    /// By bucket, when its oldest outbox row was written; empty buckets are missing.
    pub oldest_unsent: HashMap<u16, Timestamp>,
}

/// A row for the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// `kind/id` of the aggregate that speaks.
    pub key: String,
    /// Counts the messages of that key.
    pub seq: u64,
    /// The envelope's id.
    pub message_id: MessageId,
    /// Where it is published.
    pub exchange: &'static str,
    /// With which routing key.
    pub routing_key: String,
    /// The encoded envelope.
    pub payload: String,
    /// Present where the message is to be appended to `published_event` too.
    pub published: Option<Published>,
}

/// What `published_event` keeps beside the envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The event's type.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// The aggregate's version.
    pub sequence: u64,
}

/// A row of the dead-letter table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Through which queue it came.
    pub consumer: QueueKind,
    /// Its id, where it could be read.
    pub message_id: Option<MessageId>,
    /// The bytes as they came.
    pub bytes: Vec<u8>,
    /// The headers as they came, as a JSON object.
    pub headers: String,
    /// Why it is dead.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was given up.
    pub at: Timestamp,
}

/// What a transaction stores.
#[derive(Clone, Debug, Default)]
pub struct Writes {
    /// Aggregates, whole.
    pub rows: Vec<(Key, Row)>,
    /// History entries.
    pub history: Vec<HistoryEntry>,
    /// Saga search rows.
    pub sagas: Vec<SagaRow>,
    /// Outbox rows, in order.
    pub messages: Vec<NewMessage>,
    /// Dead letters.
    pub dead_letters: Vec<DeadLetter>,
    /// The transaction's time.
    pub now: Timestamp,
}

/// One transaction; dropped without [`commit`](Self::commit), nothing of it remains.
#[async_trait]
pub trait Transaction: Send {
    /// Locks (sorted, without repeats) and looks at more aggregates; answers those that exist.
    async fn load(&mut self, lock: &[Key], look: &[Key]) -> Result<HashMap<Key, Row>, DbError>;

    /// Stores everything or nothing.
    async fn commit(self: Box<Self>, writes: Writes) -> Result<(), DbError>;
}

/// One service's database.
#[async_trait]
pub trait Database: Send + Sync + 'static {
    /// Opens a transaction: claims the inbox rows, locks and reads the aggregates.
    async fn begin(&self, begin: Begin) -> Result<(Box<dyn Transaction>, Opened), DbError>;

    /// For looking without deciding.
    fn reader(&self) -> &dyn Reader;

    /// For the relay.
    fn outbox(&self) -> &dyn Outbox;

    /// For relays in processes of their own, where the database can serve several at once.
    fn shared_outbox(&self) -> Option<&dyn SharedOutbox> {
        None
    }

    /// For those who watch, where other processes may write too.
    fn versions(&self) -> Option<&dyn Versions> {
        None
    }

    /// Answers when the database can be read and written to.
    async fn ready(&self) -> Result<(), DbError>;

    /// Forgets inbox rows of messages whose own time is before `older_than`, at most `limit` of
    /// them; answers how many. A duplicate of a forgotten message is no longer recognised.
    async fn prune_inbox(&self, older_than: Timestamp, limit: u32) -> Result<u64, DbError>;

    /// Forgets every aggregate and every message that was received, in one transaction: all that a
    /// subscriber keeps of what others have published, before it is sent again. Nobody who owns
    /// anything may be made to. Dead letters stay: they are evidence. Answers how many aggregates
    /// there were.
    async fn forget_all(&self) -> Result<u64, DbError>;

    /// Ends all work and closes the files or connections.
    async fn close(&self);
}

/// Which aggregates a list holds. Ordered by id.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// The kind's name.
    pub kind: &'static str,
    /// Only this owner's.
    pub owner: Option<String>,
    /// Only in these states; empty for any.
    pub states: Vec<String>,
    /// Only ids after this one (before it, where the newest are first).
    pub after: Option<String>,
    /// Whether ids go down: ids that sort by age then give the newest first.
    pub descending: bool,
    /// At most so many.
    pub limit: u32,
}

/// Which sagas a list holds. Ordered by saga id, the newest first.
#[derive(Clone, Debug, Default)]
pub struct SagaQuery {
    /// Only with this status.
    pub status: Option<String>,
    /// Only waiting on this step.
    pub step: Option<String>,
    /// Only of this customer.
    pub customer_id: Option<String>,
    /// Only of this store.
    pub store_id: Option<String>,
    /// Only where saga id or order id begins with this.
    pub text: Option<String>,
    /// Only stalled (or not stalled) ones.
    pub stalled: Option<bool>,
    /// Only started at or after.
    pub since: Option<Timestamp>,
    /// Only started before.
    pub until: Option<Timestamp>,
    /// Only saga ids before this one.
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: u32,
}

/// A row of `published_event`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedEvent {
    /// Its place in the table; grows.
    pub id: i64,
    /// The event's type.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// The aggregate's version.
    pub sequence: u64,
    /// The encoded envelope.
    pub payload: String,
}

/// A dead letter as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptDeadLetter {
    /// Its place in the table.
    pub id: i64,
    /// What was kept.
    pub letter: DeadLetter,
}

/// Reading outside of any transaction: what was committed.
#[async_trait]
pub trait Reader: Send + Sync {
    /// One aggregate.
    async fn get(&self, key: &Key) -> Result<Option<Row>, DbError>;
    /// Aggregates of one kind, by id.
    async fn list(&self, query: &ListQuery) -> Result<Vec<(String, Row)>, DbError>;
    /// Whose histories there are: their streams after one, in order.
    async fn streams(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<Uuid>, DbError>;
    /// Entries of one history after a version, in order.
    async fn history(
        &self,
        stream: Uuid,
        after_version: u64,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>, DbError>;
    /// One saga's search row.
    async fn saga(&self, saga_id: Uuid) -> Result<Option<SagaRow>, DbError>;
    /// Saga search rows.
    async fn sagas(&self, query: &SagaQuery) -> Result<Vec<SagaRow>, DbError>;
    /// Published events after an id, in order of id. Where several processes write, a lower id may
    /// be committed after a higher one: who follows the table as it grows must look back.
    async fn published(&self, after: i64, limit: u32) -> Result<Vec<PublishedEvent>, DbError>;
    /// Published events about any of these subjects: of each in order of id.
    async fn published_about(&self, subjects: &[String]) -> Result<Vec<PublishedEvent>, DbError>;
    /// Dead letters after an id, in order of id.
    async fn dead_letters(&self, after: i64, limit: u32) -> Result<Vec<KeptDeadLetter>, DbError>;
    /// Aggregates whose timer is due, the longest due first: kind, id.
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<(String, String)>, DbError>;
    /// When the next timer is due.
    async fn next_due(&self) -> Result<Option<Timestamp>, DbError>;
}

/// A row of the outbox as the relay reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its place; grows in order of commit within a key.
    pub id: i64,
    /// `kind/id` of the aggregate that speaks.
    pub key: String,
    /// Counts the messages of that key.
    pub seq: u64,
    /// The envelope's id.
    pub message_id: MessageId,
    /// Where it is published.
    pub exchange: String,
    /// With which routing key.
    pub routing_key: String,
    /// The encoded envelope.
    pub payload: String,
    /// When it was written.
    pub created_at: Timestamp,
}

/// The outbox as the relay sees it: rows to read, rows to delete once confirmed.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Rows after an id, in order of id.
    async fn read(&self, after: i64, limit: u32) -> Result<Vec<OutboxRow>, DbError>;
    /// Rows of one key, in order.
    async fn read_key(&self, key: &str, limit: u32) -> Result<Vec<OutboxRow>, DbError>;
    /// Deletes rows that were confirmed. They are gone from this handle's answers at once, and from
    /// the disk with a later commit: a delete lost in a crash only sends again.
    async fn delete(&self, ids: Vec<i64>) -> Result<(), DbError>;
    /// How many rows there are, and when the oldest was written.
    async fn backlog(&self) -> Result<(u64, Option<Timestamp>), DbError>;
    /// Resolves when rows were committed since the last call; may resolve without need.
    async fn written(&self);
}

//! Aggregates: typed structs saved whole, with the few columns that people search by.

use std::{fmt, sync::Arc};

use contracts::Timestamp;
use serde::{Deserialize, Serialize};

/// When a kind of aggregate is locked. Locks go by (phase, rank, id), whatever the order in which
/// inputs name them, so that two batches can never wait for one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Locked first; once loaded, it may name aggregates of the second phase.
    First,
    /// Locked after every aggregate of the first phase, also where an input names it directly.
    Second,
}

/// A kind of aggregate, as a service declares it in a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    /// Its name in the `kind` column: `ticket`. Unique within the service.
    pub name: &'static str,
    /// When it is locked.
    pub phase: Phase,
    /// Its place among the kinds of its phase.
    pub rank: u8,
}

/// Which aggregate: its kind and its id.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The kind.
    pub kind: Kind,
    /// The id within the kind.
    pub id: Arc<str>,
}

impl Key {
    /// The key of an aggregate of that kind.
    pub fn new(kind: Kind, id: impl AsRef<str>) -> Self {
        Self { kind, id: Arc::from(id.as_ref()) }
    }

    /// `kind/id`: by this the outbox keeps the order of an aggregate's messages.
    pub fn outbox_key(&self) -> String {
        format!("{}/{}", self.kind.name, self.id)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.name, self.id)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let rank = |key: &Self| (key.kind.phase, key.kind.rank, key.kind.name);
        rank(self).cmp(&rank(other)).then_with(|| self.id.cmp(&other.id))
    }
}

/// The number of buckets that outbox rows hash into; a lease is taken bucket by bucket.
pub const BUCKETS: u16 = 64;

/// The bucket of an outbox key: `crc32(key) mod 64`.
pub fn bucket(outbox_key: &str) -> u16 {
    u16::try_from(crc32fast::hash(outbox_key.as_bytes()) % u32::from(BUCKETS)).unwrap_or(0)
}

/// What a service keeps: usually an enum over its kinds of aggregate.
///
/// A new version of an aggregate must have a [`version`](Self::version) that is exactly one more
/// than the one it replaces (the first one is 1); the path refuses anything else.
pub trait Aggregate: Clone + Send + Sync + Sized + 'static {
    /// Which kind of aggregate this is.
    fn kind(&self) -> Kind;
    /// Counts its changes, from 1. It is the `sequence` of the facts that the change publishes.
    fn version(&self) -> u64;
    /// The word by which people search: `pending`.
    fn state(&self) -> &str;
    /// Whose it is, where people search by that: a store's id, a customer's.
    fn owner(&self) -> Option<&str>;
    /// When it wants to be woken ([`Input::Wake`](crate::Input::Wake)), if at all.
    fn wake_at(&self) -> Option<Timestamp> {
        None
    }
    /// The body as it is stored: JSON.
    fn encode(&self) -> Result<String, serde_json::Error>;
    /// Reads a body back.
    fn decode(kind: &str, body: &str) -> Result<Self, DecodeError>;
}

/// A stored body that cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The service has no such kind of aggregate.
    #[error("unknown kind of aggregate {0:?}")]
    UnknownKind(String),
    /// The body is not what this build writes.
    #[error("stored body cannot be read: {0}")]
    Body(#[from] serde_json::Error),
}

/// One row of a saga's searchable table, written in the same transaction as the saga.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SagaRow {
    /// The saga.
    pub saga_id: uuid::Uuid,
    /// The order that it belongs to.
    pub order_id: String,
    /// The definition's name: `order`.
    pub definition: String,
    /// The definition's version that it was started with.
    pub definition_version: u32,
    /// How many entries its history has.
    pub version: u64,
    /// The saga's status word.
    pub status: String,
    /// The step that it waits on, if any.
    pub waiting_on: Option<String>,
    /// Since when.
    pub waiting_since: Option<Timestamp>,
    /// When the command is sent again.
    pub next_attempt_at: Option<Timestamp>,
    /// Whether a person should look: a deadline after the pivot has passed.
    pub stalled: bool,
    /// The order's customer.
    pub customer_id: String,
    /// The order's store.
    pub store_id: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

//! The outbox as relays in processes of their own see it: several at once, each reading the buckets
//! that it has leased.
//!
//! Ids become visible out of order here: a transaction takes its ids before it commits, so a lower
//! id may turn up after a higher one was read. A floor is therefore a hint that saves work and never
//! a cursor. Whoever reads keeps to this, or loses rows until the next rescan:
//!
//! 1. New rows are read after the highest id read so far, as soon as [`Outbox::written`] resolves.
//! 2. Several times a second rows are read again after a floor that is a few seconds old, and those
//!    that are in flight are passed over: that finds the rows of transactions that were slower.
//! 3. After a lease has changed hands (another epoch), and every half minute, everything is read
//!    again from zero.
//!
//! Within a key ids are in order all the same: the writer holds the aggregate's lock from before it
//! takes the ids until it has committed. But a read that begins at a floor may find a key's later row
//! and not its earlier one, which took its id before the floor and was committed after the floor was
//! read. Rows of a key are numbered without gaps: who finds a gap reads the bucket from zero before
//! publishing what is behind it.

use std::time::Duration;

use async_trait::async_trait;
use contracts::{MessageId, Timestamp};
use uuid::Uuid;

use super::{DbError, Outbox, OutboxRow};

/// What a relay holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leases {
    /// The buckets, in order, each with its epoch.
    pub held: Vec<(u16, i64)>,
    /// How many it should hold, with as many relays as are alive. One that holds more stops reading
    /// some of them, waits until nothing of theirs is in flight, and gives them up.
    pub share: u16,
}

/// From where on a bucket is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// The bucket.
    pub bucket: u16,
    /// The lease's epoch; after another's takeover it fits no more, and nothing is read.
    pub epoch: i64,
    /// Rows after this id.
    pub after: i64,
}

/// A row of the outbox with what a relay keeps count of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedRow {
    /// Its bucket.
    pub bucket: u16,
    /// How often the broker refused this very row.
    pub attempts: u32,
    /// The row.
    pub row: OutboxRow,
}

/// A row that the broker refused and that waits before it is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOff {
    /// Its bucket.
    pub bucket: u16,
    /// Its place.
    pub id: i64,
    /// How long it waits from now on.
    pub pause: Duration,
    /// What the broker said.
    pub error: String,
}

/// A message that was given up until somebody sends it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// Its place among the parked ones.
    pub id: i64,
    /// `kind/id` of the aggregate that speaks.
    pub key: String,
    /// Counts the messages of that key.
    pub seq: u64,
    /// The envelope's id.
    pub message_id: MessageId,
    /// Where it was to be published.
    pub exchange: String,
    /// With which routing key.
    pub routing_key: String,
    /// The encoded envelope.
    pub payload: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What the broker said last.
    pub error: String,
    /// When it was parked.
    pub parked_at: Timestamp,
}

/// An outbox that several relays share.
#[async_trait]
pub trait SharedOutbox: Outbox {
    /// Says that this relay is alive, renews its leases for [`LEASE`] and takes free or
    /// expired ones up to its share. To be called every few seconds; a relay that cannot stops publishing
    /// 5 s before its leases end by its own clock, counted from before the call. One that starts
    /// again under the same id goes on at once, in the same epoch.
    async fn lease(&self, owner: Uuid) -> Result<Leases, DbError>;

    /// Gives buckets up, so that others need not wait for the lease to end; all of them and the
    /// heartbeat where the relay ends.
    async fn give_up(&self, owner: Uuid, buckets: &[u16], ending: bool) -> Result<(), DbError>;

    /// Rows of leased buckets in order of id, at most `limit` of each bucket; nothing of a bucket
    /// whose lease is not this one any more. Rows that were put off are left out until their time
    /// has come, and so is every row of the same key. When it has come, the key is read from below
    /// the row only: who reads from above it must not overtake it.
    async fn read_leased(
        &self,
        owner: Uuid,
        floors: &[Floor],
        limit: u32,
    ) -> Result<Vec<SharedRow>, DbError>;

    /// Deletes confirmed rows, by bucket and id. A delete lost in a crash only sends again.
    async fn delete_sent(&self, rows: &[(u16, i64)]) -> Result<(), DbError>;

    /// Counts an attempt that failed for the row's own sake, and lets the row's key wait.
    async fn put_off(&self, rows: &[PutOff]) -> Result<(), DbError>;

    /// Moves a row to the parked ones; its key goes on without it. Answers whether it was there.
    async fn park(&self, bucket: u16, id: i64, error: &str) -> Result<bool, DbError>;

    /// Parked messages after an id, in order of id.
    async fn parked(&self, after: i64, limit: u32) -> Result<Vec<Parked>, DbError>;

    /// How many messages are parked.
    async fn parked_count(&self) -> Result<u64, DbError>;

    /// Puts parked messages at the end of the outbox again; answers how many there were.
    async fn redrive(&self, ids: &[i64]) -> Result<u64, DbError>;
}

/// How long a lease lasts without being renewed.
pub const LEASE: Duration = Duration::from_secs(12);

//! The loop: lease, read, publish, hear, delete. Whatever takes time is under way beside the rest,
//! and comes back as an [`Event`].
//!
//! - `begin`: begins what can begin.
//! - `hear`: what follows from what has come back.

use std::{pin::Pin, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use runtime::{
    ServiceName, Timestamp,
    breaker::Breaker,
    broker::{Broker, Outcome},
    db::{DbError, Floor, LEASE, Leases, SharedOutbox, SharedRow},
    host::told_to_stop,
    ports::Ports,
};
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    SharedOptions,
    buckets::Buckets,
    metrics::RelayMetrics,
    queue::{Item, Queue},
};

mod begin;
mod hear;

/// The breaker's pauses: the broker may be back at any moment, and asking costs little.
const BREAKER: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How long a key rests when the broker could not take a row of it while it took others.
const REST: Duration = Duration::from_millis(200);
/// How long what is under way may take when the relay is told to stop.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What came of something that was under way.
enum Event {
    Leased { asked: Duration, leases: Result<Leases, DbError> },
    GaveUp { buckets: Vec<u16>, done: Result<(), DbError> },
    Read { asked: Vec<Floor>, limit: u32, rows: Result<Vec<SharedRow>, DbError> },
    Answered { sent: Vec<(Item, Outcome)>, began: Duration },
    Deleted { rows: Vec<(u16, i64)>, done: Result<(), DbError> },
    PutOff { items: Vec<(Item, Duration)>, parked: u64, done: Result<(), DbError> },
    Looked(Result<(u64, Option<Timestamp>), DbError>),
}

type Work = FuturesUnordered<Pin<Box<dyn Future<Output = Event> + Send>>>;

/// Something that is done once at a time: whether it is under way, and not before when it begins
/// again.
#[derive(Clone, Copy, Default)]
struct Slot {
    busy: bool,
    at: Duration,
}

impl Slot {
    fn is_free(self, now: Duration) -> bool {
        !self.busy && now >= self.at
    }
}

/// What is under way.
#[derive(Default)]
struct UnderWay {
    calls: usize,
    lease: Slot,
    read: Slot,
    delete: Slot,
    put_off: Slot,
    look: Slot,
}

pub(crate) struct Pump {
    source: ServiceName,
    outbox: Arc<dyn SharedOutbox>,
    broker: Arc<dyn Broker>,
    ports: Ports,
    options: SharedOptions,
    owner: Uuid,
    metrics: RelayMetrics,
    buckets: Buckets,
    /// Until then it looks for its share in a hurry: others have it, and are about to give it up.
    hurry_until: Duration,
    /// Nothing is published from then on, unless the leases are renewed before.
    fenced_at: Duration,
    queue: Queue,
    breaker: Breaker,
    /// Confirmed rows, not yet deleted.
    confirmed: Vec<(u16, i64)>,
    /// Deleted while a read was under way, which may find them all the same.
    deleted: Vec<(u16, i64)>,
    refused: Vec<Item>,
    /// By how much pages are larger than usual.
    page: usize,
    poll_at: Duration,
    under_way: UnderWay,
    work: Work,
}

impl Pump {
    pub(crate) fn new(
        source: ServiceName,
        outbox: Arc<dyn SharedOutbox>,
        broker: Arc<dyn Broker>,
        ports: Ports,
        options: SharedOptions,
        owner: Uuid,
    ) -> Self {
        let now = ports.clock.elapsed();
        Self {
            source,
            outbox,
            broker,
            metrics: RelayMetrics::new(&options.metrics, source, &ports),
            ports,
            buckets: Buckets::new(now, options.rescan),
            options,
            owner,
            hurry_until: now + LEASE,
            fenced_at: now,
            queue: Queue::new(REST),
            breaker: Breaker::new(BREAKER.0, BREAKER.1),
            confirmed: Vec::new(),
            deleted: Vec::new(),
            refused: Vec::new(),
            page: 1,
            poll_at: now,
            under_way: UnderWay::default(),
            work: FuturesUnordered::new(),
        }
    }

    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let (outbox, clock) = (Arc::clone(&self.outbox), Arc::clone(&self.ports.clock));
        while !*stop.borrow() {
            let now = clock.elapsed();
            self.begin(now);
            let pause = self.next(now).saturating_sub(now);
            tokio::select! {
                biased;
                () = told_to_stop(&mut stop) => break,
                Some(event) = self.work.next() => self.hear(event),
                () = outbox.written() => self.buckets.written(),
                () = clock.sleep(pause) => {}
            }
            self.note();
        }
        self.end().await;
    }

    /// When something can begin that cannot now, unless something happens before.
    fn next(&self, now: Duration) -> Duration {
        let way = &self.under_way;
        let mut next = self.poll_at;
        let mut due = |when: bool, at: Duration| {
            if when && at > now {
                next = next.min(at);
            }
        };
        due(!way.lease.busy, way.lease.at);
        due(!way.read.busy, way.read.at);
        due(!way.delete.busy && !self.confirmed.is_empty(), way.delete.at);
        due(!way.look.busy, way.look.at);
        due(true, self.queue.next().unwrap_or(self.poll_at));
        due(self.queue.is_ready(), self.breaker.opens().unwrap_or(self.poll_at));
        next
    }

    fn note(&self) {
        self.metrics.note(self.queue.going(), self.buckets.len(), self.breaker.is_open());
    }

    /// Hears what is under way, deletes what is confirmed, and gives up the leases, so that others
    /// need not wait for them.
    async fn end(mut self) {
        let clock = Arc::clone(&self.ports.clock);
        let until = clock.elapsed() + LAST_WORDS;
        loop {
            let now = clock.elapsed();
            self.delete(now);
            self.put_off();
            let way = &self.under_way;
            let busy = way.calls > 0 || way.delete.busy || way.put_off.busy || way.lease.busy;
            if !busy || now >= until {
                break;
            }
            tokio::select! {
                biased;
                Some(event) = self.work.next() => self.hear(event),
                () = clock.sleep(until.saturating_sub(now)) => {}
            }
        }
        if let Err(error) = self.outbox.give_up(self.owner, &self.buckets.numbers(), true).await {
            tracing::warn!(source = %self.source, %error, "others wait until the leases end");
        }
        self.metrics.note(0, 0, false);
    }
}

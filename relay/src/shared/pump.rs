//! The loop: lease, read, publish, hear, delete. Whatever takes time is under way beside the rest,
//! and comes back as an [`Event`].

use std::{pin::Pin, sync::Arc, time::Duration};

use contracts::Timestamp;
use futures_util::{StreamExt, stream::FuturesUnordered};
use runtime::{
    ServiceName,
    broker::{Broker, Outcome},
    db::{DbError, Floor, LEASE, Leases, PutOff, SharedOutbox, SharedRow},
    host::told_to_stop,
    ports::Ports,
};
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    SharedOptions,
    breaker::Breaker,
    buckets::Buckets,
    metrics::RelayMetrics,
    queue::{Item, Queue},
};

/// The pause before something is tried again that the database could not do.
const PAUSE_OF_DATABASE: Duration = Duration::from_secs(1);
/// The breaker's pauses: the broker may be back at any moment, and asking costs little.
const BREAKER: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How long a key rests when the broker could not take a row of it while it took others.
const REST: Duration = Duration::from_millis(200);
/// The server's clock is not this one's: a key that was put off there is looked for a little later.
const SLACK: Duration = Duration::from_millis(20);
/// How often the backlog is counted.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The most rows in one delete.
const LARGEST_DELETE: usize = 1_024;
/// The fewest rows of a bucket in one read.
const SMALLEST_PAGE: usize = 8;
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
    /// Nothing is published from then on, unless the leases are renewed before.
    fenced_at: Duration,
    queue: Queue,
    breaker: Breaker,
    /// Confirmed rows, not yet deleted.
    confirmed: Vec<(u16, i64)>,
    /// Deleted while a read was under way, which may find them all the same.
    deleted: Vec<(u16, i64)>,
    refused: Vec<Item>,
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
            options,
            owner,
            buckets: Buckets::new(now),
            fenced_at: now,
            queue: Queue::new(REST),
            breaker: Breaker::new(BREAKER.0, BREAKER.1),
            confirmed: Vec::new(),
            deleted: Vec::new(),
            refused: Vec::new(),
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

    /// Begins whatever can begin now.
    fn begin(&mut self, now: Duration) {
        if now >= self.poll_at {
            self.poll_at = now + self.options.poll;
            self.buckets.written();
        }
        for (bucket, after) in self.queue.release(now) {
            self.buckets.wind_back(bucket, after);
        }
        self.lease(now);
        self.put_off();
        self.delete(now);
        self.publish(now);
        self.read(now);
        self.look(now);
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

    /// Renews the leases and takes free ones; or gives up what is too much. Never both at once: each
    /// would spoil the other's answer.
    fn lease(&mut self, now: Duration) {
        if self.under_way.lease.busy {
            return;
        }
        let (outbox, owner) = (Arc::clone(&self.outbox), self.owner);
        if now >= self.under_way.lease.at {
            self.under_way.lease.busy = true;
            self.under_way.lease.at = now + self.options.renew;
            self.work.push(Box::pin(async move {
                Event::Leased { asked: now, leases: outbox.lease(owner).await }
            }));
            return;
        }
        let idle = |bucket: &u16| !self.queue.is_going(*bucket);
        let buckets: Vec<u16> = self.buckets.leaving().into_iter().filter(idle).collect();
        if !buckets.is_empty() {
            self.under_way.lease.busy = true;
            self.work.push(Box::pin(async move {
                let done = outbox.give_up(owner, &buckets, false).await;
                Event::GaveUp { buckets, done }
            }));
        }
    }

    /// Reads while there is room for at least half of what may be read ahead.
    fn read(&mut self, now: Duration) {
        let room = self.options.window.saturating_sub(self.queue.waiting());
        let may = self.under_way.read.is_free(now) && now < self.fenced_at;
        if !may || room < self.options.window.div_ceil(2) || !self.buckets.any_behind(now) {
            return;
        }
        let asked = self.buckets.floors(now);
        if asked.is_empty() {
            return;
        }
        let limit = u32::try_from((room / asked.len()).max(SMALLEST_PAGE)).unwrap_or(u32::MAX);
        self.under_way.read.busy = true;
        let (outbox, owner) = (Arc::clone(&self.outbox), self.owner);
        self.work.push(Box::pin(async move {
            let rows = outbox.read_leased(owner, &asked, limit).await;
            Event::Read { asked, limit, rows }
        }));
    }

    fn publish(&mut self, now: Duration) {
        while now < self.fenced_at
            && self.under_way.calls < self.options.calls
            && self.breaker.admits(now, self.under_way.calls)
        {
            let items = self.queue.take_out(self.options.batch);
            if items.is_empty() {
                return;
            }
            tracing::trace!(source = %self.source, rows = items.len(), "publishing");
            self.under_way.calls += 1;
            let broker = Arc::clone(&self.broker);
            self.work.push(Box::pin(async move {
                let publications = items.iter().map(|item| item.publication.clone()).collect();
                let confirms = broker.publish(publications).await;
                let mut sent = Vec::with_capacity(items.len());
                for (item, confirm) in items.into_iter().zip(confirms) {
                    sent.push((item, confirm.await.unwrap_or(Outcome::Unavailable)));
                }
                Event::Answered { sent, began: now }
            }));
        }
    }

    fn delete(&mut self, now: Duration) {
        let way = &mut self.under_way;
        if !way.delete.is_free(now) || self.confirmed.is_empty() {
            return;
        }
        way.delete.busy = true;
        let most = self.confirmed.len().min(LARGEST_DELETE);
        let rows: Vec<_> = self.confirmed.drain(..most).collect();
        let outbox = Arc::clone(&self.outbox);
        self.work.push(Box::pin(async move {
            let done = outbox.delete_sent(&rows).await;
            Event::Deleted { rows, done }
        }));
    }

    /// Puts off what was refused, and parks what was refused too often.
    fn put_off(&mut self) {
        if self.under_way.put_off.busy || self.refused.is_empty() {
            return;
        }
        self.under_way.put_off.busy = true;
        let items: Vec<(Item, Duration)> = std::mem::take(&mut self.refused)
            .into_iter()
            .map(|item| (self.pause(item.attempts), item))
            .map(|(pause, item)| (item, pause))
            .collect();
        let outbox = Arc::clone(&self.outbox);
        self.work.push(Box::pin(async move {
            let mut parked = 0;
            let done = put_off(&*outbox, &items, &mut parked).await;
            Event::PutOff { items, parked, done }
        }));
    }

    /// How long a row waits that has failed that often before; zero if it is parked.
    fn pause(&self, failed: u32) -> Duration {
        if failed + 1 >= self.options.attempts {
            return Duration::ZERO;
        }
        let pause = self.options.first_pause.saturating_mul(1 << failed.min(16));
        // Zero means something else.
        pause.min(self.options.longest_pause).max(Duration::from_millis(1))
    }

    fn look(&mut self, now: Duration) {
        if !self.under_way.look.is_free(now) {
            return;
        }
        self.under_way.look.busy = true;
        let outbox = Arc::clone(&self.outbox);
        self.work.push(Box::pin(async move { Event::Looked(outbox.backlog().await) }));
    }

    fn hear(&mut self, event: Event) {
        let now = self.ports.clock.elapsed();
        let source = self.source;
        match event {
            Event::Leased { asked, leases } => {
                self.under_way.lease.busy = false;
                match leases {
                    Ok(leases) => self.leased(asked, &leases),
                    Err(error) => {
                        self.under_way.lease.at = now + PAUSE_OF_DATABASE;
                        tracing::warn!(%source, %error, "the leases are not renewed");
                    }
                }
            }
            Event::GaveUp { buckets, done } => {
                self.under_way.lease.busy = false;
                match done {
                    Ok(()) => self.buckets.left(&buckets),
                    Err(error) => {
                        // Whether it was done shows with the next renewal.
                        self.under_way.lease.at = now;
                        tracing::warn!(%source, %error, "leases are not given up");
                    }
                }
            }
            Event::Read { asked, limit, rows } => self.was_read(&asked, limit, rows, now),
            Event::Answered { sent, began } => self.answered(sent, began, now),
            Event::Deleted { rows, done } => {
                self.under_way.delete.busy = false;
                match done {
                    Ok(()) if self.under_way.read.busy => self.deleted.extend(rows),
                    Ok(()) => self.queue.deleted(&rows),
                    Err(error) => {
                        self.confirmed.extend(rows);
                        self.under_way.delete.at = now + PAUSE_OF_DATABASE;
                        tracing::warn!(%source, %error, "confirmed rows are not deleted yet");
                    }
                }
            }
            Event::PutOff { items, parked, done } => {
                self.under_way.put_off.busy = false;
                self.metrics.parked.inc_by(parked);
                if let Err(error) = &done {
                    tracing::warn!(%source, %error, "refused rows are not put off yet");
                }
                for (item, pause) in items {
                    // Where it failed, it may have been done all the same.
                    let least = if done.is_ok() { Duration::ZERO } else { PAUSE_OF_DATABASE };
                    self.queue.away_until(&item, now + pause.max(least) + SLACK);
                }
            }
            Event::Looked(found) => {
                self.under_way.look.busy = false;
                self.under_way.look.at = now + LOOK_EVERY;
                match found {
                    Ok((rows, oldest)) => self.metrics.backlog(rows, oldest),
                    Err(error) => tracing::debug!(%source, %error, "the backlog is not counted"),
                }
            }
        }
    }

    fn leased(&mut self, asked: Duration, leases: &Leases) {
        let before = self.buckets.len();
        // By this clock the lease began no later than when it was asked for.
        self.fenced_at = asked + LEASE.saturating_sub(self.options.fence);
        let mut void = self.buckets.lease(leases);
        void.extend(self.buckets.leave_surplus(leases.share));
        self.queue.void(&void);
        if self.buckets.len() != before {
            let (source, buckets) = (self.source, self.buckets.len());
            tracing::info!(%source, buckets, share = leases.share, "leases changed");
        }
    }

    fn was_read(
        &mut self,
        asked: &[Floor],
        limit: u32,
        rows: Result<Vec<SharedRow>, DbError>,
        now: Duration,
    ) {
        self.under_way.read.busy = false;
        match rows {
            Ok(rows) => {
                self.buckets.read(asked, &rows, limit);
                for row in rows {
                    let asked = asked.iter().find(|floor| floor.bucket == row.bucket);
                    if asked.is_some_and(|floor| self.buckets.reads(floor)) {
                        self.queue.take_in(row);
                    }
                }
            }
            Err(error) => {
                self.under_way.read.at = now + PAUSE_OF_DATABASE;
                self.buckets.not_read(asked);
                tracing::warn!(source = %self.source, %error, "the outbox cannot be read");
            }
        }
        self.queue.deleted(&std::mem::take(&mut self.deleted));
    }

    fn answered(&mut self, sent: Vec<(Item, Outcome)>, began: Duration, now: Duration) {
        self.under_way.calls -= 1;
        let all = sent.len();
        let settled = self.queue.settle(sent, now);
        if settled.unavailable == all {
            if !self.breaker.is_open() {
                tracing::warn!(source = %self.source, "the broker takes nothing; trying again");
            }
            self.breaker.fail(now);
        } else {
            if self.breaker.is_open() {
                tracing::info!(source = %self.source, "the broker takes messages again");
            }
            self.breaker.close();
            self.metrics.confirm_seconds.observe(now.saturating_sub(began).as_secs_f64());
        }
        self.metrics.confirmed.inc_by(settled.confirmed.len() as u64);
        self.metrics.unavailable.inc_by(settled.unavailable as u64);
        self.metrics.returned.inc_by(settled.refused.len() as u64);
        for item in &settled.refused {
            let (source, key, id) = (self.source, &*item.key, item.id);
            let route = item.publication.routing_key.as_str();
            tracing::error!(%source, key, id, route, "no queue takes this message");
        }
        self.confirmed.extend(settled.confirmed);
        self.refused.extend(settled.refused);
        for (bucket, after) in settled.again {
            self.buckets.wind_back(bucket, after);
        }
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
        self.buckets = Buckets::new(Duration::ZERO);
        self.note();
    }
}

async fn put_off(
    outbox: &dyn SharedOutbox,
    items: &[(Item, Duration)],
    parked: &mut u64,
) -> Result<(), DbError> {
    let error = |item: &Item| {
        let Item { publication, .. } = item;
        format!("no queue takes {} from {}", publication.routing_key, publication.exchange)
    };
    let rows: Vec<PutOff> = items
        .iter()
        .map(|(item, pause)| PutOff {
            bucket: item.bucket,
            id: item.id,
            pause: *pause,
            error: error(item),
        })
        .collect();
    // First of all the attempt is counted.
    outbox.put_off(&rows).await?;
    for (item, _) in items.iter().filter(|(_, pause)| pause.is_zero()) {
        if outbox.park(item.bucket, item.id, &error(item)).await? {
            *parked += 1;
        }
    }
    Ok(())
}

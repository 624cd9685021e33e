//! Gathers inputs into batches and sees each batch through.
//!
//! While one batch commits, the next one gathers: under load batches grow and share a commit, and
//! a lone input never waits for company.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use mutants::mutant;
use tokio::sync::{mpsc, watch};

use crate::{
    Cause, Key, Problem, Reply, Service,
    broker::{Delivery, Reach},
    db::{Database, DbError},
    host::told_to_stop,
    live::Live,
    metrics::{Kind, Outcome, PathMetrics},
    path::{
        Asked,
        attempt::{Failure, attempt},
        item::{Item, Origin, Work},
        timers::Alarm,
    },
    ports::Ports,
};

/// The first pause after the database could not be used; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// A service goes on at most this long after its database can be used again.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
const COMPLAIN_EVERY_MS: i64 = 5_000;
/// After this many conflicts a batch waits as if the database were away: requests are answered, and
/// the service can be stopped.
const MANY_CONFLICTS: u32 = 5;

/// The pauses between attempts while the database cannot be used, without end.
fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .without_max_times()
        .build()
}

/// Where inputs come from.
pub(crate) struct Inputs<S: Service> {
    pub(crate) requests: mpsc::Receiver<Asked<S>>,
    pub(crate) deliveries: mpsc::Receiver<Delivery>,
    pub(crate) timers: mpsc::Receiver<(Key, mpsc::Sender<()>)>,
    pub(crate) stop: watch::Receiver<bool>,
}

/// The one that takes inputs through the path, batch by batch.
pub(crate) struct Worker<S: Service> {
    pub(crate) service: Arc<S>,
    pub(crate) database: Arc<dyn Database>,
    pub(crate) ports: Ports,
    pub(crate) alarm: Arc<Alarm>,
    pub(crate) batch: usize,
    pub(crate) reach: Reach,
    pub(crate) live: Live,
    pub(crate) metrics: PathMetrics,
    /// When the log was last told that the database is away, in milliseconds of the clock's
    /// elapsed time; the least possible for never.
    pub(crate) complained: AtomicI64,
}

impl<S: Service> Worker<S> {
    /// Works until told to stop.
    pub(crate) async fn run(self, mut inputs: Inputs<S>) {
        // Messages and timers that wait for the database to come back; requests do not wait.
        let mut waiting: Vec<Item<S>> = Vec::new();
        let mut pauses = pauses();
        let mut pause = FIRST_PAUSE;
        loop {
            let mut batch = std::mem::take(&mut waiting);
            let retry = !batch.is_empty();
            tokio::select! {
                biased;
                // Nothing is lost: unacknowledged messages come again, timers are rows.
                () = told_to_stop(&mut inputs.stop) => return,
                () = self.ports.clock.sleep(pause), if retry => {}
                Some(asked) = inputs.requests.recv() => batch.push(Item::of_request(asked)),
                Some(delivery) = inputs.deliveries.recv(), if !retry => {
                    batch.push(Item::of_delivery(delivery));
                }
                Some((key, done)) = inputs.timers.recv(), if !retry => {
                    batch.push(Item::of_timer(key, done));
                }
            }
            self.fill(&mut batch, &mut inputs, retry);
            waiting = match self.see_through(batch).await {
                Ok(()) => Vec::new(),
                Err(waiting) => {
                    // Who has asked meanwhile has waited for the database as well.
                    let asked = std::iter::from_fn(|| inputs.requests.try_recv().ok());
                    self.unanswered(asked.map(Item::of_request));
                    waiting
                }
            };
            self.metrics.waiting(waiting.len());
            if waiting.is_empty() {
                pauses = self::pauses();
            } else {
                pause = pauses.next().unwrap_or(LONGEST_PAUSE);
            }
        }
    }

    /// Adds what has come in meanwhile, in turn from each side.
    fn fill(&self, batch: &mut Vec<Item<S>>, inputs: &mut Inputs<S>, requests_only: bool) {
        loop {
            let before = batch.len();
            if before < self.batch
                && let Ok(asked) = inputs.requests.try_recv()
            {
                batch.push(Item::of_request(asked));
            }
            if !requests_only {
                // Two deliveries a turn: most inputs are messages.
                for _ in 0..2 {
                    if batch.len() < self.batch
                        && let Ok(delivery) = inputs.deliveries.try_recv()
                    {
                        batch.push(Item::of_delivery(delivery));
                    }
                }
                if batch.len() < self.batch
                    && let Ok((key, done)) = inputs.timers.try_recv()
                {
                    batch.push(Item::of_timer(key, done));
                }
            }
            if batch.len() == before {
                return;
            }
        }
    }

    /// Takes a batch through, in parts where it must be. Where the database cannot be used now,
    /// answers what has to wait for it.
    async fn see_through(&self, batch: Vec<Item<S>>) -> Result<(), Vec<Item<S>>> {
        let mut parts = VecDeque::from([batch]);
        let (mut conflicts, mut pauses) = (0, pauses());
        while let Some(mut part) = parts.pop_front() {
            if part.is_empty() {
                continue;
            }
            let began = self.ports.clock.elapsed();
            let deaf_until = self.reach.deaf_until(self.ports.now());
            let (service, database, live) = (&*self.service, &*self.database, &self.live);
            match attempt(service, database, live, &self.ports, deaf_until, &part).await {
                Ok(committed) => {
                    if let Some(at) = committed.wake_at {
                        self.alarm.set(at);
                    }
                    let took = self.ports.clock.elapsed().saturating_sub(began);
                    self.metrics.committed(part.len(), took);
                    for (item, (reply, outcome)) in part.into_iter().zip(committed.settled) {
                        self.metrics.input(item.kind(), outcome);
                        item.settle(reply);
                    }
                }
                Err(Failure::Cut { index }) => {
                    let rest = part.split_off(index.max(1));
                    parts.push_front(rest);
                    parts.push_front(part);
                }
                Err(Failure::Poisoned { index, reason }) => {
                    let item = part.remove(index);
                    if let Some(item) = self.isolate(item, reason) {
                        part.insert(index, item);
                    }
                    parts.push_front(part);
                }
                Err(Failure::Database(DbError::Conflict(reason))) if conflicts < MANY_CONFLICTS => {
                    conflicts += 1;
                    self.metrics.conflict();
                    tracing::debug!(service = %self.service.name(), conflicts, reason, "again");
                    let pause = pauses.next().unwrap_or(LONGEST_PAUSE);
                    self.ports.clock.sleep(pause).await;
                    parts.push_front(part);
                }
                Err(Failure::Database(DbError::Rejected(reason))) => {
                    if mutant!("path-buries-the-batch-of-one-bad-message") {
                        let buried =
                            part.into_iter().filter_map(|it| self.isolate(it, reason.clone()));
                        parts.push_front(buried.collect());
                    } else if part.len() > 1 {
                        let rest = part.split_off(part.len() / 2);
                        parts.push_front(rest);
                        parts.push_front(part);
                    } else if let Some(item) = part.pop()
                        && let Some(item) = self.isolate(item, reason)
                    {
                        if item.failures > 1 {
                            // Not even the dead-letter table takes it; it must not get lost.
                            return Err(self.wait_for_database(item, parts));
                        }
                        parts.push_front(vec![item]);
                    }
                }
                // Damage is not the messages' fault: they wait until it is mended.
                Err(Failure::Database(error)) => {
                    self.complain(&error);
                    parts.push_front(part);
                    return Err(self.unanswered(parts.into_iter().flatten()));
                }
            }
        }
        Ok(())
    }

    /// Tells the log, once in a while: requests may come by the hundred.
    fn complain(&self, error: &DbError) {
        let now = i64::try_from(self.ports.clock.elapsed().as_millis()).unwrap_or(i64::MAX);
        let last = self.complained.load(Ordering::Relaxed);
        if now.saturating_sub(last) >= COMPLAIN_EVERY_MS {
            self.complained.store(now, Ordering::Relaxed);
            tracing::warn!(service = %self.service.name(), %error, "waiting for the database");
        }
    }

    fn wait_for_database(&self, item: Item<S>, parts: VecDeque<Vec<Item<S>>>) -> Vec<Item<S>> {
        let service = self.service.name();
        tracing::error!(%service, "an input can neither be decided nor kept as a dead letter");
        self.unanswered(parts.into_iter().flatten().chain([item]))
    }

    /// What becomes of an input that cannot be carried out: a message is buried, a timer put off,
    /// a request answered.
    fn isolate(&self, item: Item<S>, reason: String) -> Option<Item<S>> {
        let service = self.service.name();
        tracing::error!(%service, reason, "an input cannot be carried out");
        let failures = item.failures + 1;
        match (item.origin, item.work) {
            (Origin::Request(caller), _) => {
                self.metrics.input(Kind::Request, Outcome::Failed);
                caller.answer(Err(Problem::internal()));
                None
            }
            (origin @ Origin::Timer(_), Work::Decide(crate::Input::Wake(key))) => {
                Some(Item { work: Work::Postpone(key), origin, failures })
            }
            (Origin::Timer(done), _) => {
                drop(done);
                None
            }
            (origin, _) => {
                let reason = Cause::NotCarriedOut.unless_told(reason);
                Some(Item { work: Work::Bury(reason), origin, failures })
            }
        }
    }

    /// Answers the requests (they can be repeated); the rest waits.
    fn unanswered(&self, items: impl Iterator<Item = Item<S>>) -> Vec<Item<S>> {
        let mut waiting = Vec::new();
        for item in items {
            match item.origin {
                Origin::Request(caller) => {
                    self.metrics.input(Kind::Request, Outcome::Unavailable);
                    let problem = Problem::unavailable("The database cannot be written to now.");
                    caller.answer(Ok(Reply::Refused(problem)));
                }
                origin => waiting.push(Item { origin, ..item }),
            }
        }
        waiting
    }
}

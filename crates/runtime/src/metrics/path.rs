//! What a service's path counts: inputs and what became of them, transactions, and what waits.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use contracts::ServiceName;

use super::{Counter, Histogram, Metrics, histogram::SECONDS};

/// Bounds for how many inputs share a transaction.
const BATCHES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Where an input came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Message,
    Request,
    Timer,
}

const KINDS: [(Kind, &str); 3] =
    [(Kind::Message, "message"), (Kind::Request, "request"), (Kind::Timer, "timer")];

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It changed something, or was answered.
    Decided,
    /// It changed nothing, for this reason.
    Ignored(&'static str),
    /// The inbox had it already.
    Repeated,
    /// A request was refused.
    Refused,
    /// A message that can never be processed.
    DeadLetter,
    /// A timer that cannot be decided about now.
    PutOff,
    /// A request on which the service's code failed.
    Failed,
    /// A request that the database could not take.
    Unavailable,
}

const OUTCOMES: [&str; 8] = [
    "decided",
    "ignored",
    "repeated",
    "refused",
    "dead_letter",
    "put_off",
    "failed",
    "unavailable",
];

impl Outcome {
    const fn index(self) -> usize {
        match self {
            Self::Decided => 0,
            Self::Ignored(_) => 1,
            Self::Repeated => 2,
            Self::Refused => 3,
            Self::DeadLetter => 4,
            Self::PutOff => 5,
            Self::Failed => 6,
            Self::Unavailable => 7,
        }
    }
}

/// The counters of one service's path.
pub(crate) struct PathMetrics {
    inputs: [[Counter; OUTCOMES.len()]; KINDS.len()],
    reasons: Reasons,
    dead_letters: Counter,
    transactions: Counter,
    seconds: Arc<Histogram>,
    batch: Arc<Histogram>,
    conflicts: Counter,
    waiting: Arc<AtomicU64>,
}

impl PathMetrics {
    /// Registers them.
    pub(crate) fn new(metrics: &Metrics, service: ServiceName) -> Self {
        let name = service.as_str();
        let own = &[("service", name)];
        let inputs = KINDS.map(|(_, kind)| {
            OUTCOMES.map(|outcome| {
                let labels = [("service", name), ("kind", kind), ("outcome", outcome)];
                metrics.counter("expeditor_inputs", "What became of inputs.", &labels)
            })
        });
        let waiting = Arc::new(AtomicU64::new(0));
        let read = Arc::clone(&waiting);
        metrics.gauge(
            "expeditor_inputs_waiting",
            "Messages and timers in hand that wait for the database.",
            own,
            move || Some(number(read.load(Relaxed))),
        );
        Self {
            inputs,
            reasons: Reasons::new(metrics, service),
            dead_letters: metrics.counter(
                "expeditor_dead_letters",
                "Messages kept as dead letters.",
                own,
            ),
            transactions: metrics.counter(
                "expeditor_transactions",
                "Transactions committed by the path.",
                own,
            ),
            seconds: metrics.histogram(
                "expeditor_transaction_duration_seconds",
                "Time from the beginning of a transaction to its commit.",
                own,
                SECONDS,
            ),
            batch: metrics.histogram(
                "expeditor_batch_inputs",
                "Inputs that shared a transaction.",
                own,
                BATCHES,
            ),
            conflicts: metrics.counter(
                "expeditor_transaction_conflicts",
                "Transactions tried again because another was in the way.",
                own,
            ),
            waiting,
        }
    }

    /// What became of an input; for what is stored, after its commit.
    pub(crate) fn input(&self, kind: Kind, outcome: Outcome) {
        self.inputs[kind as usize][outcome.index()].inc();
        match outcome {
            Outcome::Ignored(reason) => self.reasons.count(reason),
            Outcome::DeadLetter => drop(self.dead_letters.inc()),
            _ => {}
        }
    }

    /// A transaction was committed.
    pub(crate) fn committed(&self, inputs: usize, took: Duration) {
        self.transactions.inc();
        self.seconds.observe(took.as_secs_f64());
        self.batch.observe(number(inputs as u64));
    }

    /// Another transaction was in the way.
    pub(crate) fn conflict(&self) {
        self.conflicts.inc();
    }

    /// So many messages and timers wait for the database.
    pub(crate) fn waiting(&self, inputs: usize) {
        self.waiting.store(inputs as u64, Relaxed);
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

/// More reasons than any service has; those beyond are counted as `other`.
const REASONS: usize = 48;

/// Counters by reason, which become known when they first occur. A service's reasons are words of
/// its code, so they are few.
struct Reasons {
    metrics: Metrics,
    service: ServiceName,
    slots: [OnceLock<(&'static str, Counter)>; REASONS],
    other: OnceLock<Counter>,
}

impl Reasons {
    fn new(metrics: &Metrics, service: ServiceName) -> Self {
        let slots = [const { OnceLock::new() }; REASONS];
        Self { metrics: metrics.clone(), service, slots, other: OnceLock::new() }
    }

    fn count(&self, reason: &'static str) {
        for slot in &self.slots {
            let (name, counter) = slot.get_or_init(|| (reason, self.counter(reason)));
            if *name == reason {
                counter.inc();
                return;
            }
        }
        self.other.get_or_init(|| self.counter("other")).inc();
    }

    fn counter(&self, reason: &str) -> Counter {
        let labels = [("service", self.service.as_str()), ("reason", reason)];
        self.metrics.counter("expeditor_inputs_ignored", "Inputs that changed nothing.", &labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_each_by_itself_and_never_without_bound() {
        let metrics = Metrics::default();
        let reasons = Reasons::new(&metrics, ServiceName::Cook);
        for n in 0..REASONS + 10 {
            let reason: &'static str = format!("reason-{n}").leak();
            reasons.count(reason);
            reasons.count("reason-0");
        }
        let text = metrics.text();
        let count = |reason: &str| {
            let line =
                format!("expeditor_inputs_ignored_total{{service=\"cook\",reason=\"{reason}\"}} ");
            let found = text.lines().find_map(|it| it.strip_prefix(&line));
            found.map(|it| it.parse::<usize>().unwrap())
        };
        assert_eq!(count("reason-0"), Some(REASONS + 11));
        assert_eq!(count("reason-7"), Some(1));
        assert_eq!((count("other"), count("reason-50")), (Some(10), None));
    }
}

//! What a relay shows of one source. `docs/operating.md` lists it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
};

use runtime::{
    ServiceName, Timestamp,
    metrics::{Counter, Histogram, Metrics},
    ports::Ports,
};

/// Bounds in seconds.
const CONFIRM: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// No row lies there, or nobody has looked.
const NONE: i64 = i64::MIN;

/// What is read when it is scraped.
#[derive(Debug)]
struct Gauges {
    in_flight: AtomicU64,
    leases: AtomicU64,
    rows: AtomicU64,
    oldest: AtomicI64,
    open: AtomicBool,
}

/// Counters and gauges of one source.
pub(crate) struct RelayMetrics {
    pub(crate) confirmed: Counter,
    pub(crate) returned: Counter,
    pub(crate) unavailable: Counter,
    pub(crate) parked: Counter,
    pub(crate) confirm_seconds: Arc<Histogram>,
    gauges: Arc<Gauges>,
}

impl RelayMetrics {
    /// Registers them.
    pub(crate) fn new(metrics: &Metrics, source: ServiceName, ports: &Ports) -> Self {
        let own = &[("source", source.as_str())];
        let gauges = Arc::new(Gauges {
            in_flight: AtomicU64::new(0),
            leases: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            oldest: AtomicI64::new(NONE),
            open: AtomicBool::new(false),
        });
        let show = |name, help, read: fn(&Gauges) -> f64| {
            let gauges = Arc::clone(&gauges);
            metrics.gauge(name, help, own, move || Some(read(&gauges)));
        };
        show("expeditor_relay_in_flight", "Rows published and not yet confirmed.", |it| {
            number(it.in_flight.load(Relaxed))
        });
        show("expeditor_relay_leases", "Buckets of the outbox that this relay has leased.", |it| {
            number(it.leases.load(Relaxed))
        });
        show("expeditor_relay_backlog", "Rows in the outbox, whoever has leased them.", |it| {
            number(it.rows.load(Relaxed))
        });
        show("expeditor_relay_breaker_open", "1 while the broker takes nothing.", |it| {
            f64::from(u8::from(it.open.load(Relaxed)))
        });
        let (read, clock) = (Arc::clone(&gauges), Arc::clone(&ports.clock));
        metrics.gauge(
            "expeditor_relay_oldest_seconds",
            "Age of the oldest row in the outbox.",
            own,
            move || {
                let oldest = read.oldest.load(Relaxed);
                let none = oldest == NONE;
                let age = || clock.now().since(Timestamp::from_millis(oldest)).as_secs_f64();
                Some(if none { 0.0 } else { age() })
            },
        );
        let counter = |name, help| metrics.counter(name, help, own);
        Self {
            confirmed: counter("expeditor_relay_confirmed", "Rows that the broker took over."),
            returned: counter("expeditor_relay_returned", "Times that no queue took a row."),
            unavailable: counter(
                "expeditor_relay_unavailable",
                "Times that the broker could not take a row now.",
            ),
            parked: counter("expeditor_relay_parked", "Rows given up until they are sent again."),
            confirm_seconds: metrics.histogram(
                "expeditor_relay_confirm_seconds",
                "From publishing rows together to the last of their confirms.",
                own,
                CONFIRM,
            ),
            gauges,
        }
    }

    pub(crate) fn note(&self, in_flight: usize, leases: usize, open: bool) {
        self.gauges.in_flight.store(in_flight as u64, Relaxed);
        self.gauges.leases.store(leases as u64, Relaxed);
        self.gauges.open.store(open, Relaxed);
    }

    pub(crate) fn backlog(&self, rows: u64, oldest: Option<Timestamp>) {
        self.gauges.rows.store(rows, Relaxed);
        self.gauges.oldest.store(oldest.map_or(NONE, Timestamp::as_millis), Relaxed);
    }
}

/// Counts here stay far below 2⁵³.
#[allow(clippy::cast_precision_loss, reason = "counts here stay far below 2⁵³")]
fn number(count: u64) -> f64 {
    count as f64
}

//! What a sender shows. `docs/operating.md` lists it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use runtime::metrics::{Counter, Metrics};

#[derive(Debug, Default)]
struct Gauges {
    mailboxes: AtomicUsize,
    messages: AtomicUsize,
    open: AtomicBool,
}

/// Counters and gauges of a sender.
pub(super) struct SenderMetrics {
    pub(super) sent: Counter,
    pub(super) failed: Counter,
    pub(super) given_up: Counter,
    gauges: Arc<Gauges>,
}

impl SenderMetrics {
    /// Registers them.
    pub(super) fn new(metrics: &Metrics, channel: &str) -> Self {
        let own = &[("channel", channel)];
        let gauges = Arc::new(Gauges::default());
        let show = |name, help, read: fn(&Gauges) -> f64| {
            let gauges = Arc::clone(&gauges);
            metrics.gauge(name, help, own, move || Some(read(&gauges)));
        };
        show(
            "expeditor_notification_pending",
            "Messages that the channel has not taken yet, whoever sends them.",
            |it| number(it.messages.load(Relaxed)),
        );
        show(
            "expeditor_notification_recipients_waiting",
            "Recipients for whom messages wait.",
            |it| number(it.mailboxes.load(Relaxed)),
        );
        show("expeditor_notification_breaker_open", "1 while the channel takes nothing.", |it| {
            f64::from(u8::from(it.open.load(Relaxed)))
        });
        let counter = |name, help| metrics.counter(name, help, own);
        Self {
            sent: counter("expeditor_notification_sent", "Messages that the channel took."),
            failed: counter(
                "expeditor_notification_failed",
                "Times that the channel did not take a message, which is tried again.",
            ),
            given_up: counter(
                "expeditor_notification_given_up",
                "Messages that the channel refused, or failed on too often.",
            ),
            gauges,
        }
    }

    pub(super) fn pending(&self, mailboxes: usize, messages: usize) {
        self.gauges.mailboxes.store(mailboxes, Relaxed);
        self.gauges.messages.store(messages, Relaxed);
    }

    pub(super) fn breaker(&self, open: bool) {
        self.gauges.open.store(open, Relaxed);
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts here stay far below 2⁵³")]
fn number(count: usize) -> f64 {
    count as f64
}

//! Shows as a metric how many events nobody was bound to.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use super::RabbitMq;
use crate::metrics::Metrics;

/// The broker is asked this seldom: each time over a connection of its own.
const ASK_EVERY: Duration = Duration::from_secs(10);
const UNKNOWN: i64 = -1;

/// Begins to ask; one process for each broker will do. Ends when the broker is dropped.
pub(super) fn show(broker: &Arc<RabbitMq>, metrics: &Metrics) {
    let depth = Arc::new(AtomicI64::new(UNKNOWN));
    let read = Arc::clone(&depth);
    metrics.gauge(
        "expeditor_unheard_events",
        "Events that nobody was bound to, in the queue that keeps the latest of them.",
        &[],
        move || u32::try_from(read.load(Relaxed)).ok().map(f64::from),
    );
    drop(broker.ports.spawn(ask(Arc::downgrade(broker), depth)));
}

async fn ask(broker: Weak<RabbitMq>, depth: Arc<AtomicI64>) {
    while let Some(broker) = broker.upgrade() {
        let found = broker.unheard().await;
        depth.store(found.map_or(UNKNOWN, i64::from), Relaxed);
        let clock = Arc::clone(&broker.ports.clock);
        drop(broker);
        clock.sleep(ASK_EVERY).await;
    }
    depth.store(UNKNOWN, Relaxed);
}

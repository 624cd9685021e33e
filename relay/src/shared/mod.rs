//! The relay of an outbox on a server, which several relays share: each reads, publishes and deletes
//! the buckets that it has leased.
//!
//! - `buckets`: which buckets, and from where on each is read.
//! - `queue`: the rows in hand, in a line for each key.
//! - `pump`: the one task that asks database and broker, and hears what they say.
//! - `metrics`: what operators see of it.
//!
//! The first two are pure and hold every rule about order, waiting and going on; whether the broker
//! is asked at all is told by a [`Breaker`](runtime::breaker::Breaker). What was found
//! out about the servers beneath is in `docs/adr/0007-relay-on-leases.md`.

use std::{sync::Arc, time::Duration};

use runtime::{ServiceName, broker::Broker, db::SharedOutbox, metrics::Metrics, ports::Ports};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{RESCAN, Running};

mod buckets;
mod metrics;
mod pump;
mod queue;

/// How a relay is run that shares its outbox with others.
#[derive(Clone)]
pub struct SharedOptions {
    /// The most rows published together.
    pub batch: usize,
    /// How many such calls are under way at a time.
    pub calls: usize,
    /// The most rows that are read ahead.
    pub window: usize,
    /// How often the outbox is looked at without having been told of new rows.
    pub poll: Duration,
    /// How often everything is read again from the beginning.
    pub rescan: Duration,
    /// How often leases are renewed, and free ones looked for. With the length of a lease this
    /// bounds how long a dead relay's rows wait for another one.
    pub renew: Duration,
    /// So long before its leases end by its own clock, the relay publishes nothing more.
    pub fence: Duration,
    /// How often a row is tried that the broker refuses for the row's own sake; then it is parked.
    pub attempts: u32,
    /// The pause after the first of these attempts; it doubles with each.
    pub first_pause: Duration,
    /// The longest such pause.
    pub longest_pause: Duration,
    /// Where it shows what it does.
    pub metrics: Metrics,
}

impl Default for SharedOptions {
    fn default() -> Self {
        Self {
            batch: 256,
            calls: 4,
            window: 4_096,
            poll: Duration::from_millis(500),
            rescan: RESCAN,
            renew: Duration::from_millis(2_500),
            fence: Duration::from_secs(5),
            attempts: 5,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
            metrics: Metrics::default(),
        }
    }
}

/// Starts relaying the outbox of one service on a server, beside others that do the same.
///
/// `owner` is who it is: one that starts again under the same id goes on with its leases at once,
/// while another waits until they have ended. No two that run may have the same one.
///
/// Stopped, it gives up its leases.
pub fn start_shared(
    source: ServiceName,
    outbox: Arc<dyn SharedOutbox>,
    broker: Arc<dyn Broker>,
    ports: &Ports,
    options: SharedOptions,
    owner: Uuid,
) -> Running {
    let (stop, stopped) = watch::channel(false);
    let pump = pump::Pump::new(source, outbox, broker, ports.clone(), options, owner);
    let task = ports.spawn(pump.run(stopped));
    Running { stop, task }
}

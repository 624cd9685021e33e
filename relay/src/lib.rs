//! The relay: the only way from an outbox to the broker.
//!
//! It reads rows, publishes them pipelined, and deletes a row once it is confirmed: at least once,
//! and in order for each key (`kind/id` of the aggregate that speaks) as long as they are taken. It
//! never looks into a payload, and it publishes nothing that is not a committed row.
//!
//! A row that is not taken, or not yet confirmed, holds back its own key at most: the rows of other
//! keys go on, so that one stalled subscriber does not stall a service. Rows of its key that were
//! on their way when it was refused are not called back: they arrive before it, and the sequence
//! that facts carry makes up for that.
//!
//! Rows are read behind a floor, the last id read. That is sound where ids become visible in
//! their own order, as with SQLite's single writer. All rows are looked at again every
//! [`RESCAN`], so that a delete that got lost is made up for.

use std::{sync::Arc, time::Duration};

use runtime::{ServiceName, broker::Broker, db::Database, ports::Ports};
use tokio::{sync::watch, task::JoinHandle};

mod pump;
mod round;
mod shared;

pub use pump::RESCAN;
pub use shared::{SharedOptions, start_shared};

/// How a relay is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The most rows read and published in one go.
    pub batch: u32,
    /// The pause after a row was not taken; doubles as long as something is not taken.
    pub first_pause: Duration,
    /// The longest such pause.
    pub longest_pause: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            batch: 512,
            first_pause: Duration::from_millis(20),
            longest_pause: Duration::from_secs(5),
        }
    }
}

/// A relay that runs.
pub struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Ends it. Rows that were published and not yet confirmed are published again by the next.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the relay's task did not end well");
        }
    }
}

/// Starts relaying one service's outbox.
pub fn start(
    source: ServiceName,
    database: Arc<dyn Database>,
    broker: Arc<dyn Broker>,
    ports: &Ports,
    options: Options,
) -> Running {
    let (stop, stopped) = watch::channel(false);
    let pump = pump::Pump::new(source, database, broker, ports.clone(), options);
    let task = ports.spawn(pump.run(stopped));
    Running { stop, task }
}

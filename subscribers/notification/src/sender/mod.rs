//! Takes what waits in mailboxes to the channel: each recipient's messages one after another, many
//! recipients at a time, and puts what came of it back through the service's path.
//!
//! - `finder`: looks for mailboxes in which something is to be sent.
//! - `lane`: claims one of them, sends, and records, until nothing is left there.
//! - `health`: whether the channel is asked at all, and whose fault a failure is. Pure.
//! - `metrics`: what operators see of it.
//!
//! At least once: what was sent and not recorded is sent again, under the same key. A claim ends by
//! itself [`MARGIN`] after the time that the channel has for a message, so a sender that was killed
//! holds its recipients up no longer than that, and one that stalls cannot send after it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use runtime::{host::told_to_stop, http::Handle, metrics::Metrics, ports::Ports};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinHandle,
};

use crate::{Notification, channel::Channel, recipient::Recipient};

mod finder;
mod health;
mod lane;
mod metrics;

use health::Health;
use metrics::SenderMetrics;

/// What a claim lasts beyond the time that the channel has: to record what came of it.
pub const MARGIN: Duration = Duration::from_secs(20);

/// A sender that runs.
pub struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Ends it after the messages in hand.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the sender did not end well");
        }
    }

    /// Ends it where it is, as when the process is killed.
    pub fn kill(self) {
        self.task.abort();
    }
}

/// Starts a sender beside the service. Several may work on one database.
pub fn start(
    handle: Handle<Notification>,
    channel: Arc<dyn Channel>,
    metrics: &Metrics,
) -> Running {
    start_with(handle, channel, metrics, MARGIN)
}

/// [`start`], with another margin.
pub(crate) fn start_with(
    handle: Handle<Notification>,
    channel: Arc<dyn Channel>,
    metrics: &Metrics,
    margin: Duration,
) -> Running {
    let (stop, mut stopped) = watch::channel(false);
    let ports = handle.ports().clone();
    let sender = Sender {
        metrics: SenderMetrics::new(metrics, channel.name()),
        lease: channel.time_limit() + margin,
        ports: ports.clone(),
        health: Mutex::new(Health::new(&handle.service().settings().retry)),
        busy: Mutex::new(BTreeSet::new()),
        freed: Notify::new(),
        stopping: stop.clone(),
        handle,
        channel,
    };
    let task = ports.spawn(async move { sender.run(&mut stopped).await });
    Running { stop, task }
}

struct Sender {
    handle: Handle<Notification>,
    channel: Arc<dyn Channel>,
    ports: Ports,
    metrics: SenderMetrics,
    /// How long a claim lasts.
    lease: Duration,
    health: Mutex<Health>,
    /// Recipients that this sender sends to at the moment.
    busy: Mutex<BTreeSet<Recipient>>,
    /// Told when one of them is done.
    freed: Notify,
    stopping: watch::Sender<bool>,
}

impl Sender {
    /// Works until told to stop, and to the end of what is in hand.
    async fn run(&self, stop: &mut watch::Receiver<bool>) {
        // No more wait here than are found at once, and these are bounded by who is busy.
        let (found, mut to_send) = mpsc::unbounded_channel();
        let mut finding = std::pin::pin!(async {
            tokio::select! {
                biased;
                () = told_to_stop(stop) => {}
                () = self.find(found) => {}
            }
        });
        let mut lanes = FuturesUnordered::new();
        let mut over = false;
        loop {
            tokio::select! {
                biased;
                () = &mut finding, if !over => over = true,
                Some(()) = lanes.next(), if !lanes.is_empty() => {}
                Some(recipient) = to_send.recv(), if !over => lanes.push(self.lane(recipient)),
                else => return,
            }
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn busy(&self) -> MutexGuard<'_, BTreeSet<Recipient>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }
}

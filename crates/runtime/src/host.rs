//! Starts a service: its path, its consumer, its timers.

use std::{
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use contracts::{ServiceName, Timestamp};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::{
    Service,
    broker::Broker,
    db::Database,
    http::Handle,
    path::{Alarm, Inputs, Submit, Worker, run_timers},
    ports::Ports,
};

/// How a service is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The most inputs in one transaction. Larger batches share a commit among more inputs, smaller
    /// ones hold locks for a shorter time.
    pub batch: usize,
    /// How many requests may wait for the path before senders wait too.
    pub waiting_requests: usize,
    /// How many messages of each queue may be unacknowledged.
    pub prefetch: usize,
    /// Timers begin to fire when this turns true.
    pub timers: watch::Receiver<bool>,
}

impl Options {
    /// The defaults, with timers that wait for that gate.
    pub fn new(timers: watch::Receiver<bool>) -> Self {
        Self { batch: 256, waiting_requests: 1024, prefetch: 300, timers }
    }
}

/// A service that runs.
pub struct Running<S: Service> {
    handle: Handle<S>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl<S: Service> Running<S> {
    /// What its routes use.
    pub fn handle(&self) -> Handle<S> {
        self.handle.clone()
    }

    /// Ends it after the batch in hand. Nothing is lost: what was not committed comes again.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a service's task did not end well");
            }
        }
    }
}

/// Starts a service.
pub async fn start<S: Service>(
    service: S,
    database: Arc<dyn Database>,
    broker: Arc<dyn Broker>,
    ports: Ports,
    options: Options,
) -> Running<S> {
    let service = Arc::new(service);
    let (stop, stopped) = watch::channel(false);
    let (asking, requests) = mpsc::channel(options.waiting_requests);
    let (firing, timers) = mpsc::channel(options.batch);
    let deliveries = broker.consume(service.name(), options.prefetch).await;
    let alarm = Arc::new(Alarm::new());
    let worker = Worker {
        service: Arc::clone(&service),
        database: Arc::clone(&database),
        ports: ports.clone(),
        alarm: Arc::clone(&alarm),
        batch: options.batch,
        complained: AtomicI64::new(i64::MIN),
    };
    let inputs = Inputs { requests, deliveries, timers, stop: stopped.clone() };
    let work = ports.spawn(worker.run(inputs));
    let timers = ports.spawn(run_timers(
        Arc::clone(&service),
        Arc::clone(&database),
        ports.clone(),
        alarm,
        firing,
        options.timers,
        stopped,
    ));
    let tidying =
        ports.spawn(tidy(service.name(), Arc::clone(&database), ports.clone(), stop.subscribe()));
    let handle = Handle::new(service, Submit::new(asking), database, ports);
    Running { handle, stop, tasks: vec![work, timers, tidying] }
}

/// The inbox knows a message for this long after its own time: at least as long as the longest
/// replay. Beyond it, the sequence of each source and subject protects.
pub const INBOX_REMEMBERS: Duration = Duration::from_secs(14 * 24 * 3600);
const TIDY_EVERY: Duration = Duration::from_secs(3600);
/// Rows forgotten in one go: few enough that no input waits long behind it.
const FORGET_AT_ONCE: u32 = 1_000;

/// Forgets what the inbox need not know any more, until told to stop.
async fn tidy(
    service: ServiceName,
    database: Arc<dyn Database>,
    ports: Ports,
    mut stop: watch::Receiver<bool>,
) {
    let work = async {
        loop {
            let oldest = ports.now().minus(INBOX_REMEMBERS);
            match database.prune_inbox(oldest, FORGET_AT_ONCE).await {
                Ok(forgotten) if forgotten >= u64::from(FORGET_AT_ONCE) => {}
                Ok(_) => ports.clock.sleep(TIDY_EVERY).await,
                Err(error) => {
                    tracing::warn!(%service, %error, "the inbox could not be pruned");
                    ports.clock.sleep(TIDY_EVERY).await;
                }
            }
        }
    };
    tokio::select! {
        () = work => {}
        () = told_to_stop(&mut stop) => {}
    }
}

/// Resolves when that turns true, or when nobody is left to turn it.
pub async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone: nobody could tell us any more.
    drop(stop.wait_for(|stop| *stop).await);
}

/// After a start, overdue timers wait at most this long for older messages.
pub const LONGEST_WAIT_FOR_OLD_MESSAGES: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Resolves when no outbox holds a message older than `start`, or after
/// [`LONGEST_WAIT_FOR_OLD_MESSAGES`]. A row leaves its outbox once it was consumed, so an answer
/// that was on its way when the process died is heard before a deadline is judged.
pub async fn old_messages_consumed(
    databases: &[Arc<dyn Database>],
    start: Timestamp,
    ports: &Ports,
) {
    let began = ports.clock.elapsed();
    loop {
        let mut waiting = false;
        for database in databases {
            match database.outbox().backlog().await {
                Ok((_, oldest)) => waiting |= oldest.is_some_and(|oldest| oldest < start),
                Err(error) => {
                    tracing::warn!(%error, "an outbox cannot be read");
                    waiting = true;
                }
            }
        }
        if !waiting {
            return;
        }
        if ports.clock.elapsed().saturating_sub(began) > LONGEST_WAIT_FOR_OLD_MESSAGES {
            tracing::warn!("timers start although messages from before the start still wait");
            return;
        }
        ports.clock.sleep(LOOK_AGAIN).await;
    }
}

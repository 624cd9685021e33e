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
    backlog::Backlog,
    broker::{Broker, Reach},
    db::Database,
    http::{Handle, Readiness},
    live::{self, Live},
    metrics::{Metrics, PathMetrics, number},
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
    /// Where it counts; a process that shows its metrics gives all its services the same.
    pub metrics: Metrics,
}

impl Options {
    /// The defaults, with timers that wait for that gate.
    pub fn new(timers: watch::Receiver<bool>) -> Self {
        let metrics = Metrics::default();
        Self { batch: 256, waiting_requests: 1024, prefetch: 300, timers, metrics }
    }

    /// Counting into those metrics.
    #[must_use]
    pub fn with_metrics(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }
}

/// A service that runs.
pub struct Running<S: Service> {
    handle: Handle<S>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl<S: Service> Running<S> {
    /// Adds its checks: that its database can be used, that it has subscribed at the broker, and that
    /// its path works. The names begin with the service's. A broker that goes away later is noted
    /// and no failure: requests are still taken, and nobody should be turned away for it.
    pub fn watch(&self, readiness: &Readiness) {
        let name = self.handle.service().name();
        let handle = self.handle();
        readiness.add(format!("{name}/database"), move || {
            let handle = handle.clone();
            async move { handle.database_ready().await.map_err(|error| error.to_string()) }
        });
        let handle = self.handle();
        readiness.add_noting(format!("{name}/broker"), move || {
            let standing = handle.reach().check();
            async move { standing }
        });
        let handle = self.handle();
        readiness.add(format!("{name}/path"), move || {
            let served = handle.is_served();
            async move { if served { Ok(()) } else { Err("it has ended".to_owned()) } }
        });
    }

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
    let name = service.name();
    let (reach, backlog, live) = (broker.reach(name), Backlog::default(), Live::default());
    let deliveries = broker.consume(name, options.prefetch).await;
    observe(&options.metrics, name, &reach, &backlog, &ports);
    let alarm = Arc::new(Alarm::new());
    let worker = Worker {
        service: Arc::clone(&service),
        database: Arc::clone(&database),
        ports: ports.clone(),
        alarm: Arc::clone(&alarm),
        batch: options.batch,
        reach: reach.clone(),
        live: live.clone(),
        metrics: PathMetrics::new(&options.metrics, name),
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
        reach.clone(),
        stopped,
    ));
    let (look, heard) = (backlog.clone(), reach.clone());
    let following = look.follow(Arc::clone(&database), heard, ports.clone(), stop.subscribe());
    let following = ports.spawn(following);
    let tidying = ports.spawn(tidy(name, Arc::clone(&database), ports.clone(), stop.subscribe()));
    let (seen, own) = (live.clone(), ports.clone());
    let watching =
        ports.spawn(live::follow(seen, name, Arc::clone(&database), own, stop.subscribe()));
    let path = Submit::new(asking);
    let handle = Handle::new(service, path, database, ports, reach, backlog, live);
    Running { handle, stop, tasks: vec![work, timers, tidying, following, watching] }
}

/// What is read of a service when somebody looks.
fn observe(
    metrics: &Metrics,
    service: ServiceName,
    reach: &Reach,
    backlog: &Backlog,
    ports: &Ports,
) {
    let own: &[(&str, &str)] = &[("service", service.as_str())];
    let flag = |yes: bool| Some(f64::from(u8::from(yes)));
    let reach = reach.clone();
    metrics.gauge(
        "expeditor_consumer_connected",
        "Whether messages reach the service.",
        own,
        move || flag(reach.is_connected()),
    );
    let look = backlog.clone();
    metrics.gauge(
        "expeditor_database_reachable",
        "Whether the service's database could be read at the last look.",
        own,
        move || flag(look.is_reachable()),
    );
    let look = backlog.clone();
    metrics.gauge(
        "expeditor_outbox_rows",
        "Messages in the outbox that are not sent or not confirmed.",
        own,
        move || Some(number(look.rows())),
    );
    let (look, clock) = (backlog.clone(), Arc::clone(&ports.clock));
    metrics.gauge(
        "expeditor_outbox_oldest_age_seconds",
        "How long the oldest message of the outbox has waited.",
        own,
        move || Some(look.age(clock.now()).as_secs_f64()),
    );
    let look = backlog.clone();
    metrics.gauge(
        "expeditor_outbox_parked",
        "Messages that the broker does not take, kept until somebody sends them again.",
        own,
        move || Some(number(look.parked())),
    );
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
        biased;
        () = told_to_stop(&mut stop) => {}
        () = work => {}
    }
}

/// Resolves when that turns true, or when nobody is left to turn it.
pub async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone: nobody could tell us any more.
    drop(stop.wait_for(|stop| *stop).await);
}

/// Opens the gate of a process's timers when it is time for that after a start, as
/// [`old_messages_consumed`] says of these databases. A process that has one service gives its own;
/// what lies in others' outboxes it cannot see, but on a broker that can be away a deadline runs
/// from the moment at which the service could hear again ([`Reach`]). Ends when nobody is at the
/// gate any more.
pub async fn open_timers(
    gate: watch::Sender<bool>,
    databases: Vec<Arc<dyn Database>>,
    start: Timestamp,
    ports: Ports,
) {
    old_messages_consumed(&databases, start, &ports).await;
    gate.send_replace(true);
    gate.closed().await;
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

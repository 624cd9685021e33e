//! Relays that a test starts, stops and kills.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use contracts::ServiceName;
use relay::{Running, SharedOptions, start_shared};
use runtime::{
    broker::rabbitmq::{Options, RabbitMq},
    db::postgres::{Connect, PostgresOutbox},
    metrics::Metrics,
    ports::{Ports, Spawner},
};
use tokio::task::{AbortHandle, JoinHandle};
use uuid::Uuid;

use crate::faults::Faulty;

/// How often a row is tried before it is parked.
pub(crate) const ATTEMPTS: u32 = 3;

/// Which protection is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    DeleteBeforeConfirm,
    NotMandatory,
    OwnConfirm,
    Cursor,
    NoRescan,
    CannotRenew,
}

/// What a relay is made of.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) database_url: String,
    pub(crate) amqp_url: String,
    pub(crate) fault: Fault,
}

pub(crate) struct Relay {
    pub(crate) owner: Uuid,
    name: String,
    pub(crate) metrics: Metrics,
    running: Running,
    outbox: Arc<PostgresOutbox>,
    tasks: Arc<Tasks>,
}

impl Parts {
    /// Starts one; the same name is the same relay.
    pub(crate) async fn start(&self, name: &str) -> Relay {
        let tasks = Arc::new(Tasks::default());
        let ports = Ports { spawner: Arc::clone(&tasks) as Arc<dyn Spawner>, ..Ports::system() };
        let connect = Connect::to(&self.database_url).unwrap();
        let outbox = Arc::new(PostgresOutbox::open(&connect, &ports).await.unwrap());
        let opening =
            || RabbitMq::start(Options::new(&self.amqp_url, &[ServiceName::Store], name), &ports);
        let mut opened = opening().await;
        // The test has cut the way to it.
        while opened.is_err() {
            ports.clock.sleep(Duration::from_millis(20)).await;
            opened = opening().await;
        }
        let broker = Arc::new(opened.unwrap());
        let metrics = Metrics::default();
        let options = SharedOptions {
            attempts: ATTEMPTS,
            first_pause: Duration::from_millis(50),
            rescan: Duration::from_secs(2),
            metrics: metrics.clone(),
            ..SharedOptions::default()
        };
        let owner = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
        let running = start_shared(
            ServiceName::Store,
            Faulty::new(Arc::clone(&outbox), self.fault, &ports),
            Faulty::new(broker, self.fault, &ports),
            &ports,
            options,
            owner,
        );
        Relay { owner, name: name.to_owned(), metrics, running, outbox, tasks }
    }
}

impl Relay {
    /// All its tasks end where they are. Answers its name, under which it can come back.
    pub(crate) fn kill(self) -> String {
        self.tasks.abort();
        self.name
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await;
        self.outbox.close().await;
        self.tasks.abort();
    }
}

/// Starts tasks that can be ended all at once.
#[derive(Default)]
struct Tasks(Mutex<Vec<AbortHandle>>);

impl Tasks {
    fn abort(&self) {
        self.0.lock().unwrap().iter().for_each(AbortHandle::abort);
    }
}

impl Spawner for Tasks {
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) -> JoinHandle<()> {
        let task = Ports::system().spawner.spawn(task);
        self.0.lock().unwrap().push(task.abort_handle());
        task
    }
}

//! A virtual host of the test's own on the binary's RabbitMQ, and what tests do with it.

use std::{sync::LazyLock, time::Duration};

use bytes::Bytes;
use contracts::{MessageId, ServiceName, routes};
use lapin::{Channel, Connection, ConnectionProperties};
use runtime::{
    broker::{
        Broker, Confirm, Delivery, Outcome, Publication,
        rabbitmq::{Options, RabbitMq},
    },
    ports::Ports,
};
use tokio::{
    sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, mpsc},
    time::timeout,
};

use crate::rabbitmq_server::{Server, Url, server};

/// No test waits longer than this for what must happen.
pub(crate) const BOUND: Duration = Duration::from_secs(30);

/// Held for reading by most tests; for writing by those that disturb the whole server.
static PEACE: LazyLock<RwLock<()>> = LazyLock::new(|| RwLock::new(()));

/// Whether others may use the server meanwhile.
pub(crate) enum Peace {
    Shared(#[allow(dead_code, reason = "held")] RwLockReadGuard<'static, ()>),
    Alone(#[allow(dead_code, reason = "held")] RwLockWriteGuard<'static, ()>),
}

pub(crate) struct Rig {
    pub(crate) server: &'static Server,
    pub(crate) url: Url,
    pub(crate) ports: Ports,
    _peace: Peace,
}

impl Rig {
    /// For a test that leaves the server alone.
    pub(crate) async fn quiet() -> Self {
        Self::new(Peace::Shared(PEACE.read().await)).await
    }

    /// For a test that disturbs everybody on the server.
    pub(crate) async fn alone() -> Self {
        Self::new(Peace::Alone(PEACE.write().await)).await
    }

    async fn new(peace: Peace) -> Self {
        let server = tokio::task::spawn_blocking(server).await.unwrap();
        Self { server, url: server.fresh(), ports: Ports::system(), _peace: peace }
    }

    pub(crate) fn options(&self, services: &[ServiceName]) -> Options {
        Options::new(&self.url.amqp, services, "test")
    }

    pub(crate) async fn start(&self, services: &[ServiceName]) -> RabbitMq {
        RabbitMq::start(self.options(services), &self.ports).await.unwrap()
    }

    /// A channel beside the broker under test.
    pub(crate) async fn channel(&self) -> Channel {
        let properties = ConnectionProperties::default();
        let connection = Connection::connect(&self.url.amqp, properties).await.unwrap();
        // The channel keeps its connection open.
        connection.create_channel().await.unwrap()
    }

    pub(crate) fn publication(&self, exchange: &str, key: &str, text: &str) -> Publication {
        Publication {
            exchange: exchange.to_owned(),
            routing_key: key.to_owned(),
            message_id: MessageId(self.ports.ids.next()),
            payload: Bytes::copy_from_slice(text.as_bytes()),
        }
    }

    pub(crate) fn command(&self, to: &str, text: &str) -> Publication {
        self.publication(routes::COMMANDS_EXCHANGE, to, text)
    }

    pub(crate) fn event(&self, key: &str, text: &str) -> Publication {
        self.publication(routes::EVENTS_EXCHANGE, key, text)
    }

    /// Publishes as a relay does: again until it is confirmed.
    pub(crate) async fn insist(&self, broker: &dyn Broker, publication: Publication) {
        let trying = async {
            while send(broker, publication.clone()).await != Outcome::Confirmed {
                self.ports.clock.sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(BOUND, trying).await.expect("confirmed within the bound");
    }

    /// Waits until a condition holds.
    pub(crate) async fn until<F: Future<Output = bool>>(
        &self,
        what: &str,
        condition: impl Fn() -> F,
    ) {
        let wait = async {
            while !condition().await {
                self.ports.clock.sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(BOUND, wait).await.unwrap_or_else(|_| panic!("in vain: {what}"));
    }

    /// A number that the server gives about a queue; 0 for one that it does not know.
    pub(crate) async fn count(&self, queue: &str, column: &str) -> u64 {
        let vhost = &self.url.vhost;
        let arguments = ["list_queues", "-q", "--no-table-headers", "-p", vhost, "name", column];
        let list = self.control(&arguments).await;
        let mut rows = list.lines().filter_map(|line| line.split_once('\t'));
        rows.find(|(name, _)| *name == queue).map_or(0, |(_, count)| count.parse().unwrap())
    }

    pub(crate) async fn consumers(&self, queue: &str) -> u64 {
        self.count(queue, "consumers").await
    }

    /// Delivered and not acknowledged.
    pub(crate) async fn unsettled(&self, queue: &str) -> u64 {
        self.count(queue, "messages_unacknowledged").await
    }

    /// Evaluates Erlang in the server.
    pub(crate) async fn eval(&self, expression: &str) {
        self.control(&["eval", expression]).await;
    }

    /// Runs `rabbitmqctl` without holding up the test's other tasks.
    pub(crate) async fn control(&self, arguments: &[&str]) -> String {
        let (server, arguments) = (self.server, arguments.iter().map(|it| (*it).to_owned()));
        let arguments: Vec<String> = arguments.collect();
        let run = move || server.control(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        tokio::task::spawn_blocking(run).await.unwrap()
    }
}

/// Publishes one and waits for what becomes of it.
pub(crate) async fn send(broker: &dyn Broker, publication: Publication) -> Outcome {
    outcome(broker.publish(vec![publication]).await.remove(0)).await
}

pub(crate) async fn outcome(confirm: Confirm) -> Outcome {
    timeout(BOUND, confirm).await.expect("within the bound").unwrap_or(Outcome::Unavailable)
}

pub(crate) async fn next(deliveries: &mut mpsc::Receiver<Delivery>) -> Delivery {
    timeout(BOUND, deliveries.recv()).await.expect("within the bound").expect("a delivery")
}

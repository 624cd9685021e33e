//! A virtual host of the test's own on a RabbitMQ, and what tests do with it.

use std::time::Duration;

use bytes::Bytes;
use contracts::{MessageId, ServiceName, routes};
use lapin::{
    Channel, Connection, ConnectionProperties, options::QueueDeclareOptions, types::FieldTable,
};
use runtime::{
    broker::{
        Broker, Confirm, Delivery, Outcome, Publication,
        rabbitmq::{Options, RabbitMq},
    },
    ports::Ports,
};
use tokio::{sync::mpsc, time::timeout};

/// No test waits longer than this for what must happen.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// What a queue says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// Not delivered to anybody now.
    pub(crate) ready: u32,
    pub(crate) consumers: u32,
}

pub(crate) struct Rig {
    pub(crate) url: String,
    pub(crate) vhost: String,
    pub(crate) ports: Ports,
    server: servers::Broker,
    own: Option<servers::RabbitMq>,
}

impl Rig {
    /// On the server that all tests share.
    pub(crate) async fn new() -> Self {
        let server = blocking(servers::shared_rabbitmq).await;
        Self::on(server.unwrap_or_else(|error| panic!("no RabbitMQ for tests: {error}")), None)
            .await
    }

    /// On a server of the test's own, which it may disturb.
    pub(crate) async fn alone() -> Self {
        let own = blocking(|| servers::RabbitMq::start(&servers::RabbitMqOptions::default())).await;
        let own = own.unwrap();
        Self::on(own.broker(), Some(own)).await
    }

    async fn on(server: servers::Broker, own: Option<servers::RabbitMq>) -> Self {
        let ports = Ports::system();
        let vhost = format!("test-{}", ports.ids.next());
        let (making, name) = (server.clone(), vhost.clone());
        let url = blocking(move || making.vhost(&name)).await.unwrap();
        Self { url, vhost, ports, server, own }
    }

    /// Does something to the test's own server.
    pub(crate) async fn own<T: Send + 'static>(
        &mut self,
        act: impl FnOnce(&mut servers::RabbitMq) -> Result<T, servers::Error> + Send + 'static,
    ) -> T {
        let mut own = self.own.take().expect("only a test that is alone disturbs its server");
        let (own, done) = blocking(move || {
            let done = act(&mut own);
            (own, done)
        })
        .await;
        self.own = Some(own);
        done.unwrap()
    }

    /// Host and port of the server.
    pub(crate) fn host(&self) -> &str {
        self.url.split(['@', '/']).nth(3).expect("a URL with name and password")
    }

    pub(crate) fn options(&self, services: &[ServiceName]) -> Options {
        Options::new(&self.url, services, "test")
    }

    pub(crate) async fn start(&self, services: &[ServiceName]) -> RabbitMq {
        RabbitMq::start(self.options(services), &self.ports).await.unwrap()
    }

    /// A channel beside the broker under test.
    pub(crate) async fn channel(&self) -> Channel {
        let properties = ConnectionProperties::default();
        let connection = Connection::connect(&self.url, properties).await.unwrap();
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

    /// A queue as it is now; `None` when there is no such queue.
    pub(crate) async fn look(&self, queue: &str) -> Option<Look> {
        let channel = self.channel().await;
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
        let found =
            channel.queue_declare(queue.into(), options, FieldTable::default()).await.ok()?;
        Some(Look { ready: found.message_count(), consumers: found.consumer_count() })
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if self.own.is_none()
            && let Err(error) = self.server.drop_vhost(&self.vhost)
        {
            eprintln!("{} is left behind: {error}", self.vhost);
        }
    }
}

/// Starting and asking servers is not for the threads that tasks run on.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
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

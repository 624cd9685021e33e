//! The service as it runs: its own SQLite file, the in-process broker, its routes on a port, and a
//! sender where one is wanted.

use std::{sync::Arc, time::Duration};

use contracts::{Envelope, MessageId, OrderId, ServiceName, routes as wire};
use runtime::{
    Reply,
    broker::{Broker, Outcome, Publication, in_process::InProcess},
    db::{Database, Migrations, sqlite::SqliteDatabase},
    host::{self, Options},
    http::{Access, Server},
    metrics::Metrics,
    ports::Ports,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
};

use super::builders::{Told, story};
use crate::{
    Notification, Retry, Settings,
    channel::Channel,
    routes,
    sender::{self, Running},
    service::Next,
};

pub(super) struct Rig {
    pub(super) ports: Ports,
    pub(super) metrics: Metrics,
    broker: Arc<dyn Broker>,
    address: std::net::SocketAddr,
    server: JoinHandle<()>,
    running: host::Running<Notification>,
    _timers: watch::Sender<bool>,
    _directory: tempfile::TempDir,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Between two looks at what is waited for.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// So short that a test need not wait.
pub(super) fn hasty() -> Settings {
    let retry = Retry {
        first: Duration::from_millis(10),
        cap: Duration::from_millis(100),
        attempts: 1_000_000,
    };
    Settings { retry, ..Settings::default() }
}

impl Rig {
    pub(super) async fn start(settings: Settings) -> Self {
        let ports = Ports::system();
        let directory = tempfile::tempdir().unwrap();
        let service = ServiceName::Notification;
        let migrations = Migrations::sqlite(service);
        let file = directory.path().join("notification.db");
        let database: Arc<dyn Database> =
            Arc::new(SqliteDatabase::open(&file, &migrations, &ports).await.unwrap());
        let broker: Arc<dyn Broker> = Arc::new(InProcess::new(&[service]));
        let (timers, gate) = watch::channel(true);
        let running = host::start(
            Notification::new(settings),
            database,
            Arc::clone(&broker),
            ports.clone(),
            Options::new(gate),
        )
        .await;
        let server = Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = server.local_addr();
        let (routes, own) = (routes().with_state(running.handle()), ports.clone());
        let never = std::future::pending();
        let serving = async move { server.serve(routes, Access::Open, &own, never).await };
        let server = ports.spawn(serving);
        Self {
            ports,
            metrics: Metrics::default(),
            broker,
            address,
            server,
            running,
            _timers: timers,
            _directory: directory,
        }
    }

    /// Sends to that channel; a claim lasts that long beyond the time of a message.
    pub(super) fn send(&self, channel: Arc<dyn Channel>, margin: Duration) -> Running {
        sender::start_with(self.running.handle(), channel, &self.metrics, margin)
    }

    /// Publishes an event under an id of its own; answers once it is committed.
    pub(super) async fn tell(&self, told: &Told) {
        let id = MessageId(self.ports.ids.next());
        self.tell_as(told, id).await;
    }

    /// Publishes an event under that id.
    pub(super) async fn tell_as(&self, told: &Told, id: MessageId) {
        let kind = told.event.kind();
        let envelope = Envelope::of_event(id, told.at, &told.event, told.sequence).unwrap();
        let publication = Publication {
            exchange: wire::EVENTS_EXCHANGE.to_owned(),
            routing_key: wire::event_key(kind),
            message_id: envelope.id,
            payload: envelope.to_json().unwrap().into(),
        };
        let confirm = self.broker.publish(vec![publication]).await.remove(0);
        assert_eq!(confirm.await.unwrap(), Outcome::Confirmed);
    }

    /// Tells a whole story of an order.
    pub(super) async fn tell_all(
        &self,
        order: &str,
        customer: &str,
        kinds: &[contracts::EventType],
    ) {
        for told in story(&OrderId::new(order).unwrap(), customer, kinds) {
            self.tell(&told).await;
        }
    }

    /// The messages of an order.
    pub(super) async fn messages(&self, order: &str) -> Vec<Value> {
        let (status, list) =
            self.ask("GET", &format!("/notification/orders/{order}?limit=500"), "").await;
        assert_eq!(status, 200, "{list}");
        list["items"].as_array().unwrap().clone()
    }

    /// Waits until that holds for the messages of each of these orders.
    pub(super) async fn until(&self, orders: &[&str], what: &str, holds: impl Fn(&Value) -> bool) {
        for order in orders {
            let mut tries = 0;
            loop {
                let messages = self.messages(order).await;
                if !messages.is_empty() && messages.iter().all(&holds) {
                    break;
                }
                tries += 1;
                assert!(tries < 3_000, "{order} {what}: {messages:#?}");
                self.ports.clock.sleep(LOOK_AGAIN).await;
            }
        }
    }

    /// Asks the service as its sender does.
    pub(super) async fn decide(&self, request: crate::Request) -> Next {
        match self.running.handle().decide(request).await.unwrap() {
            Reply::Done { body, .. } => serde_json::from_value(body).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        self.ask("GET", path, "").await
    }

    /// One request on a connection of its own.
    pub(super) async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    /// A counter or gauge of the sender, as it is scraped.
    pub(super) fn metric(&self, name: &str) -> String {
        let (text, begin) = (self.metrics.text(), format!("expeditor_notification_{name}{{"));
        let line = text.lines().find(|line| line.starts_with(&begin));
        let line = line.unwrap_or_else(|| panic!("{name} in {text}"));
        line.rsplit(' ').next().unwrap().to_owned()
    }

    /// Whether the channel is taken to be away.
    pub(super) fn is_away(&self) -> bool {
        self.metric("breaker_open") == "1.0"
    }
}

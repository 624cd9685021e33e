//! The service as it runs: its own SQLite file, the in-process broker, its routes on a port.

use std::sync::Arc;

use contracts::{Envelope, MessageId, ServiceName, routes as wire};
use runtime::{
    broker::{Broker, Outcome, Publication, in_process::InProcess},
    db::{Database, Migrations, sqlite::SqliteDatabase},
    host::{self, Options, Running},
    http::{Access, Server},
    ports::Ports,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
};

use super::builders::Told;
use crate::{Mypage, routes};

pub(super) struct Rig {
    pub(super) database: Arc<dyn Database>,
    broker: Arc<dyn Broker>,
    ports: Ports,
    address: std::net::SocketAddr,
    server: JoinHandle<()>,
    _running: Running<Mypage>,
    _timers: watch::Sender<bool>,
    _directory: tempfile::TempDir,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Rig {
    pub(super) async fn start() -> Self {
        let ports = Ports::system();
        let directory = tempfile::tempdir().unwrap();
        let service = ServiceName::Mypage;
        let migrations = Migrations::sqlite(service);
        let file = directory.path().join("mypage.db");
        let database: Arc<dyn Database> =
            Arc::new(SqliteDatabase::open(&file, &migrations, &ports).await.unwrap());
        let broker: Arc<dyn Broker> = Arc::new(InProcess::new(&[service]));
        let (timers, gate) = watch::channel(true);
        let running = host::start(
            Mypage,
            Arc::clone(&database),
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
            database,
            broker,
            ports,
            address,
            server,
            _running: running,
            _timers: timers,
            _directory: directory,
        }
    }

    /// Publishes an event under an id of its own; answers once it is committed.
    pub(super) async fn tell(&self, told: &Told) {
        let kind = told.event.kind();
        let (exchange, key) = (wire::EVENTS_EXCHANGE, wire::event_key(kind));
        self.publish(told, MessageId(self.ports.ids.next()), exchange, key).await;
    }

    /// The same event, sent again to this subscriber.
    pub(super) async fn tell_again(&self, told: &Told, id: MessageId) {
        let key = wire::replay_key(ServiceName::Mypage, told.event.kind());
        self.publish(told, id, wire::REPLAY_EXCHANGE, key).await;
    }

    async fn publish(&self, told: &Told, id: MessageId, exchange: &str, routing_key: String) {
        let envelope = Envelope::of_event(id, told.at, &told.event, told.sequence).unwrap();
        let publication = Publication {
            exchange: exchange.to_owned(),
            routing_key,
            message_id: envelope.id,
            payload: envelope.to_json().unwrap().into(),
        };
        let confirm = self.broker.publish(vec![publication]).await.remove(0);
        assert_eq!(confirm.await.unwrap(), Outcome::Confirmed);
    }

    pub(super) fn id(&self) -> MessageId {
        MessageId(self.ports.ids.next())
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(path).await
    }

    /// One request on a connection of its own.
    async fn ask(&self, path: &str) -> (u16, Value) {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }
}

//! The service as it runs: its own SQLite file, the in-process broker, its routes on a port.

use std::sync::Arc;

use contracts::{Command, CommandId, Envelope, MessageId, SagaId, ServiceName, routes as wire};
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

use crate::{Cook, Settings, routes};

pub(super) struct Rig {
    pub(super) database: Arc<dyn Database>,
    broker: Arc<dyn Broker>,
    ports: Ports,
    address: std::net::SocketAddr,
    server: JoinHandle<()>,
    _running: Running<Cook>,
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
        let service = ServiceName::Cook;
        let migrations = Migrations::sqlite(service);
        let file = directory.path().join("cook.db");
        let database: Arc<dyn Database> =
            Arc::new(SqliteDatabase::open(&file, &migrations, &ports).await.unwrap());
        let broker: Arc<dyn Broker> = Arc::new(InProcess::new(&[service]));
        let (timers, gate) = watch::channel(true);
        let running = host::start(
            Cook::new(Settings::default()),
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

    /// Sends a command; answers once it is committed.
    pub(super) async fn command(&self, command: Command) {
        let id = || self.ports.ids.next();
        let envelope = Envelope::of_command(
            MessageId(id()),
            self.ports.now(),
            ServiceName::Orchestrator,
            &command,
            CommandId(id()),
            Some(SagaId(id())),
        )
        .unwrap();
        let publication = Publication {
            exchange: wire::COMMANDS_EXCHANGE.to_owned(),
            routing_key: command.kind().destination().as_str().to_owned(),
            message_id: envelope.id,
            payload: envelope.to_json().unwrap().into(),
        };
        let confirm = self.broker.publish(vec![publication]).await.remove(0);
        assert_eq!(confirm.await.unwrap(), Outcome::Confirmed);
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        self.ask("GET", path, None).await
    }

    pub(super) async fn put(&self, path: &str, body: &str) -> (u16, Value) {
        self.ask("PUT", path, Some(body)).await
    }

    /// One request on a connection of its own; an absent body is sent without a media type.
    pub(super) async fn ask(&self, method: &str, path: &str, body: Option<&str>) -> (u16, Value) {
        let content = body.map_or_else(String::new, |body| {
            format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len())
        });
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{content}\r\n{}",
            body.unwrap_or_default()
        );
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }
}

//! A running orchestrator on SQLite, with a broker of which the test holds the sending end, and a
//! client that speaks plain HTTP/1.1 to it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use contracts::{
    Currency, Detail, Envelope, Event, EventType, MenuId, MessageId, Money, OrderId, QueueKind,
    Record, ServiceName, StoreId, Timestamp, event::MenuItemChanged,
};
use orchestrator::{Orchestrator, Settings};
use runtime::{
    broker::{Ack, Broker, Confirm, Delivery, Publication},
    db::{Database, Migrations, sqlite::SqliteDatabase},
    host::{self, Options, Running},
    http::{Access, Server},
    ports::Ports,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{mpsc, watch},
};

/// No test waits longer than this for what must happen.
const BOUND: Duration = Duration::from_secs(20);

/// A broker that takes nothing: what is published stays in the outbox.
struct ByHand(Mutex<Option<mpsc::Receiver<Delivery>>>);

#[async_trait]
impl Broker for ByHand {
    async fn publish(&self, _: Vec<Publication>) -> Vec<Confirm> {
        Vec::new()
    }

    async fn consume(&self, _: ServiceName, _: usize) -> mpsc::Receiver<Delivery> {
        self.0.lock().unwrap().take().unwrap()
    }
}

pub(crate) struct Rig {
    address: SocketAddr,
    deliveries: mpsc::Sender<Delivery>,
    ports: Ports,
    database: Arc<dyn Database>,
    _running: Running<Orchestrator>,
    _timers: watch::Sender<bool>,
    _directory: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, wanted: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case(wanted).then_some(value)
        })
    }

    /// The problem's slug.
    pub(crate) fn slug(&self) -> &str {
        self.body["type"].as_str().unwrap().strip_prefix("/problems/").unwrap()
    }
}

impl Rig {
    /// An orchestrator that knows `s1/m1` at 9500 and `s1/m2` at 4000 won.
    pub(crate) async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    /// The same with other settings.
    pub(crate) async fn start_with(settings: Settings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ports = Ports::system();
        let migrations = Migrations::sqlite(ServiceName::Orchestrator);
        let path = directory.path().join("orchestrator.db");
        let database = SqliteDatabase::open(&path, &migrations, &ports).await.unwrap();
        let database: Arc<dyn Database> = Arc::new(database);
        let (deliveries, receiver) = mpsc::channel(100);
        let (timers, gate) = watch::channel(false);
        let running = host::start(
            Orchestrator::new(settings),
            Arc::clone(&database),
            Arc::new(ByHand(Mutex::new(Some(receiver)))),
            ports.clone(),
            Options::new(gate),
        )
        .await;
        let server = Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = server.local_addr();
        let (routes, own) = (orchestrator::routes().with_state(running.handle()), ports.clone());
        let never = std::future::pending();
        let serving = async move { server.serve(routes, Access::Open, &own, never).await };
        drop(ports.spawn(serving));
        let rig = Self {
            address,
            deliveries,
            ports,
            database,
            _running: running,
            _timers: timers,
            _directory: directory,
        };
        rig.menu("m1", 9_500).await;
        rig.menu("m2", 4_000).await;
        rig
    }

    pub(crate) async fn menu(&self, menu: &str, amount: i64) {
        let changed = Event::MenuItemChanged(MenuItemChanged {
            store_id: StoreId::new("s1").unwrap(),
            menu_id: MenuId::new(menu).unwrap(),
            name: menu.to_uppercase(),
            price: Money { amount, currency: Currency::KRW },
        });
        self.deliver(&changed, 1).await;
    }

    /// A participant's first fact about the order.
    pub(crate) async fn tell(&self, order_id: &str, kind: EventType) {
        let mut record = Record::default();
        record.add(kind, self.ports.now(), Detail::default());
        let event = record.event(&OrderId::new(order_id).unwrap(), "any").unwrap();
        self.deliver(&event, record.sequence).await;
    }

    /// Delivers an event and waits until it is committed.
    async fn deliver(&self, event: &Event, sequence: u64) {
        let id = MessageId(self.ports.ids.next());
        let envelope = Envelope::of_event(id, Timestamp::from_millis(1), event, sequence).unwrap();
        let (given, mut acknowledged) = mpsc::channel(1);
        let delivery = Delivery {
            queue: QueueKind::Events,
            payload: envelope.to_json().unwrap().into(),
            headers: "{}".to_owned(),
            dead: None,
            ack: Ack::new(move || given.try_send(()).expect("an acknowledgement is given once")),
        };
        self.deliveries.send(delivery).await.unwrap();
        within(acknowledged.recv()).await.expect("an acknowledgement");
    }

    /// Everything that lies in the outbox gets through.
    pub(crate) async fn drain(&self) {
        let rows = self.database.outbox().read(0, 1_000).await.unwrap();
        self.database.outbox().delete(rows.iter().map(|row| row.id).collect()).await.unwrap();
    }

    /// Waits until a condition holds.
    pub(crate) async fn until<F: Future<Output = bool>>(
        &self,
        what: &str,
        condition: impl Fn() -> F,
    ) {
        let wait = async {
            while !condition().await {
                self.ports.clock.sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(BOUND, wait).await.unwrap_or_else(|_| panic!("in vain: {what}"));
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], "").await
    }

    /// `POST /orders` under a key.
    pub(crate) async fn order(&self, key: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        self.send("POST", "/orders", &headers, &body.to_string()).await
    }

    /// A placed order's id and its saga's.
    pub(crate) async fn placed(&self, key: &str) -> (String, String) {
        let placed = self.order(key, &order()).await;
        assert_eq!(placed.status, 201, "{placed:?}");
        let text = |name: &str| placed.body[name].as_str().unwrap().to_owned();
        (text("order_id"), text("saga_id"))
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let headers: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{}content-length: \
             {}\r\n\r\n{body}",
            headers.concat(),
            body.len()
        );
        within(async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            let body = serde_json::from_str(body).unwrap_or(Value::Null);
            Answer { status, head: head.to_owned(), body }
        })
        .await
    }
}

async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, wait).await.expect("within the bound")
}

/// A good request.
pub(crate) fn order() -> Value {
    json!({
        "customer_id": "c1",
        "store_id": "s1",
        "items": [{"menu_id": "m1", "quantity": 1}, {"menu_id": "m2", "quantity": 2}],
        "address": {"district": "mapo", "line": "12 River Street"},
        "payment": {"token": "tok-canary"},
    })
}

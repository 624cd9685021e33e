//! A small service and a rig around it: SQLite, the path, a broker of which the test holds both
//! ends. Everything is the real thing but the service.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test file uses its part of the rig")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use contracts::{
    Command, CommandId, Detail, Envelope, EventType, Message, MessageId, OrderId, QueueKind,
    Record, ServiceName, Timestamp, command::OrderOnly,
};
use runtime::{
    Aggregate, Content, Decision, Input, Key, Keys, Kind, Outgoing, Phase, Problem, Reply, Service,
    View,
    aggregate::DecodeError,
    broker::{Ack, Broker, Confirm, Delivery, Publication, Reach},
    db::sqlite::SqliteDatabase,
    db::{Database, Migrations},
    host::{self, Options, Running},
    metrics::Metrics,
    ports::Ports,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

mod watched;

pub(crate) use watched::Watched;

/// No test waits longer than this for what must happen.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

pub(crate) const TALLY: Kind = Kind { name: "tally", phase: Phase::First, rank: 0 };
pub(crate) const SUM: Kind = Kind { name: "sum", phase: Phase::Second, rank: 0 };

/// Counts the commands about one order; the sum counts those about all.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) record: Record,
    pub(crate) sum: bool,
    pub(crate) count: u64,
    pub(crate) wake_at: Option<Timestamp>,
    pub(crate) woken: u64,
    /// What the last timer was told of the broker.
    pub(crate) deaf_until: Option<Timestamp>,
}

impl Aggregate for Tally {
    fn kind(&self) -> Kind {
        if self.sum { SUM } else { TALLY }
    }
    fn version(&self) -> u64 {
        self.record.sequence
    }
    fn state(&self) -> &'static str {
        "counting"
    }
    fn owner(&self) -> Option<&str> {
        None
    }
    fn wake_at(&self) -> Option<Timestamp> {
        self.wake_at
    }
    fn encode(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
    fn decode(_: &str, body: &str) -> Result<Self, DecodeError> {
        Ok(serde_json::from_str(body)?)
    }
}

/// Counts `settle-stock` commands and requests. What it does about an order is in the order's id:
/// `panic`, `trap`, `dead`, `jump` and `stranger` misbehave in their own way.
pub(crate) struct Toy;

#[derive(Clone, Debug)]
pub(crate) enum Ask {
    /// Count one up.
    Count(String),
    /// Count one up, in the sum too: it becomes known only once the tally exists.
    CountInSum(String),
    /// Wake at that time.
    Wake(String, Timestamp),
}

pub(crate) fn tally(id: &str) -> Key {
    Key::new(TALLY, id)
}

pub(crate) fn sum() -> Key {
    Key::new(SUM, "all")
}

impl Service for Toy {
    type State = Tally;
    type Request = Ask;

    fn name(&self) -> ServiceName {
        ServiceName::Store
    }

    fn kinds(&self) -> &'static [Kind] {
        &[TALLY, SUM]
    }

    fn keys(&self, input: &Input<Ask>) -> Keys {
        Keys::lock(match input {
            Input::Message(incoming) => tally(&incoming.subject),
            Input::Request(Ask::Count(id) | Ask::CountInSum(id) | Ask::Wake(id, _)) => tally(id),
            Input::Wake(key) => key.clone(),
        })
    }

    fn more_keys(&self, input: &Input<Ask>, view: &View<'_, Tally>) -> Keys {
        match input {
            Input::Request(Ask::CountInSum(id)) if view.get(&tally(id)).is_some() => {
                Keys::lock(sum())
            }
            _ => Keys::default(),
        }
    }

    fn decide(
        &self,
        input: &Input<Ask>,
        view: &View<'_, Tally>,
        now: Timestamp,
    ) -> Decision<Tally> {
        let id = match input {
            Input::Message(incoming) => incoming.subject.clone(),
            Input::Request(Ask::Count(id) | Ask::CountInSum(id) | Ask::Wake(id, _)) => id.clone(),
            Input::Wake(key) => key.id.to_string(),
        };
        assert_ne!(id, "panic", "the toy was told to panic");
        assert!(id != "trap" || !matches!(input, Input::Wake(_)), "the toy was told to panic");
        if id == "dead" {
            return Decision::dead_letter("the toy was told to give up");
        }
        let new = |sum| Tally {
            record: Record::default(),
            sum,
            count: 0,
            wake_at: None,
            woken: 0,
            deaf_until: None,
        };
        let mut state = view.get(&tally(&id)).cloned().unwrap_or_else(|| new(false));
        let mut decision = Decision::default();
        state.record.add(EventType::StockSettled, now, Detail::default());
        match input {
            Input::Wake(_) => {
                if state.wake_at.is_none_or(|at| at > now) {
                    return Decision::ignored("stale");
                }
                state.wake_at = None;
                state.woken += 1;
                state.deaf_until = view.deaf_until();
            }
            Input::Request(Ask::Wake(_, at)) => state.wake_at = Some(*at),
            Input::Message(_) | Input::Request(_) => state.count += 1,
        }
        if id == "jump" {
            state.record.touch();
        }
        let order = OrderId::new(id.clone()).unwrap();
        decision.reply = Reply::json(200, &state.count);
        decision.messages.push(Outgoing {
            about: if id == "stranger" { tally("somebody-else") } else { tally(&id) },
            content: Content::Event {
                event: state.record.event(&order, "counting").unwrap(),
                sequence: state.record.sequence,
                repeat: false,
            },
            saga: None,
        });
        decision.saves.push((tally(&id), state));
        if let Input::Request(Ask::CountInSum(_)) = input
            && view.get(&tally(&id)).is_some()
        {
            let mut all = view.get(&sum()).cloned().unwrap_or_else(|| new(true));
            all.record.touch();
            all.count += 1;
            decision.saves.push((sum(), all));
        }
        decision
    }
}

/// A broker whose publishing end is the test's.
struct ByHand(Mutex<Option<mpsc::Receiver<Delivery>>>, Reach);

#[async_trait]
impl Broker for ByHand {
    async fn publish(&self, _: Vec<Publication>) -> Vec<Confirm> {
        Vec::new()
    }
    async fn consume(&self, _: ServiceName, _: usize) -> mpsc::Receiver<Delivery> {
        self.0.lock().unwrap().take().unwrap()
    }
    fn reach(&self, _: ServiceName) -> Reach {
        self.1.clone()
    }
}

/// The toy service, running.
pub(crate) struct Rig {
    pub(crate) running: Running<Toy>,
    pub(crate) database: Arc<Watched>,
    pub(crate) timers: watch::Sender<bool>,
    sender: mpsc::Sender<Delivery>,
    pub(crate) ports: Ports,
    /// Whether messages reach the service, as its broker says.
    pub(crate) reach: Reach,
    pub(crate) metrics: Metrics,
    directory: Option<tempfile::TempDir>,
}

/// What is left when it was stopped.
pub(crate) struct Stopped {
    pub(crate) database: Arc<Watched>,
    directory: Option<tempfile::TempDir>,
}

/// An acknowledgement to wait for.
pub(crate) struct Acknowledged(mpsc::Receiver<()>);

impl Acknowledged {
    /// Resolves when the message was acknowledged.
    pub(crate) async fn wait(mut self) {
        tokio::time::timeout(BOUND, self.0.recv())
            .await
            .expect("within the bound")
            .expect("an ack");
    }

    /// Whether it was acknowledged by now.
    pub(crate) fn given(&mut self) -> bool {
        self.0.try_recv().is_ok()
    }
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::start_within(Reach::always()).await
    }

    /// On SQLite, with a broker that reaches it so.
    pub(crate) async fn start_within(reach: Reach) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ports = Ports::system();
        let migrations = Migrations::sqlite(ServiceName::Orchestrator);
        let path = directory.path().join("toy.db");
        let inner = SqliteDatabase::open(&path, &migrations, &ports).await.unwrap();
        let rig = Self::start_on(Arc::new(inner), reach).await;
        Self { directory: Some(directory), ..rig }
    }

    /// On a database of the test's.
    pub(crate) async fn start_on(inner: Arc<dyn Database>, reach: Reach) -> Self {
        let ports = Ports::system();
        let database = Arc::new(Watched::around(inner));
        let (sender, receiver) = mpsc::channel(1_000);
        let broker = Arc::new(ByHand(Mutex::new(Some(receiver)), reach.clone()));
        let metrics = Metrics::default();
        let (timers, gate) = watch::channel(false);
        let running = host::start(
            Toy,
            Arc::clone(&database) as Arc<dyn Database>,
            broker,
            ports.clone(),
            Options::new(gate).with_metrics(metrics.clone()),
        )
        .await;
        Self { running, database, timers, sender, ports, reach, metrics, directory: None }
    }

    /// Delivers bytes.
    pub(crate) async fn deliver(&self, bytes: impl Into<Bytes>) -> Acknowledged {
        self.deliver_dead(bytes, None).await
    }

    /// Delivers bytes that the broker has given up, if it has.
    pub(crate) async fn deliver_dead(
        &self,
        bytes: impl Into<Bytes>,
        dead: Option<&str>,
    ) -> Acknowledged {
        let (given, acknowledged) = mpsc::channel(1);
        let delivery = Delivery {
            queue: QueueKind::Commands,
            payload: bytes.into(),
            headers: "{\"x\":1}".to_owned(),
            dead: dead.map(str::to_owned),
            // Nobody may be waiting for it any more.
            ack: Ack::new(move || {
                let _ = given.try_send(());
            }),
        };
        self.sender.send(delivery).await.unwrap();
        Acknowledged(acknowledged)
    }

    /// A command about that order under a message id of its own.
    pub(crate) fn command(&self, order: &str) -> String {
        command(order, MessageId(self.ports.ids.next()), self.ports.now())
    }

    /// Stops it; the database stays open.
    pub(crate) async fn stop(self) -> Stopped {
        self.running.stop().await;
        Stopped { database: self.database, directory: self.directory }
    }

    /// The tally as it is stored.
    pub(crate) async fn tally(&self, id: &str) -> Option<Tally> {
        self.running.handle().get(&tally(id)).await.unwrap()
    }

    pub(crate) async fn ask(&self, ask: Ask) -> Result<Reply, Problem> {
        self.running.handle().decide(ask).await
    }

    /// Waits until a condition holds, looking again after each of the toy's commits or a moment.
    pub(crate) async fn until<F: Future<Output = bool>>(
        &self,
        what: &str,
        condition: impl Fn() -> F,
    ) {
        let wait = async {
            while !condition().await {
                tokio::select! {
                    () = self.database.outbox().written() => {}
                    () = self.ports.clock.sleep(Duration::from_millis(5)) => {}
                }
            }
        };
        tokio::time::timeout(BOUND, wait).await.unwrap_or_else(|_| panic!("in vain: {what}"));
    }
}

/// A command about that order, of that time.
pub(crate) fn command(order: &str, id: MessageId, time: Timestamp) -> String {
    let order_id = OrderId::new(order).unwrap();
    let command = Command::SettleStock(OrderOnly { order_id });
    let command_id = CommandId(id.0);
    Envelope::of_command(id, time, ServiceName::Orchestrator, &command, command_id, None)
        .unwrap()
        .to_json()
        .unwrap()
}

/// What an outbox row says.
pub(crate) fn said(payload: &str) -> Message {
    Envelope::from_bytes(payload.as_bytes()).unwrap().message().unwrap()
}

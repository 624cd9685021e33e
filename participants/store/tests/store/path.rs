//! The store on the real path: SQLite, the in-process broker, many people at once.

use std::sync::Arc;

use contracts::{
    Command, CommandId, Envelope, Message, MessageId, ServiceName, command::OrderOnly, routes,
};
use futures_util::future::join_all;
use runtime::{
    Input, Reply,
    broker::{Broker, Outcome, Publication, in_process::InProcess},
    db::{Database, Migrations, sqlite::SqliteDatabase},
    host::{self, Options, Running},
    ports::Ports,
};
use store::{
    Request, Settings, Store,
    aggregates::{menu_item_key, ticket_key},
};
use tokio::sync::watch;

use crate::rig::{answer, menu, order, put, request, store_id};

struct Shop {
    running: Running<Store>,
    broker: Arc<InProcess>,
    ports: Ports,
    _timers: watch::Sender<bool>,
    _directory: tempfile::TempDir,
}

impl Shop {
    async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ports = Ports::system();
        let migrations = Migrations::sqlite(ServiceName::Store);
        let path = directory.path().join("store.db");
        let database = SqliteDatabase::open(&path, &migrations, &ports).await.unwrap();
        let broker = Arc::new(InProcess::new(&[ServiceName::Store]));
        let (timers, gate) = watch::channel(false);
        let running = host::start(
            Store::new(Settings::default()),
            Arc::new(database) as Arc<dyn Database>,
            Arc::clone(&broker) as Arc<dyn Broker>,
            ports.clone(),
            Options::new(gate),
        )
        .await;
        Self { running, broker, ports, _timers: timers, _directory: directory }
    }

    /// Takes a request through the path; the status that it is answered with.
    async fn ask(&self, input: Input<Request>) -> u16 {
        let Input::Request(request) = input else { panic!("{input:?} is no request") };
        match self.running.handle().decide(request).await {
            Ok(Reply::Done { status, .. }) => status,
            Ok(other) => panic!("{other:?}"),
            Err(problem) => problem.status,
        }
    }

    /// Publishes a command and waits until the store has committed it.
    async fn tell(&self, command: &Command) {
        let id = MessageId(self.ports.ids.next());
        let source = ServiceName::Orchestrator;
        let envelope =
            Envelope::of_command(id, self.ports.now(), source, command, CommandId(id.0), None);
        let publication = Publication {
            exchange: routes::COMMANDS_EXCHANGE.to_owned(),
            routing_key: ServiceName::Store.as_str().to_owned(),
            message_id: id,
            payload: envelope.unwrap().to_json().unwrap().into(),
        };
        let confirm = self.broker.publish(vec![publication]).await.remove(0);
        assert_eq!(confirm.await, Ok(Outcome::Confirmed));
    }

    async fn request(&self, id: &str) {
        let Input::Message(incoming) = request(id, &[("gimbap", 1)]) else {
            panic!("a request for acceptance is a message");
        };
        let Message::Command(command) = incoming.message else {
            panic!("a request for acceptance is a command");
        };
        self.tell(&command).await;
    }

    /// On hand, reserved, sold.
    async fn stock(&self) -> (u64, u64, u64) {
        let key = menu_item_key(&store_id(), &menu("gimbap"));
        let stored = self.running.handle().get(&key).await.unwrap().unwrap();
        let item = stored.menu_item().unwrap();
        (item.on_hand, item.reserved, item.sold)
    }

    async fn accepted(&self, ids: &[String]) -> u64 {
        let mut accepted = 0;
        for id in ids {
            let stored = self.running.handle().get(&ticket_key(&order(id))).await.unwrap();
            accepted += u64::from(stored.unwrap().ticket().unwrap().state.as_str() == "accepted");
        }
        accepted
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_orders_for_ten_pieces_at_once() {
    let shop = Shop::open().await;
    assert_eq!(shop.ask(put("gimbap", "Gimbap", 9_500, 10)).await, 200);
    let ids: Vec<String> = (0..12).map(|n| format!("o{n}")).collect();
    join_all(ids.iter().map(|id| shop.request(id))).await;
    // Each answer is given twice, as by an impatient owner.
    let twice = ids.iter().chain(&ids);
    let statuses = join_all(twice.map(|id| shop.ask(answer(id, true, None)))).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 20);
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 4);
    assert_eq!(shop.stock().await, (0, 10, 0));
    assert_eq!(shop.accepted(&ids).await, 10);
    shop.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_answers_and_cancellations_in_any_order_leave_the_stock_right() {
    let shop = Shop::open().await;
    assert_eq!(shop.ask(put("gimbap", "Gimbap", 9_500, 50)).await, 200);
    let ids: Vec<String> = (0..60).map(|n| format!("o{n}")).collect();
    let undone: Vec<Command> = ids
        .iter()
        .step_by(3)
        .map(|id| Command::CancelTicket(OrderOnly { order_id: order(id) }))
        .collect();
    let cancellations = join_all(undone.iter().map(|command| shop.tell(command)));
    let requests = join_all(ids.iter().map(|id| shop.request(id)));
    let answers = join_all(ids.iter().map(|id| shop.ask(answer(id, true, None))));
    tokio::join!(requests, answers, cancellations);
    // Whoever came before the ticket was there comes again.
    join_all(ids.iter().map(|id| shop.ask(answer(id, true, None)))).await;
    let accepted = shop.accepted(&ids).await;
    assert_eq!(accepted, 40, "every order but those that were undone");
    assert_eq!(shop.stock().await, (50 - accepted, accepted, 0));
    shop.running.stop().await;
}

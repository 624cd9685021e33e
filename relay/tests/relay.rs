//! The relay between a real outbox (SQLite) and a broker whose confirms the test gives by hand.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use contracts::{MessageId, ServiceName, routes};
use runtime::{
    broker::{Broker, Confirm, Delivery, Outcome, Publication},
    db::{Begin, Database, Migrations, NewMessage, Writes, sqlite::SqliteDatabase},
    ports::Ports,
};
use tokio::sync::{Notify, mpsc, oneshot};

/// No test waits longer than this for what must happen.
const BOUND: Duration = Duration::from_secs(20);

/// A broker that takes note of what it is given. Routing keys in `refusing` are answered as said;
/// others are confirmed, or kept waiting while `silent`.
#[derive(Default)]
struct Scripted {
    published: Mutex<Vec<String>>,
    refusing: Mutex<HashMap<String, Outcome>>,
    dropping: Mutex<HashSet<String>>,
    silent: AtomicBool,
    kept: Mutex<Vec<oneshot::Sender<Outcome>>>,
    changed: Notify,
}

#[async_trait]
impl Broker for Scripted {
    async fn publish(&self, publications: Vec<Publication>) -> Vec<Confirm> {
        let mut confirms = Vec::new();
        for publication in publications {
            let (confirm, confirmed) = oneshot::channel();
            confirms.push(confirmed);
            let text = String::from_utf8(publication.payload.to_vec()).unwrap();
            self.published.lock().unwrap().push(text);
            let refused = self.refusing.lock().unwrap().get(&publication.routing_key).cloned();
            if let Some(outcome) = refused {
                drop(confirm.send(outcome));
            } else if self.dropping.lock().unwrap().remove(&publication.routing_key) {
                drop(confirm);
            } else if self.silent.load(Ordering::SeqCst) {
                self.kept.lock().unwrap().push(confirm);
            } else {
                drop(confirm.send(Outcome::Confirmed));
            }
        }
        self.changed.notify_waiters();
        confirms
    }

    async fn consume(&self, _: ServiceName, _: usize) -> mpsc::Receiver<Delivery> {
        mpsc::channel(1).1
    }
}

struct Rig {
    database: Arc<SqliteDatabase>,
    broker: Arc<Scripted>,
    ports: Ports,
    _directory: tempfile::TempDir,
}

impl Rig {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ports = Ports::system();
        let migrations = Migrations::sqlite(ServiceName::Store);
        let path = directory.path().join("outbox.db");
        let database = SqliteDatabase::open(&path, &migrations, &ports).await.unwrap();
        let (database, broker) = (Arc::new(database), Arc::new(Scripted::default()));
        Self { database, broker, ports, _directory: directory }
    }

    fn relay(&self) -> relay::Running {
        relay::start(
            ServiceName::Store,
            Arc::clone(&self.database) as Arc<dyn Database>,
            Arc::clone(&self.broker) as Arc<dyn Broker>,
            &self.ports,
            relay::Options::default(),
        )
    }

    /// Commits rows: each is a key and a text; the key is the routing key too.
    async fn write(&self, rows: &[(&str, &str)]) {
        let (transaction, _) = self.database.begin(Begin::default()).await.unwrap();
        let messages = rows.iter().map(|(key, text)| NewMessage {
            key: (*key).to_owned(),
            seq: 1,
            message_id: MessageId(self.ports.ids.next()),
            exchange: routes::EVENTS_EXCHANGE,
            routing_key: (*key).to_owned(),
            payload: (*text).to_owned(),
            published: None,
        });
        let writes = Writes { messages: messages.collect(), ..Writes::default() };
        transaction.commit(writes).await.unwrap();
    }

    fn published(&self) -> Vec<String> {
        self.broker.published.lock().unwrap().clone()
    }

    /// Texts as first published, without repeats.
    fn first_published(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        self.published().into_iter().filter(|text| seen.insert(text.clone())).collect()
    }

    async fn left(&self) -> Vec<String> {
        let rows = self.database.outbox().read(0, 1000).await.unwrap();
        rows.into_iter().map(|row| row.payload).collect()
    }

    async fn until<F: Future<Output = bool>>(&self, what: &str, condition: impl Fn() -> F) {
        let wait = async {
            while !condition().await {
                tokio::select! {
                    () = self.broker.changed.notified() => {}
                    () = self.ports.clock.sleep(Duration::from_millis(5)) => {}
                }
            }
        };
        tokio::time::timeout(BOUND, wait)
            .await
            .unwrap_or_else(|_| panic!("in vain: {what}; published {:?}", self.published()));
    }
}

#[tokio::test]
async fn rows_go_out_in_order_and_are_deleted() {
    let rig = Rig::new().await;
    rig.write(&[("a", "a1"), ("b", "b1"), ("a", "a2")]).await;
    let relay = rig.relay();
    rig.until("the first rows go", || async { rig.left().await.is_empty() }).await;
    rig.write(&[("a", "a3")]).await;
    rig.until("a later row goes", || async { rig.left().await.is_empty() }).await;
    assert_eq!(rig.published(), ["a1", "b1", "a2", "a3"]);
    relay.stop().await;
}

#[tokio::test]
async fn a_row_stays_until_it_is_confirmed_and_is_sent_again_after_a_restart() {
    let rig = Rig::new().await;
    rig.broker.silent.store(true, Ordering::SeqCst);
    rig.write(&[("a", "a1"), ("a", "a2")]).await;
    let relay = rig.relay();
    rig.until("both are published", || async { rig.published().len() == 2 }).await;
    assert_eq!(rig.left().await, ["a1", "a2"], "nothing is deleted without a confirm");
    relay.stop().await;

    rig.broker.silent.store(false, Ordering::SeqCst);
    let relay = rig.relay();
    rig.until("the next one confirms", || async { rig.left().await.is_empty() }).await;
    assert_eq!(rig.published(), ["a1", "a2", "a1", "a2"]);
    relay.stop().await;
}

#[tokio::test]
async fn a_row_that_is_not_taken_holds_its_own_key_only() {
    for refusal in [Outcome::Unavailable, Outcome::Unroutable] {
        let rig = Rig::new().await;
        rig.broker.refusing.lock().unwrap().insert("a".to_owned(), refusal);
        rig.write(&[("a", "a1"), ("b", "b1")]).await;
        let relay = rig.relay();
        rig.until("b goes on", || async { rig.left().await == ["a1"] }).await;
        rig.write(&[("a", "a2"), ("b", "b2"), ("a", "a3")]).await;
        rig.until("b goes on", || async { rig.left().await == ["a1", "a2", "a3"] }).await;
        rig.broker.refusing.lock().unwrap().clear();
        rig.until("a catches up", || async { rig.left().await.is_empty() }).await;
        let of_a: Vec<_> =
            rig.first_published().into_iter().filter(|text| text.starts_with('a')).collect();
        assert_eq!(of_a, ["a1", "a2", "a3"]);
        relay.stop().await;
    }
}

#[tokio::test]
async fn a_confirm_that_gets_lost_sends_again() {
    let rig = Rig::new().await;
    rig.broker.dropping.lock().unwrap().insert("a".to_owned());
    rig.write(&[("a", "a1")]).await;
    let relay = rig.relay();
    rig.until("it is taken in the end", || async { rig.left().await.is_empty() }).await;
    assert_eq!(rig.published(), ["a1", "a1"]);
    relay.stop().await;
}

#[tokio::test]
async fn more_rows_than_a_page_all_go() {
    let rig = Rig::new().await;
    let texts: Vec<String> = (0..3_000).map(|n| format!("{n}")).collect();
    let rows: Vec<(&str, &str)> =
        texts.iter().enumerate().map(|(n, text)| (["x", "y", "z"][n % 3], &**text)).collect();
    rig.write(&rows).await;
    let relay = relay::start(
        ServiceName::Store,
        Arc::clone(&rig.database) as Arc<dyn Database>,
        Arc::clone(&rig.broker) as Arc<dyn Broker>,
        &rig.ports,
        relay::Options { batch: 64, ..relay::Options::default() },
    );
    rig.until("all are gone", || async { rig.left().await.is_empty() }).await;
    assert_eq!(rig.published(), texts, "once each, in order");
    relay.stop().await;
}

#[tokio::test]
async fn a_silent_consumer_holds_up_nobody_else() {
    let rig = Rig::new().await;
    rig.broker.silent.store(true, Ordering::SeqCst);
    let texts: Vec<String> = (0..6_000).map(|n| format!("silent-{n}")).collect();
    let rows: Vec<(&str, &str)> = texts.iter().map(|text| ("a", &**text)).collect();
    rig.write(&rows).await;
    let relay = rig.relay();
    rig.until("all wait for their confirm", || async { rig.published().len() == 6_000 }).await;
    rig.broker.silent.store(false, Ordering::SeqCst);
    rig.write(&[("b", "b1")]).await;
    rig.until("b goes on", || async { rig.published().last().unwrap() == "b1" }).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_large_backlog_of_what_is_not_taken_does_not_keep_the_relay_from_stopping() {
    let rig = Rig::new().await;
    rig.broker.refusing.lock().unwrap().insert("a".to_owned(), Outcome::Unavailable);
    let texts: Vec<String> = (0..5_000).map(|n| format!("{n}")).collect();
    let rows: Vec<(&str, &str)> = texts.iter().map(|text| ("a", &**text)).collect();
    rig.write(&rows).await;
    let relay = rig.relay();
    rig.until("it is at work", || async { !rig.published().is_empty() }).await;
    rig.write(&[("b", "b1")]).await;
    rig.until("b goes on", || async { rig.published().iter().any(|text| text == "b1") }).await;
    tokio::time::timeout(BOUND, relay.stop()).await.expect("it stops within the bound");
}

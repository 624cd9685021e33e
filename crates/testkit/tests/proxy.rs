//! The proxy between real servers and real clients: it loses what it is told to, and nothing else.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use futures_util::{FutureExt, StreamExt};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection as Amqp, ConnectionProperties,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions,
        QueueDeclareOptions, QueueDeleteOptions,
    },
    types::FieldTable,
};
use runtime::ports::Ports;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use testkit::proxy::{Proxy, Side, Trouble, Wire};
use tokio::task::spawn_blocking;

/// A proxy before the server at that URL.
async fn before(url: &str, wire: Wire) -> Proxy {
    let host = url.rsplit('@').next().unwrap().split('/').next().unwrap();
    let to: SocketAddr = tokio::net::lookup_host(host).await.unwrap().next().unwrap();
    Proxy::start(wire, to, &Ports::system()).await.unwrap()
}

async fn postgres_url() -> String {
    spawn_blocking(servers::shared_postgres).await.unwrap().unwrap()
}

async fn connect(url: &str) -> PgConnection {
    url.parse::<PgConnectOptions>().unwrap().connect().await.unwrap()
}

async fn run(connection: &mut PgConnection, sql: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop)
}

async fn rows(connection: &mut PgConnection, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await.unwrap()
}

/// A name that nobody else has.
fn name() -> String {
    format!("proxy_{}", Ports::system().ids.next().simple())
}

#[tokio::test]
async fn a_commit_that_is_cut_off_is_none_and_one_that_is_unheard_is_one() {
    let url = postgres_url().await;
    let (proxy, table) = (before(&url, Wire::Postgres).await, name());
    let mut direct = connect(&url).await;
    run(&mut direct, format!("CREATE TABLE {table} (id int)")).await.unwrap();
    for (trouble, committed) in
        [(None, 1), (Some(Trouble::CutBeforeCommit), 1), (Some(Trouble::CutAfterCommit), 2)]
    {
        let mut connection = connect(&proxy.through(&url)).await;
        let fired = proxy.fired();
        let mut transaction = connection.begin().await.unwrap();
        let insert = format!("INSERT INTO {table} VALUES (1)");
        run(&mut transaction, insert).await.unwrap();
        if let Some(trouble) = trouble {
            proxy.arm(trouble);
        }
        let done = transaction.commit().await;
        assert_eq!(done.is_ok(), trouble.is_none(), "{trouble:?}: {done:?}");
        assert_eq!(proxy.fired() - fired, u64::from(trouble.is_some()), "{trouble:?}");
        assert_eq!(rows(&mut direct, &table).await, committed, "{trouble:?}");
        assert!(!proxy.disarm(), "{trouble:?} has come");
    }
    run(&mut direct, format!("DROP TABLE {table}")).await.unwrap();
}

#[tokio::test]
async fn who_is_not_heard_is_waited_for_until_the_connection_is_cut() {
    let url = postgres_url().await;
    let proxy = before(&url, Wire::Postgres).await;
    let mut old = connect(&proxy.through(&url)).await;
    assert_eq!(proxy.swallow(Side::Server), 1);
    let asked = run(&mut old, "SELECT 1".to_owned());
    tokio::pin!(asked);
    let through = proxy.through(&url);
    tokio::select! {
        biased;
        answered = &mut asked => panic!("it was heard: {answered:?}"),
        mut new = connect(&through).map(Box::new) => {
            run(&mut new, "SELECT 1".to_owned()).await.unwrap();
        }
    }
    assert_eq!(proxy.cut(), 2);
    asked.await.unwrap_err();
    assert_eq!(proxy.connections(), 0);
}

/// A queue of its own on the shared broker, at its URL and at the proxy's.
struct Rig {
    proxy: Proxy,
    url: String,
    queue: String,
}

impl Rig {
    async fn new() -> Self {
        let broker = spawn_blocking(servers::shared_rabbitmq).await.unwrap().unwrap();
        let url = broker.url().to_owned();
        let (proxy, queue) = (before(&url, Wire::Amqp).await, name());
        let rig = Self { proxy, url, queue };
        let channel = rig.direct().await;
        let options = QueueDeclareOptions::default();
        channel
            .queue_declare(rig.queue.as_str().into(), options, FieldTable::default())
            .await
            .unwrap();
        rig
    }

    async fn direct(&self) -> Channel {
        channel(&self.url).await
    }

    async fn through(&self) -> Channel {
        channel(&self.proxy.through(&self.url)).await
    }

    async fn publish(
        &self,
        channel: &Channel,
    ) -> impl Future<Output = lapin::Result<Confirmation>> + use<> {
        let options = BasicPublishOptions::default();
        let (queue, properties) = (self.queue.as_str().into(), BasicProperties::default());
        channel.basic_publish("".into(), queue, options, b"x", properties).await.unwrap()
    }

    async fn end(self) {
        let channel = self.direct().await;
        let options = QueueDeleteOptions::default();
        channel.queue_delete(self.queue.as_str().into(), options).await.unwrap();
    }
}

async fn channel(url: &str) -> Channel {
    let connection = Amqp::connect(url, ConnectionProperties::default()).await.unwrap();
    // The channel keeps its connection open.
    connection.create_channel().await.unwrap()
}

#[tokio::test]
async fn a_confirm_is_lost_and_its_message_is_not() {
    let rig = Rig::new().await;
    let channel = rig.through().await;
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    rig.publish(&channel).await.await.unwrap();
    rig.proxy.arm(Trouble::LoseConfirm);
    let lost = rig.publish(&channel).await;
    rig.proxy.fires_beyond(0).await;
    assert!(rig.publish(&channel).await.await.unwrap().is_ack());
    assert!(lost.now_or_never().is_none(), "nobody has confirmed it");
    let mut heard = rig.direct().await;
    assert_eq!(take(&rig, &mut heard, 3).await, [false; 3]);
    rig.end().await;
}

#[tokio::test]
async fn an_acknowledgement_is_lost_and_its_message_comes_again() {
    let rig = Rig::new().await;
    let direct = rig.direct().await;
    drop(rig.publish(&direct).await);
    drop(rig.publish(&direct).await);
    let mut channel = rig.through().await;
    rig.proxy.arm(Trouble::LoseAck);
    assert_eq!(take(&rig, &mut channel, 2).await, [false; 2]);
    rig.proxy.fires_beyond(0).await;
    assert_eq!(rig.proxy.cut(), 1);
    let mut again = rig.direct().await;
    assert_eq!(take(&rig, &mut again, 1).await, [true], "the first one comes again");
    rig.end().await;
}

/// Takes so many messages and acknowledges them; answers of each whether it came again.
async fn take(rig: &Rig, channel: &mut Channel, number: usize) -> Vec<bool> {
    let (queue, options) = (rig.queue.as_str().into(), BasicConsumeOptions::default());
    let mut consumer =
        channel.basic_consume(queue, "".into(), options, FieldTable::default()).await.unwrap();
    let mut taken = Vec::new();
    while taken.len() < number {
        let delivery = consumer.next().await.unwrap().unwrap();
        delivery.acker.ack(BasicAckOptions::default()).await.unwrap();
        taken.push(delivery.redelivered);
    }
    taken
}

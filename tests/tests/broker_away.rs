//! RabbitMQ goes away under a running system and comes back: orders are accepted meanwhile, and
//! nobody's is cancelled by a deadline that ran while no answer could be heard.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use contracts::{ServiceName, Timestamp};
use expeditor::system::Settings;
use runtime::{
    broker::{
        Broker,
        rabbitmq::{Options, RabbitMq},
    },
    ports::Ports,
};
use serde_json::{Value, json};
use testkit::{App, STORE, servers};

#[path = "../../crates/runtime/tests/broker_rabbitmq/proxy.rs"]
mod proxy;

use proxy::Proxy;

/// A virtual host of the test's own, reached over a line that it can cut.
struct Line {
    proxy: Proxy,
    url: String,
    vhost: String,
    server: servers::Broker,
    ports: Ports,
}

impl Line {
    async fn new() -> Self {
        let ports = Ports::system();
        let vhost = format!("test-{}", ports.ids.next());
        let name = vhost.clone();
        let making = tokio::task::spawn_blocking(move || {
            let server = servers::shared_rabbitmq()?;
            let url = server.vhost(&name)?;
            Ok::<_, servers::Error>((server, url))
        });
        let (server, url) = making.await.unwrap().unwrap();
        let host = url.split(['@', '/']).nth(3).expect("a URL with name and password").to_owned();
        let proxy = Proxy::to(&host, &ports).await;
        let url = url.replace(&host, proxy.host());
        Self { proxy, url, vhost, server, ports }
    }

    async fn broker(&self) -> Arc<dyn Broker> {
        let options = Options::new(&self.url, &ServiceName::ALL, "test");
        Arc::new(RabbitMq::start(options, &self.ports).await.unwrap())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Err(error) = self.server.drop_vhost(&self.vhost) {
            eprintln!("{} is left behind: {error}", self.vhost);
        }
    }
}

/// The store has that many seconds to accept.
fn accept_within(seconds: u64) -> Settings {
    let set = json!({"deadlines": {"accept": seconds}});
    Settings { orchestrator: serde_json::from_value(set).unwrap(), ..Settings::default() }
}

/// An order that waits for its store, and when that is overdue.
async fn asked(app: &App) -> (String, Timestamp) {
    // Who has never heard anything cannot serve yet.
    app.until("everybody hears", || async { app.client().get("/readyz").await.status == 200 })
        .await;
    let order = app.place("mina", 1, "tok-ok").await;
    app.reaches(&order, "paid").await;
    app.until("the store has been asked", || async {
        let tickets = format!("/store/stores/{STORE}/tickets?state=pending");
        app.client().get(&tickets).await.body.to_string().contains(&order)
    })
    .await;
    let due = deadline(app, &order).await.expect("it waits for the store");
    (order, due)
}

/// The order's saga as operators see it.
async fn saga(app: &App, order: &str) -> Value {
    let saga = app.order(order).await["saga_id"].as_str().unwrap().to_owned();
    app.client().get(&format!("/operator/sagas/{saga}")).await.body
}

/// How many events have happened to it.
async fn version(app: &App, order: &str) -> u64 {
    saga(app, order).await["events"].as_u64().unwrap()
}

/// When the store's answer is overdue.
async fn deadline(app: &App, order: &str) -> Option<Timestamp> {
    let saga = saga(app, order).await;
    let mut steps = saga["steps"].as_array().unwrap().iter();
    let accept = steps.find(|step| step["name"] == "accept").unwrap();
    serde_json::from_value(accept["deadline"].clone()).unwrap()
}

/// Whether `/readyz` says that the orchestrator hears. It can serve in either case.
async fn connected(app: &App) -> Option<bool> {
    let ready = app.client().get("/readyz").await;
    assert_eq!(ready.status, 200, "a broker that is away turns nobody away");
    let mut checks = ready.body["checks"].as_array()?.iter();
    let broker = checks.find(|check| check["name"] == "orchestrator/broker")?;
    Some(broker["detail"].is_null())
}

async fn overdue(app: &App, due: Timestamp) {
    let late = due.plus(Duration::from_secs(2));
    app.until("the deadline has long passed", || async { app.ports().now() > late }).await;
}

/// What has left an outbox may still lie in the broker, and an audit over files does not look there.
async fn is_heard_of(app: &App, order: &str) {
    app.until("MyPage shows it accepted", || async {
        app.part(order, "acceptance").await == "order-accepted"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_waits_out_an_outage_is_heard_before_its_deadline_is_judged() {
    let line = Line::new().await;
    let app = App::start_with_broker(accept_within(8), line.broker().await).await;
    app.open(20, 5).await;
    let (order, due) = asked(&app).await;

    line.proxy.cut();
    app.answer_ticket(&order, true).await;
    app.until("it shows", || async { connected(&app).await == Some(false) }).await;
    let version = version(&app, &order).await;
    let meanwhile = app.place("sora", 1, "tok-ok").await;
    overdue(&app, due).await;
    assert_eq!(self::version(&app, &order).await, version, "no attempt was used up");
    for order in [(&order, "paid"), (&meanwhile, "placed")] {
        assert_eq!(app.order(order.0).await["status"], order.1);
    }

    line.proxy.mend();
    app.reaches(&order, "accepted").await;
    app.answer_ticket(&meanwhile, true).await;
    app.reaches(&meanwhile, "accepted").await;
    app.until("it shows", || async { connected(&app).await == Some(true) }).await;
    is_heard_of(&app, &order).await;
    is_heard_of(&app, &meanwhile).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_passed_while_nobody_ran_begins_anew() {
    let line = Line::new().await;
    let app = App::start_with_broker(accept_within(8), line.broker().await).await;
    app.open(20, 5).await;
    let (order, due) = asked(&app).await;
    line.proxy.cut();
    overdue(&app, due).await;
    let left = app.stop().await;
    line.proxy.mend();
    // Nobody knows what happened meanwhile: an answer may be on its way.
    let app = App::start_on(left, accept_within(8), Some(line.broker().await)).await;
    app.until("the deadline is set anew", || async {
        deadline(&app, &order).await.is_some_and(|anew| anew > due)
    })
    .await;
    app.answer_ticket(&order, true).await;
    app.reaches(&order, "accepted").await;
    is_heard_of(&app, &order).await;
    app.finish().await;
}

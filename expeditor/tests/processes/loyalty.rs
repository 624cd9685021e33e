//! The loyalty service of `examples/python-participant` beside all others, on a real broker, as a user
//! who may do no more than its README says: killed and started again while people order. In the end
//! each customer has the points that the published events are worth, and nothing was counted twice.

use std::collections::{BTreeMap, BTreeSet};

use expeditor::people::plan::Plan;
use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions},
    types::FieldTable,
};
use serde_json::{Value, json};
use servers::Rights;

use crate::{
    participant::Participant,
    place::Place,
    stage::{Load, end_well, ground, start},
    tap,
};

const README: &str = include_str!("../../../examples/python-participant/README.md");
const RIGHTS: Rights<'static> = Rights {
    names: r#"{"configure": "^loyalty\\.(events|dead)$",
               "write": "^(loyalty|expeditor)\\.(events|dead)$",
               "read": "^(loyalty|expeditor)\\.(events|dead)$"}"#,
    topics: r#"{"exchange": "expeditor.events", "write": "^loyalty\\.[a-z-]+$", "read": ".*"}"#,
};

const QUEUE: &str = "loyalty.events";
/// For so many won that were paid there is a point.
const WON: u64 = 100;
/// So many messages wait before it is started again.
const SOME: u32 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_participant_in_python_gives_the_points_that_the_events_are_worth_and_none_twice() {
    let place = Place::new().await;
    let (ground, dir) = (ground(&place), tempfile::tempdir().unwrap());
    let user = place.user(RIGHTS).await;
    let mut loyalty = Participant::new(dir.path(), user, &place.ports).await;
    // There is nothing on the broker yet: it waits for the exchanges, and is there before any order.
    loyalty.start();
    let stage = start(&place, &ground, dir.path()).await;
    tap::open(&place.amqp_url).await;
    loyalty.until_ready().await;
    let first = vec![Plan::Return, Plan::Deliver, Plan::Return, Plan::DeliverAfterRelease];
    let load = Load { seed: 11, rate: 8.0, first };
    let disturb = async {
        for round in 1..=3 {
            let before = loyalty.count("SELECT CAST(count(*) AS TEXT) FROM inbox").await;
            let more = async || {
                let seen = loyalty.count("SELECT CAST(count(*) AS TEXT) FROM inbox").await;
                seen >= before + u64::from(SOME)
            };
            loyalty.until("it takes messages", more).await;
            loyalty.kill();
            let waiting = async || waiting(&place).await >= SOME;
            loyalty.until("messages wait for it", waiting).await;
            loyalty.start();
            loyalty.until_ready().await;
            println!("killed and ready again: {round}");
        }
    };
    let (show, ()) = load.during(&stage, disturb).await;
    end_well(stage, &show).await;

    let said = events(&place).await;
    let expected = worth(&said);
    let delivered = expected.values().filter(|order| order.points > 0).count();
    let returned = said.iter().filter(|event| event["type"] == "delivery-returned").count();
    assert!(delivered > 10 && returned > 0, "{delivered} and {returned} are no trial");
    counts(&loyalty, &expected).await;
    let mut told = of_loyalty(said);
    told.extend(of_loyalty(events(&place).await));
    each_is_told_once(&told, &expected);
    println!("{delivered} orders have points, {returned} came back");

    what_comes_late_twice_or_broken(&place, &loyalty, &expected).await;
    assert_eq!(loyalty.terminate().await, Some(0), "it said:\n{}", loyalty.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_broker_that_goes_away_is_waited_for_and_one_that_says_no_is_told_in_a_line() {
    let (mut broker, place) = Place::with_own_broker().await;
    let (ground, dir) = (ground(&place), tempfile::tempdir().unwrap());
    let stage = start(&place, &ground, dir.path()).await;
    let mut loyalty = Participant::new(dir.path(), place.amqp_url.clone(), &place.ports).await;
    loyalty.start();
    loyalty.until_ready().await;
    broker.act(servers::RabbitMq::stop).await.unwrap();
    let away = async || loyalty.get("/readyz").await.is_none();
    loyalty.until("it sees that the broker is away", away).await;
    assert!(loyalty.get("/healthz").await.is_some(), "it lives meanwhile");
    broker.act(servers::RabbitMq::restart).await.unwrap();
    loyalty.until_ready().await;
    assert_eq!(loyalty.terminate().await, Some(0), "it said:\n{}", loyalty.said());
    stage.fleet.stop_all().await.unwrap();

    let url = place.vhost_url("none");
    let mut stranger = Participant::new(dir.path(), url, &place.ports).await;
    stranger.start();
    assert_eq!(stranger.ended().await, Some(3));
    let line = stranger.said().lines().last().unwrap().to_owned();
    assert!(line.starts_with("loyalty: ") && line.contains("vhost none not found"), "{line}");
}

#[test]
fn its_readme_gives_the_rights_that_it_runs_with() {
    for body in [RIGHTS.names, RIGHTS.topics] {
        let rights: BTreeMap<String, String> = serde_json::from_str(body).unwrap();
        for (right, expression) in rights {
            assert!(README.contains(&expression), "{right}: {expression}");
        }
    }
}

/// An order as its latest events tell it.
#[derive(Debug, Default)]
struct Worth {
    customer: Option<String>,
    points: u64,
}

/// What the orders are worth: computed from everything that was said, without regard to when.
fn worth(said: &[Value]) -> BTreeMap<String, Worth> {
    let mut latest: BTreeMap<(&str, &str), &Value> = BTreeMap::new();
    for event in said {
        let key = (event["source"].as_str().unwrap(), event["subject"].as_str().unwrap());
        let known = latest.entry(key).or_insert(event);
        if event["sequence"].as_u64() > known["sequence"].as_u64() {
            *known = event;
        }
    }
    let mut orders: BTreeMap<String, Worth> = BTreeMap::new();
    for placed in said.iter().filter(|event| event["type"] == "order-placed") {
        let id = placed["subject"].as_str().unwrap();
        let amounts = |wanted: &str| -> u64 {
            let fact = latest.get(&("/payment", id));
            let milestones = fact.and_then(|fact| fact["data"]["milestones"].as_array());
            let milestones = milestones.into_iter().flatten();
            let such = milestones.filter(|milestone| milestone["type"] == wanted);
            such.filter_map(|milestone| milestone["data"]["amount"]["amount"].as_u64()).sum()
        };
        let paid = amounts("payment-captured").saturating_sub(amounts("payment-refunded"));
        let delivery = latest.get(&("/rider", id)).map(|fact| &fact["data"]["state"]);
        let points = if delivery == Some(&json!("delivered")) { paid / WON } else { 0 };
        let customer = placed["data"]["customer_id"].as_str().map(ToOwned::to_owned);
        orders.insert(id.to_owned(), Worth { customer, points });
    }
    orders
}

/// Waits until it has counted what the orders are worth, and told of it; then each customer has it.
async fn counts(loyalty: &Participant, expected: &BTreeMap<String, Worth>) {
    let with_points = expected.iter().filter(|(_, order)| order.points > 0);
    let with_points: Vec<String> =
        with_points.map(|(id, order)| format!("{id} {}", order.points)).collect();
    let counted = async || {
        let sql = "SELECT order_id || ' ' || points FROM customer_order WHERE points > 0
                   ORDER BY order_id";
        loyalty.column(sql).await == with_points
    };
    loyalty.until("it has counted what the orders are worth", counted).await;
    let sent = async || loyalty.count("SELECT CAST(count(*) AS TEXT) FROM outbox").await == 0;
    loyalty.until("it has told of all of it", sent).await;
    let mut customers: BTreeMap<&str, u64> = BTreeMap::new();
    for order in expected.values() {
        *customers.entry(order.customer.as_deref().unwrap()).or_default() += order.points;
    }
    for (customer, points) in customers {
        let answer = loyalty.get(&format!("/points/{customer}")).await.unwrap();
        assert_eq!(answer["points"], points, "{answer}");
    }
}

/// Of each order that is worth points exactly one award was published, however often it was sent.
fn each_is_told_once(told: &[Value], expected: &BTreeMap<String, Worth>) {
    let mut ids: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for event in told {
        let order = event["subject"].as_str().unwrap();
        assert_eq!(
            event["type"], "points-awarded",
            "nothing that was delivered came back: {event}"
        );
        assert_eq!(event["data"]["points"], expected[order].points, "{event}");
        assert_eq!(event["sequence"], 1, "{event}");
        ids.entry(order).or_default().insert(event["id"].as_str().unwrap());
    }
    for (order, worth) in expected {
        let count = ids.get(order.as_str()).map_or(0, BTreeSet::len);
        assert_eq!(count, usize::from(worth.points > 0), "events about {order}");
    }
}

/// Straight into its queue, since no service says such things: what comes late under another id, what
/// comes again, what nobody can read; a refund after the delivery, which takes the points back.
async fn what_comes_late_twice_or_broken(
    place: &Place,
    loyalty: &Participant,
    expected: &BTreeMap<String, Worth>,
) {
    let (order, worth) = expected.iter().find(|(_, order)| order.points > 0).unwrap();
    let paid = worth.points * WON;
    let at = "2026-05-28T20:26:40.000Z";
    let fact = |kind: &str, sequence: u64, milestones: &[&str]| -> Vec<u8> {
        let milestones = milestones.iter().map(|kind| {
            let amount = json!({ "amount": paid, "currency": "KRW" });
            json!({ "type": kind, "at": at, "data": { "amount": amount } })
        });
        let data = json!({
            "order_id": order, "state": "any", "milestones": milestones.collect::<Vec<_>>(),
        });
        let envelope = json!({
            "specversion": "1.0", "id": place.ports.ids.next(), "type": kind, "source": "/payment",
            "subject": order, "time": at, "dataschema": format!("/schemas/{kind}/1"),
            "sequence": sequence, "data": data,
        });
        envelope.to_string().into_bytes()
    };
    let refunded = ["payment-captured", "payment-refunded"];
    let refund = fact("payment-refunded", 90, &refunded);
    let late = fact("payment-captured", 3, &refunded[..1]);
    for body in [&refund, &late, &refund, &b"nonsense".to_vec()] {
        publish(place, "", QUEUE, body).await;
    }
    // As the broker sends what it has given up.
    publish(place, "expeditor.dead", QUEUE, &refund).await;
    let buried = async || {
        let mut queues = loyalty.column("SELECT queue FROM dead_letter").await;
        queues.sort();
        queues == ["loyalty.dead", QUEUE]
    };
    loyalty.until("what it cannot read and what was given up are dead letters", buried).await;
    let kept = loyalty
        .column("SELECT CAST(payload AS TEXT) FROM dead_letter WHERE queue = 'loyalty.events'")
        .await;
    assert_eq!(kept, ["nonsense"]);
    let sent = async || loyalty.count("SELECT CAST(count(*) AS TEXT) FROM outbox").await == 0;
    loyalty.until("it has told of it", sent).await;
    let told = of_loyalty(events(place).await);
    let told: Vec<_> =
        told.iter().map(|event| (&event["type"], &event["data"]["points"])).collect();
    assert_eq!(told, [(&json!("points-taken-back"), &json!(0))]);
    let customer = worth.customer.as_deref().unwrap();
    let others = expected.values().filter(|it| it.customer == worth.customer).map(|it| it.points);
    let answer = loyalty.get(&format!("/points/{customer}")).await.unwrap();
    assert_eq!(answer["points"], others.sum::<u64>() - worth.points, "{answer}");
}

async fn events(place: &Place) -> Vec<Value> {
    let taken = tap::take(&place.amqp_url).await;
    taken.iter().map(|body| serde_json::from_slice(body).unwrap()).collect()
}

fn of_loyalty(said: Vec<Value>) -> Vec<Value> {
    said.into_iter().filter(|event| event["source"] == "/loyalty").collect()
}

/// How many messages wait in its queue.
async fn waiting(place: &Place) -> u32 {
    let connection = connect(place).await;
    let channel = connection.create_channel().await.unwrap();
    let look = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
    let queue = channel.queue_declare(QUEUE.into(), look, FieldTable::default()).await.unwrap();
    connection.close(200, "OK".into()).await.unwrap();
    queue.message_count()
}

async fn publish(place: &Place, exchange: &str, key: &str, body: &[u8]) {
    let connection = connect(place).await;
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let properties = BasicProperties::default().with_delivery_mode(2);
    let sent = channel
        .basic_publish(exchange.into(), key.into(), options, body, properties)
        .await
        .unwrap();
    assert!(sent.await.unwrap().is_ack());
    connection.close(200, "OK".into()).await.unwrap();
}

async fn connect(place: &Place) -> Connection {
    Connection::connect(&place.amqp_url, ConnectionProperties::default()).await.unwrap()
}

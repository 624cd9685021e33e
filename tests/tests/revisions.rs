//! Orders for later and orders that are changed, over HTTP through all services, each seen to its end
//! and audited: stock and money are those of the order as it was changed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use expeditor::system::Settings;
use serde_json::{Value, json};
use testkit::{App, PRICE, RIDER, STORE, order_body};

const AT_A_TIME: usize = 12;
const RACES: usize = 120;
/// By one of so many parts the rival comes sooner after the change was made, and later after it was
/// not: a hop takes as long as the machine lets it.
const STEP: u64 = 16;

fn settings(set: &Value) -> Settings {
    let orchestrator = serde_json::from_value(set.clone()).unwrap();
    Settings { orchestrator, ..Settings::default() }
}

async fn delivered(app: &App, order: &str) {
    app.cook(order, "start").await;
    app.cook(order, "finish").await;
    for what in ["claim", "pickup", "confirmation"] {
        app.ride(order, what).await;
    }
    app.reaches(order, "delivered").await;
}

async fn paid(app: &App, customer: &str, quantity: u32, token: &str) -> String {
    let order = app.place(customer, quantity, token).await;
    app.reaches(&order, "paid").await;
    app.is_asked(&order).await;
    order
}

async fn held(app: &App, order: &str) -> i64 {
    app.payment(order).await["authorization"]["amount"]["amount"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_order_is_cooked_paid_and_delivered_as_it_was_changed() {
    let app = App::start().await;
    app.open(20, 5).await;
    for (quantity, wanted) in [(2, 5), (5, 2)] {
        let order = paid(&app, "mina", quantity, "tok-ok").await;
        let asked = app.change(&order, wanted).await;
        assert_eq!((asked.status, &asked.body["revision"]["status"]), (202, &json!("pending")));
        assert_eq!(app.decided(&order).await, ("made".to_owned(), Value::Null));
        let sum = PRICE * i64::from(wanted);
        app.until("so much is held", || async { held(&app, &order).await == sum }).await;
        app.answer_ticket(&order, true).await;
        delivered(&app, &order).await;
        let payment = app.payment(&order).await;
        assert_eq!(payment["capture"]["amount"]["amount"], sum);
        assert_eq!(app.order(&order).await["total"]["amount"], sum);
    }
    app.stock_becomes((13, 0, 7)).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn riders_are_sent_to_the_new_address() {
    let app = App::start().await;
    app.open(20, 5).await;
    let order = paid(&app, "mina", 1, "tok-ok").await;
    let body = json!({"address": {"district": "yongsan", "line": "1 Hill Street"}});
    let path = format!("/orders/{order}");
    assert_eq!(app.client().patch(&path, "k", &body).await.status, 202);
    assert_eq!(app.decided(&order).await.0, "made");
    app.answer_ticket(&order, true).await;
    app.cook(&order, "start").await;
    let delivery = format!("/rider/deliveries/{order}");
    app.until("it is offered", || async {
        app.client().get(&delivery).await.body["state"] == "offered"
    })
    .await;
    assert_eq!(app.client().get(&delivery).await.body["address"]["line"], "1 Hill Street");
    app.cook(&order, "finish").await;
    for what in ["claim", "pickup", "confirmation"] {
        app.ride(&order, what).await;
    }
    app.reaches(&order, "delivered").await;
    assert_eq!(app.order(&order).await["rider_id"], RIDER);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_higher_sum_that_is_declined_leaves_the_order_as_it_was() {
    let app = App::start().await;
    app.open(20, 5).await;
    let order = paid(&app, "mina", 2, "tok-limit").await;
    assert_eq!(app.change(&order, 3).await.status, 202);
    assert_eq!(app.decided(&order).await, ("refused".to_owned(), json!("payment_declined")));
    // Less is never declined.
    assert_eq!(app.change(&order, 1).await.status, 202);
    assert_eq!(app.decided(&order).await.0, "made");
    app.answer_ticket(&order, true).await;
    delivered(&app, &order).await;
    app.stock_becomes((19, 0, 1)).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_slow_to_hold_more_lets_the_order_be_accepted_as_it_was() {
    let mut settings = settings(&json!({"deadlines": {"reprice": 0.4}}));
    settings.payment.slow_after = Duration::from_secs(2);
    let app = App::start_with(settings).await;
    app.open(20, 5).await;
    // Its own deadline ends it, and the answer that comes later is reversed.
    let late = paid(&app, "mina", 2, "tok-slow-raise").await;
    assert_eq!(app.change(&late, 3).await.status, 202);
    assert_eq!(app.decided(&late).await, ("refused".to_owned(), json!("payment_timeout")));
    assert_eq!(held(&app, &late).await, 2 * PRICE);
    app.answer_ticket(&late, true).await;
    delivered(&app, &late).await;
    // The acceptance ends it.
    let accepted = paid(&app, "mina", 2, "tok-slow-raise").await;
    assert_eq!(app.change(&accepted, 3).await.status, 202);
    app.answer_ticket(&accepted, true).await;
    app.reaches(&accepted, "accepted").await;
    assert_eq!(app.decided(&accepted).await.0, "refused");
    delivered(&app, &accepted).await;
    // A cancellation ends it, and waits for the gateway as well.
    let cancelled = paid(&app, "mina", 2, "tok-slow-raise").await;
    assert_eq!(app.change(&cancelled, 3).await.status, 202);
    assert_eq!(app.cancel(&cancelled).await.status, 202);
    app.reaches(&cancelled, "cancelled").await;
    assert_eq!(app.payment(&cancelled).await["state"], "voided");
    app.stock_becomes((16, 0, 4)).await;
    app.finish().await;
}

/// A change against what else may happen at the same moment, many times with other offsets. One of
/// the two is first, and everything follows that one; the audit holds all of it against each other.
async fn race(rival: &'static str) {
    let app = App::start().await;
    app.open(10_000, 5).await;
    let (mut made, mut most) = (0, 6_000);
    let mut random = fastrand::Rng::with_seed(18);
    for _ in 0..RACES / AT_A_TIME {
        let races = (0..AT_A_TIME).map(|n| {
            let offset = Duration::from_micros(random.u64(0..most));
            one(&app, rival, n, offset)
        });
        for won in futures_util::future::join_all(races).await {
            made += usize::from(won);
            let step = most / STEP;
            most = if won { most - step } else { most + step };
        }
    }
    assert!(made > 0 && made < RACES, "either is first at some time: {made} of {RACES}");
    app.finish().await;
}

async fn one(app: &App, rival: &str, n: usize, offset: Duration) -> bool {
    let order = paid(app, &format!("customer-{n}"), 2, "tok-ok").await;
    let meet = async {
        app.later(offset).await;
        let path = format!("/store/tickets/{order}/acceptance");
        match rival {
            "cancel" => app.cancel(&order).await,
            "accept" => app.client().put(&path, &json!({"accepted": true})).await,
            _ => app.client().put(&path, &json!({"accepted": false})).await,
        }
    };
    let (asked, met) = tokio::join!(app.change(&order, 3), meet);
    assert!(met.status < 300, "{met:?}");
    if rival == "accept" {
        app.reaches(&order, "accepted").await;
    } else {
        app.reaches(&order, "cancelled").await;
    }
    if asked.status == 409 {
        assert!(["order-cancelled", "already-accepted"].contains(&asked.slug()), "{asked:?}");
        return false;
    }
    assert_eq!(asked.status, 202, "{asked:?}");
    let (status, reason) = app.decided(&order).await;
    let quantity = &app.order(&order).await["items"][0]["quantity"];
    let expected = if rival == "accept" { "already_accepted" } else { "order_cancelled" };
    if status == "made" {
        assert_eq!((quantity, &reason), (&json!(3), &Value::Null));
    } else {
        assert_eq!((quantity, &reason), (&json!(2), &json!(expected)));
    }
    if rival == "accept" {
        // The kitchen is asked for what the owner has accepted, and that is reserved.
        let path = format!("/cook/tickets/{order}");
        app.until("the kitchen has it", || async {
            app.client().get(&path).await.body["state"] == "queued"
        })
        .await;
        let kitchen = app.client().get(&path).await.body["items"][0]["quantity"].clone();
        assert_eq!(kitchen, *quantity);
    }
    status == "made"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_against_an_acceptance() {
    race("accept").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_against_a_rejection() {
    race("reject").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_against_a_cancellation() {
    race("cancel").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_changes_at_once_one_is_taken() {
    let app = App::start().await;
    app.open(100, 5).await;
    let order = paid(&app, "mina", 1, "tok-slow-raise").await;
    let answers = futures_util::future::join_all((2..8).map(|it| app.change(&order, it))).await;
    let taken = answers.iter().filter(|answer| answer.status == 202).count();
    assert_eq!(taken, 1);
    assert!(answers.iter().filter(|it| it.status != 202).all(|it| it.slug() == "revision-pending"));
    // And the same one twice is one.
    let order = paid(&app, "sora", 1, "tok-ok").await;
    let body = json!({"items": [{"menu_id": testkit::DISH, "quantity": 4}]});
    let path = format!("/orders/{order}");
    let press = || app.client().patch(&path, "same", &body);
    let (one, other) = tokio::join!(press(), press());
    assert_eq!((one.status, other.status), (202, 202));
    assert_eq!(one.body, other.body);
    let replayed = |it: &testkit::Answer| it.header("idempotent-replayed") == "true";
    assert!(replayed(&one) != replayed(&other));
    assert_eq!(app.decided(&order).await.0, "made");
    assert_eq!(app.order(&order).await["revision"]["number"], 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_for_later_starts_in_its_time_and_through_a_restart() {
    let soon = json!({"schedule": {"earliest": 0.001}});
    let app = App::start_with(settings(&soon)).await;
    app.open(20, 5).await;
    let place = async |customer: &str, ahead: u64| {
        let mut body = order_body(customer, 2, "tok-ok");
        body["for"] = json!(app.ports().now().plus(Duration::from_millis(ahead)));
        let answer = app.client().post("/orders", "k", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.body["status"], "scheduled");
        answer.body["order_id"].as_str().unwrap().to_owned()
    };
    let at_once = place("mina", 600).await;
    let changed = place("sora", 3_000).await;
    let cancelled = place("hana", 3_600_000).await;
    let overslept = place("dana", 1_000).await;
    assert_eq!(app.change(&changed, 3).await.status, 200);
    assert_eq!(app.cancel(&cancelled).await.body["status"], "cancelled");
    app.reaches(&at_once, "paid").await;
    // It stops before the time of the others, or after it: they start when it is there again.
    let app = app.restart(settings(&soon)).await;
    for (order, sum) in [(&at_once, 2), (&changed, 3), (&overslept, 2)] {
        app.reaches(order, "paid").await;
        assert_eq!(held(&app, order).await, PRICE * sum);
        app.answer_ticket(order, true).await;
        delivered(&app, order).await;
    }
    assert_eq!(app.order(&cancelled).await["reason"], "customer_cancelled");
    app.stock_becomes((13, 0, 7)).await;
    let tickets = app.client().get(&format!("/store/stores/{STORE}/tickets")).await;
    assert!(!tickets.body.to_string().contains(&cancelled), "nobody ever heard of it");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_an_order_for_later_has_bounds() {
    let app = App::start().await;
    app.open(20, 5).await;
    let now = app.ports().now();
    let day = 86_400;
    for (at, fine) in [
        (now.plus(Duration::from_secs(600)), true),
        (now.plus(Duration::from_secs(13 * day)), true),
        (now.plus(Duration::from_secs(60)), false),
        (now.plus(Duration::from_secs(15 * day)), false),
        (now.minus(Duration::from_secs(60)), false),
    ] {
        let mut body = order_body("mina", 1, "tok-ok");
        body["for"] = json!(at);
        let answer = app.client().post("/orders", &format!("k-{at}"), &body).await;
        let expected = if fine { (201, Vec::new()) } else { (422, vec!["for"]) };
        assert_eq!((answer.status, answer.wrong_fields()), expected, "{at}");
    }
    app.finish().await;
}

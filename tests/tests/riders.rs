//! What becomes of a delivery until somebody brings it: given back and offered again, offered to
//! more riders, put before an operator. Over HTTP, each with an audit in the end.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use expeditor::system::Settings;
use serde_json::{Value, json};
use testkit::{App, NEXT, RIDER};

/// For a rider to be found: short enough to wait for.
const SHORT: Duration = Duration::from_millis(400);
/// A rider of the district beside.
const FAR: &str = "sora";

async fn impatient() -> App {
    let mut settings = Settings::default();
    settings.orchestrator.deadlines.assign = Some(SHORT);
    let app = App::start_with(settings).await;
    app.open(10, 3).await;
    app.hire_in(NEXT, FAR, 3).await;
    app
}

/// What a rider does, until it is taken.
async fn ride(app: &App, rider: &str, order: &str, what: &str) {
    let path = format!("/rider/deliveries/{order}/{what}");
    app.insist(&path, json!({"rider_id": rider})).await;
}

/// The order's sagas that an operator should look at.
async fn stalled(app: &App, order: &str) -> Vec<Value> {
    let path = format!("/operator/sagas?stalled=true&q={order}");
    app.client().get(&path).await.body["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_finds_nobody_is_widened_and_a_neighbour_delivers() {
    let app = impatient().await;
    let order = app.place_and_start_cooking("mina", 2).await;
    // Nobody near takes it.
    app.until("it is offered beside", || async { !app.offers(FAR).await.is_empty() }).await;
    let offers = app.offers(FAR).await;
    assert_eq!((offers.len(), &offers[0]["order_id"]), (1, &json!(order)));
    assert_eq!(offers[0]["state"], "offered_wide");
    assert_eq!(offers[0]["address"]["district"], testkit::DISTRICT);
    assert_eq!(app.offers(RIDER).await.len(), 1, "it stays on offer near");
    ride(&app, FAR, &order, "claim").await;
    assert!(app.offers(RIDER).await.is_empty());
    app.cook(&order, "finish").await;
    for what in ["pickup", "confirmation"] {
        ride(&app, FAR, &order, what).await;
    }
    app.reaches(&order, "delivered").await;
    assert_eq!(app.order(&order).await["rider_id"], FAR);
    app.is_shown(&order, "delivered").await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_stays_without_a_rider_is_put_before_an_operator_until_there_is_one() {
    let app = impatient().await;
    let order = app.place_and_start_cooking("mina", 1).await;
    // The cook is waited for longer, but is not late.
    app.until("the saga is flagged", || async { !stalled(&app, &order).await.is_empty() }).await;
    let row = &stalled(&app, &order).await[0];
    assert_eq!((&row["status"], &row["order_id"]), (&json!("running"), &json!(order)));
    assert_eq!(row["waiting_on"], "assign", "{row:#}");
    assert_eq!(app.offers(FAR).await[0]["state"], "offered_wide", "it was widened before");
    assert_eq!(app.order(&order).await["status"], "cooking", "a slow rider is no error");
    app.cook(&order, "finish").await;
    app.ride(&order, "claim").await;
    app.until("the flag is taken off", || async { stalled(&app, &order).await.is_empty() }).await;
    for what in ["pickup", "confirmation"] {
        app.ride(&order, what).await;
    }
    app.reaches(&order, "delivered").await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_back_is_offered_again_and_searched_for_anew() {
    let app = impatient().await;
    let order = app.place_and_start_cooking("mina", 1).await;
    app.ride(&order, "claim").await;
    let path = format!("/rider/deliveries/{order}");
    let claimed = app.client().get(&path).await.body;
    app.until("the order names its rider", || async {
        app.order(&order).await["rider_id"] == RIDER
    })
    .await;
    app.ride(&order, "release").await;
    app.until("the order names no rider", || async {
        app.order(&order).await["rider_id"].is_null()
    })
    .await;
    assert_eq!(app.offers(RIDER).await.len(), 1, "{claimed:#}");
    // The deadline began anew, so it runs out again where nobody takes it.
    app.until("it is offered beside", || async { !app.offers(FAR).await.is_empty() }).await;
    ride(&app, FAR, &order, "claim").await;
    app.cook(&order, "finish").await;
    ride(&app, FAR, &order, "pickup").await;
    ride(&app, FAR, &order, "return").await;
    app.reaches(&order, "returned").await;
    assert_eq!(app.payment(&order).await["state"], "refunded");
    app.stock_becomes((10, 0, 0)).await;
    let shown = app.is_shown(&order, "returned").await;
    assert_eq!(shown["delivery"]["latest"], "delivery-returned");
    app.finish().await;
}

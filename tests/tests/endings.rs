//! One scenario over HTTP for every way in which an order ends. Each ends with an audit of
//! everything that was stored.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use expeditor::system::Settings;
use orchestrator::settings::Deadlines;
use serde_json::json;
use testkit::{App, RIDER};

/// Short enough to wait for. Each scenario shortens the one deadline that passes in it, so that a
/// loaded machine cannot let another one pass before.
const SHORT: Duration = Duration::from_millis(400);

/// The gateway answers long after that.
const LONG: Duration = Duration::from_secs(6);

fn with_deadlines(set: impl FnOnce(&mut Deadlines)) -> Settings {
    let mut settings = Settings::default();
    set(&mut settings.orchestrator.deadlines);
    settings.payment.slow_after = LONG;
    settings
}

#[tokio::test(flavor = "multi_thread")]
async fn delivered() {
    let app = App::start().await;
    app.open(10, 3).await;
    let order = app.place("mina", 2, "tok-ok").await;
    app.reaches(&order, "paid").await;
    assert_eq!(app.payment(&order).await["state"], "authorized");
    app.stock_becomes((10, 0, 0)).await;
    app.answer_ticket(&order, true).await;
    app.reaches(&order, "accepted").await;
    app.stock_becomes((8, 2, 0)).await;
    app.cook(&order, "start").await;
    app.reaches(&order, "cooking").await;
    app.ride(&order, "claim").await;
    let path = format!("/rider/deliveries/{order}/pickup");
    let early = app.client().put(&path, &json!({"rider_id": RIDER})).await;
    assert_eq!((early.status, early.slug()), (409, "food-not-ready"));
    app.cook(&order, "finish").await;
    app.reaches(&order, "cooked").await;
    app.ride(&order, "pickup").await;
    app.reaches(&order, "on_the_way").await;
    app.ride(&order, "confirmation").await;
    app.reaches(&order, "delivered").await;
    app.stock_becomes((8, 0, 2)).await;
    assert_eq!(app.payment(&order).await["state"], "captured");
    let told = app.order(&order).await;
    assert_eq!((&told["rider_id"], &told["reason"]), (&json!(RIDER), &json!(null)));
    assert_eq!(told["cancellable"], json!(false));
    let shown = app.is_shown(&order, "delivered").await;
    for (part, latest) in [
        ("payment", "payment-captured"),
        ("acceptance", "stock-settled"),
        ("cooking", "cook-finished"),
        ("delivery", "delivery-confirmed"),
    ] {
        app.until(latest, || async { app.part(&order, part).await == latest }).await;
    }
    assert_eq!(shown["delivery"]["rider_id"], RIDER);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_by_the_store() {
    let app = App::start().await;
    app.open(10, 3).await;
    let order = app.place("mina", 2, "tok-ok").await;
    app.answer_ticket(&order, false).await;
    app.reaches(&order, "cancelled").await;
    assert_eq!(app.order(&order).await["reason"], "store_rejected");
    assert_eq!(app.payment(&order).await["state"], "voided");
    app.stock_becomes((10, 0, 0)).await;
    app.is_shown(&order, "cancelled").await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn declined_by_the_payment_gateway() {
    let app = App::start().await;
    app.open(10, 3).await;
    let order = app.place("mina", 2, "tok-declined").await;
    app.reaches(&order, "cancelled").await;
    assert_eq!(app.order(&order).await["reason"], "payment_declined");
    let ticket = format!("/store/tickets/{order}/acceptance");
    assert_eq!(app.client().put(&ticket, &json!({"accepted": true})).await.status, 404);
    let shown = app.is_shown(&order, "cancelled").await;
    assert_eq!(shown["payment"]["latest"], "payment-declined");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn declined_by_the_kitchen() {
    let app = App::start().await;
    app.open(10, 3).await;
    let order = app.place("mina", 2, "tok-ok").await;
    app.answer_ticket(&order, true).await;
    app.cook(&order, "decline").await;
    app.reaches(&order, "cancelled").await;
    assert_eq!(app.order(&order).await["reason"], "kitchen_declined");
    assert_eq!(app.payment(&order).await["state"], "voided");
    app.stock_becomes((10, 0, 0)).await;
    let shown = app.is_shown(&order, "cancelled").await;
    assert_eq!(shown["cooking"]["milestones"][0]["data"]["reason"], "no gas");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_in_time() {
    let app = App::start().await;
    app.open(10, 3).await;
    let order = app.place("mina", 2, "tok-ok").await;
    app.answer_ticket(&order, true).await;
    app.reaches(&order, "accepted").await;
    let answer = app.cancel(&order).await;
    assert_eq!((answer.status, &answer.body["status"]), (202, &json!("cancelling")));
    app.reaches(&order, "cancelled").await;
    assert_eq!(app.order(&order).await["reason"], "customer_cancelled");
    assert_eq!(app.cancel(&order).await.status, 200, "said again, it is so already");
    assert_eq!(app.payment(&order).await["state"], "voided");
    app.stock_becomes((10, 0, 0)).await;
    let start = app.client().put(&format!("/cook/tickets/{order}/start"), &json!({})).await;
    assert_eq!(start.status, 409);
    app.is_shown(&order, "cancelled").await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_too_late() {
    let app = App::start().await;
    app.open(10, 3).await;
    let order = app.place_and_start_cooking("mina", 2).await;
    let answer = app.cancel(&order).await;
    assert_eq!((answer.status, answer.slug()), (409, "cooking-started"));
    assert_eq!(app.order(&order).await["cancellation"], "refused");
    app.cook(&order, "finish").await;
    for what in ["claim", "pickup", "confirmation"] {
        app.ride(&order, what).await;
    }
    app.reaches(&order, "delivered").await;
    app.stock_becomes((8, 0, 2)).await;
    let shown = app.is_shown(&order, "delivered").await;
    assert_eq!(shown["cancellation"], "refused");
    app.finish().await;
}

/// Waits until the order is cancelled for that reason: nothing is held, nothing is taken.
async fn times_out(app: App, order: &str, reason: &str) {
    app.reaches(order, "cancelled").await;
    assert_eq!(app.order(order).await["reason"], reason);
    assert_eq!(app.payment(order).await["state"], "voided");
    app.stock_becomes((10, 0, 0)).await;
    app.is_shown(order, "cancelled").await;
    app.finish().await;
}

/// The gateway answers after the deadline: the void waits for it and reverses what it says.
#[tokio::test(flavor = "multi_thread")]
async fn timed_out_by_the_payment_gateway() {
    let app = App::start_with(with_deadlines(|it| it.pay = Some(SHORT))).await;
    app.open(10, 3).await;
    let order = app.place("mina", 1, "tok-slow").await;
    times_out(app, &order, "payment_timeout").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn timed_out_by_the_store() {
    let app = App::start_with(with_deadlines(|it| it.accept = Some(SHORT))).await;
    app.open(10, 3).await;
    let order = app.place("mina", 1, "tok-ok").await;
    times_out(app, &order, "store_timeout").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn timed_out_by_the_kitchen() {
    let app = App::start_with(with_deadlines(|it| it.cook_start = Some(SHORT))).await;
    app.open(10, 3).await;
    let order = app.place("mina", 1, "tok-ok").await;
    app.answer_ticket(&order, true).await;
    times_out(app, &order, "kitchen_timeout").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn returned_on_the_way() {
    let app = App::start().await;
    app.open(10, 3).await;
    let order = app.place_and_start_cooking("mina", 2).await;
    app.cook(&order, "finish").await;
    for what in ["claim", "pickup", "return"] {
        app.ride(&order, what).await;
    }
    app.reaches(&order, "returned").await;
    assert_eq!(app.order(&order).await["reason"], "delivery_returned");
    assert_eq!(app.payment(&order).await["state"], "refunded");
    app.stock_becomes((10, 0, 0)).await;
    app.is_shown(&order, "returned").await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn released_and_delivered_by_another_rider() {
    let app = App::start().await;
    app.open(10, 1).await;
    app.hire("second", 1).await;
    let order = app.place_and_start_cooking("mina", 1).await;
    app.ride(&order, "claim").await;
    let path = |what: &str| format!("/rider/deliveries/{order}/{what}");
    let taken = app.client().put(&path("claim"), &json!({"rider_id": "second"})).await;
    assert_eq!((taken.status, taken.slug()), (409, "claimed"));
    app.ride(&order, "release").await;
    app.insist(&path("claim"), json!({"rider_id": "second"})).await;
    app.cook(&order, "finish").await;
    app.insist(&path("pickup"), json!({"rider_id": "second"})).await;
    let late = app.client().put(&path("release"), &json!({"rider_id": "second"})).await;
    assert_eq!((late.status, late.slug()), (409, "already-picked"));
    app.insist(&path("confirmation"), json!({"rider_id": "second"})).await;
    app.reaches(&order, "delivered").await;
    assert_eq!(app.order(&order).await["rider_id"], "second");
    let shown = app.is_shown(&order, "delivered").await;
    assert_eq!(shown["delivery"]["rider_id"], "second");
    app.finish().await;
}

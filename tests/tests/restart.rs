//! A stop in the middle of orders and a start on the same directory: every order goes on where it
//! was and ends, and the clients' keys still know their orders.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use expeditor::system::Settings;
use testkit::{App, order_body};

#[tokio::test(flavor = "multi_thread")]
async fn orders_go_on_where_they_were_when_it_was_stopped() {
    let app = App::start().await;
    app.open(20, 5).await;
    let cooking = app.place_and_start_cooking("mina", 1).await;
    let carried = app.place_and_start_cooking("sora", 1).await;
    app.ride(&carried, "claim").await;
    app.cook(&carried, "finish").await;
    app.ride(&carried, "pickup").await;
    let accepted = app.place("juno", 1, "tok-ok").await;
    app.answer_ticket(&accepted, true).await;
    let called_off = app.place("hana", 1, "tok-ok").await;
    app.answer_ticket(&called_off, true).await;
    assert_eq!(app.cancel(&called_off).await.status, 202);
    let body = order_body("dana", 1, "tok-ok");
    let placed = app.client().post("/orders", "k1", &body).await;
    assert_eq!(placed.status, 201);
    let placed = placed.body["order_id"].as_str().unwrap().to_owned();

    // What these have just led to is still on its way.
    let app = app.restart(Settings::default()).await;
    let again = app.client().post("/orders", "k1", &body).await;
    assert_eq!(again.body["order_id"], placed.as_str(), "the key is known");

    app.reaches(&called_off, "cancelled").await;
    assert_eq!(app.payment(&called_off).await["state"], "voided");
    app.ride(&carried, "confirmation").await;
    app.cook(&accepted, "start").await;
    app.answer_ticket(&placed, true).await;
    app.cook(&placed, "start").await;
    for order in [&cooking, &accepted, &placed] {
        app.cook(order, "finish").await;
        for what in ["claim", "pickup", "confirmation"] {
            app.ride(order, what).await;
        }
    }
    for order in [&cooking, &carried, &accepted, &placed] {
        app.reaches(order, "delivered").await;
    }
    app.stock_becomes((16, 0, 4)).await;
    app.finish().await;
}

//! What people are told of an order on its way through the whole system, and in which language.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};
use testkit::{App, RIDER, STORE};

/// What somebody was told of the order, once the message by that template was sent.
async fn told(app: &App, order: &str, kind: &str, last: &str) -> Vec<Value> {
    let path = format!("/notification/orders/{order}");
    let messages = async || {
        let list = app.client().get(&path).await.body;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().filter(|it| it["recipient"]["kind"] == kind).collect::<Vec<_>>()
    };
    app.until(&format!("{kind} is told {last}"), || async {
        messages().await.iter().any(|it| it["template"] == last && it["state"] == "sent")
    })
    .await;
    // What has happened last may be on its way.
    app.drained().await;
    let messages = messages().await;
    assert!(messages.iter().all(|it| it["attempts"] == 1), "{messages:#?}");
    messages
}

fn templates(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|it| it["template"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn customer_store_and_rider_are_told_what_concerns_them() {
    let app = App::start().await;
    app.open(10, 3).await;
    let path = "/notification/recipients/customer/mina";
    assert_eq!(app.client().put(path, &json!({"language": "en"})).await.status, 200);
    let order = app.place("mina", 2, "tok-ok").await;
    let store = told(&app, &order, "store", "new-order").await;
    app.answer_ticket(&order, true).await;
    app.cook(&order, "start").await;
    let riders = told(&app, &order, "rider", "delivery-offered").await;
    app.ride(&order, "claim").await;
    app.cook(&order, "finish").await;
    app.ride(&order, "pickup").await;
    app.ride(&order, "confirmation").await;
    app.reaches(&order, "delivered").await;
    let customer = told(&app, &order, "customer", "order-delivered").await;
    assert_eq!(
        templates(&customer),
        [
            "order-placed",
            "order-paid",
            "order-accepted",
            "order-cooking",
            "order-cooked",
            "order-on-the-way",
            "order-delivered",
        ]
    );
    let text = |message: &Value| message["text"].as_str().unwrap().to_owned();
    let expected =
        format!("We have your order.\nWhat: Cold noodles\nTotal: KRW 19,000\nOrder: {order}");
    assert_eq!(text(&customer[0]), expected);
    assert_eq!((&store[0]["recipient"]["id"], store.len()), (&json!(STORE), 1));
    assert!(text(&store[0]).contains("19,000원"), "{store:?}");
    assert_eq!((&riders[0]["recipient"]["id"], riders.len()), (&json!(RIDER), 1));
    assert!(text(&riders[0]).contains("12 Wausan-ro"), "{riders:?}");
    app.finish().await;
}

#[tokio::test]
async fn a_customer_is_told_why_an_order_does_not_come() {
    let app = App::start().await;
    app.open(10, 3).await;
    let declined = app.place("mina", 1, "tok-declined").await;
    let rejected = app.place("yuna", 1, "tok-ok").await;
    app.is_asked(&rejected).await;
    app.answer_ticket(&rejected, false).await;
    for (order, all, why) in [
        (&declined, &["order-placed", "order-cancelling", "order-cancelled"][..], "결제가 거절됨"),
        (
            &rejected,
            &["order-placed", "order-paid", "order-cancelling", "order-cancelled"],
            "가게 사정",
        ),
    ] {
        let customer = told(&app, order, "customer", "order-cancelled").await;
        assert_eq!(templates(&customer), all);
        let text = customer.last().unwrap()["text"].as_str().unwrap();
        assert!(text.contains(why), "{text}");
    }
    app.finish().await;
}

#[tokio::test]
async fn after_a_restart_nobody_is_told_again() {
    let app = App::start().await;
    app.open(10, 3).await;
    let order = app.place_and_start_cooking("mina", 1).await;
    let before = told(&app, &order, "customer", "order-cooking").await;
    let app = app.restart(expeditor::system::Settings::default()).await;
    app.cook(&order, "finish").await;
    let after = told(&app, &order, "customer", "order-cooked").await;
    assert_eq!(after[..before.len()], before);
    assert_eq!(after.len(), before.len() + 1);
    app.cancel(&order).await;
    app.stop().await;
}

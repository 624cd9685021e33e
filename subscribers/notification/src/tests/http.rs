//! Notification over HTTP, on the real path and database.

use std::{sync::Arc, time::Duration};

use contracts::MessageId;
use serde_json::{Value, json};

use super::{
    builders::{named, order, story},
    rig::{Rig, hasty},
};
use crate::{channel::Log, message, recipient::Recipient};

fn all<'a>(messages: &'a [Value], field: &str) -> Vec<&'a str> {
    messages.iter().map(|it| it[field].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_orders_messages_are_listed_in_order_with_what_became_of_them() {
    let rig = Rig::start(hasty()).await;
    rig.tell_all("o1", "c1", named("delivered")).await;
    let messages = rig.messages("o1").await;
    assert_eq!(
        all(&messages, "template"),
        [
            "order-placed",
            "order-paid",
            "new-order",
            "order-accepted",
            "order-cooking",
            "delivery-offered",
            "delivery-offered",
            "delivery-offered",
            "delivery-offered",
            "order-cooked",
            "cancellation-refused",
            "order-on-the-way",
            "order-delivered",
        ]
    );
    assert!(all(&messages, "state").iter().all(|state| *state == "pending"));
    assert_eq!(messages[0]["recipient"], json!({"kind": "customer", "id": "c1"}));
    assert_eq!(messages[2]["recipient"], json!({"kind": "store", "id": "s1"}));
    assert_eq!(messages[6]["recipient"], json!({"kind": "rider", "id": "r2"}));
    let key = message::key(
        &order(),
        "placed",
        &Recipient::from(&"c1".parse::<contracts::CustomerId>().unwrap()),
    );
    assert_eq!(messages[0]["key"], key.to_string());
    let sender = rig.send(Arc::new(Log::Debug), Duration::from_secs(20));
    rig.until(&["o1"], "all are sent", |it| it["state"] == "sent").await;
    let sent = rig.messages("o1").await;
    assert!(sent.iter().all(|it| it["attempts"] == 1 && it["sent_at"].is_string()));
    assert_eq!(rig.metric("sent_total"), sent.len().to_string());
    let (_, page) = rig.get("/notification/orders/o1?limit=10").await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let (_, rest) = rig.get(&format!("/notification/orders/o1?cursor={cursor}")).await;
    assert_eq!(rest["items"], Value::from(&sent[10..]));
    sender.stop().await;
}

#[tokio::test]
async fn an_event_that_comes_again_sends_nothing_twice() {
    let rig = Rig::start(hasty()).await;
    let told: Vec<_> = story(&order(), "c1", named("returned"))
        .into_iter()
        .map(|told| (told, MessageId(rig.ports.ids.next())))
        .collect();
    for (told, id) in &told {
        rig.tell_as(told, *id).await;
    }
    let before = rig.messages("o1").await;
    assert_eq!(before.iter().filter(|it| it["recipient"]["kind"] == "customer").count(), 8);
    for (told, id) in &told {
        rig.tell_as(told, *id).await;
        // As a message of its own: a relay may send a fact again under another id.
        rig.tell(told).await;
    }
    assert_eq!(rig.messages("o1").await, before);
}

#[tokio::test]
async fn each_is_told_in_the_language_that_was_chosen_from_then_on() {
    let rig = Rig::start(hasty()).await;
    let path = "/notification/recipients/customer/c1";
    let told = story(&order(), "c1", named("delivered"));
    rig.tell(&told[0]).await;
    for _ in 0..2 {
        let answer = rig.ask("PUT", path, r#"{"language":"en"}"#).await;
        assert_eq!(answer, (200, json!({"kind": "customer", "id": "c1", "language": "en"})));
    }
    for told in &told[1..] {
        rig.tell(told).await;
    }
    let messages = rig.messages("o1").await;
    let customers: Vec<Value> =
        messages.iter().filter(|it| it["recipient"]["kind"] == "customer").cloned().collect();
    assert_eq!(all(&customers, "language")[..3], ["ko", "en", "en"]);
    assert!(customers[0]["text"].as_str().unwrap().contains("19,000원"));
    assert!(customers[2]["text"].as_str().unwrap().contains("has accepted"));
    assert!(messages.iter().any(|it| it["recipient"]["kind"] == "rider" && it["language"] == "ko"));
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused() {
    let rig = Rig::start(hasty()).await;
    for (method, path, body, status) in [
        ("GET", "/notification/orders/o%201", "", 422),
        ("GET", "/notification/orders/o1?limit=0", "", 422),
        ("GET", "/notification/orders/nobody", "", 404),
        ("PUT", "/notification/recipients/customer/c1", r#"{"language":"fr"}"#, 422),
        ("PUT", "/notification/recipients/customer/c1", r#"{"language":"ko","x":1}"#, 422),
        ("PUT", "/notification/recipients/store/s%201", r#"{"language":"ko"}"#, 422),
        ("PUT", "/notification/recipients/cook/k1", r#"{"language":"ko"}"#, 404),
        ("PUT", "/notification/recipients/rider/r1", "", 400),
    ] {
        assert_eq!(rig.ask(method, path, body).await.0, status, "{method} {path} {body}");
    }
    let put = rig.ask("PUT", "/notification/recipients/rider/r1", r#"{"language":"en"}"#).await;
    assert_eq!(put.0, 200);
}

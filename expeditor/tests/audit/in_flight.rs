//! The audit beside a running system in which an order stands still at one stage after another: a
//! person who takes their time is no violation.

use std::{path::Path, time::Duration};

use expeditor::{
    audit::Knowledge,
    people::client::{Answer, Client},
    system::{Settings, System},
};
use runtime::ports::Ports;
use serde_json::{Value, json};

use crate::world::{assert_holds, look};

#[tokio::test]
async fn an_order_that_waits_for_somebody_is_in_flight_and_no_violation() {
    let dir = tempfile::tempdir().unwrap();
    let anywhere = ([127, 0, 0, 1], 0).into();
    let system =
        System::start(dir.path(), anywhere, Settings::default(), Ports::system()).await.unwrap();
    let client = system.client(Duration::from_secs(10));
    let price = json!({ "amount": 9_500, "currency": "KRW" });
    let dish = json!({ "name": "Bibimbap", "price": price, "stock": 10 });
    put(&client, "/store/stores/s1/menu/m1", &dish).await;
    put(&client, "/rider/districts/mapo", &json!({ "neighbours": [] })).await;
    let shift = json!({ "district": "mapo", "on_duty": true });
    put(&client, "/rider/riders/r1", &shift).await;
    let order = place(&client, "key-1").await;

    let accepted = json!({ "accepted": true });
    let rider = json!({ "rider_id": "r1" });
    let nothing = json!({});
    let stages = [
        ("paid", format!("/store/tickets/{order}/acceptance"), &accepted),
        ("accepted", format!("/cook/tickets/{order}/start"), &nothing),
        ("cooking", format!("/rider/deliveries/{order}/claim"), &rider),
        ("cooking", format!("/cook/tickets/{order}/finish"), &nothing),
        ("cooked", format!("/rider/deliveries/{order}/pickup"), &rider),
        ("on_the_way", format!("/rider/deliveries/{order}/confirmation"), &rider),
    ];
    for (status, act, body) in stages {
        wait(&client, &order, status).await;
        assert_eq!(open_orders(dir.path()).await, 1, "{status}");
        put(&client, &act, body).await;
    }
    wait(&client, &order, "delivered").await;
    let path = "/operator/sagas?status=completed";
    until(&client, path, |answer| {
        answer.body["items"].as_array().is_some_and(|all| all.len() == 1)
    })
    .await;
    assert_eq!(open_orders(dir.path()).await, 0);
    system.stop().await;
}

/// Audits; answers how many orders have not ended.
async fn open_orders(data: &Path) -> u64 {
    let report = look(data, &Knowledge::default()).await;
    assert_holds(&report, "an order waits for somebody");
    report.finding(3).unwrap().in_flight
}

pub(crate) async fn place(client: &Client, key: &str) -> String {
    let body = json!({
        "customer_id": "c1",
        "store_id": "s1",
        "items": [{ "menu_id": "m1", "quantity": 2 }],
        "address": { "district": "mapo", "line": "1 Market Street" },
        "payment": { "token": "tok-ok" },
    });
    let seen = |answer: &Answer| answer.body["items"].as_array().is_some_and(|all| !all.is_empty());
    until(client, "/catalog/stores/s1", seen).await;
    let answer = client.post("/orders", &body, key).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.brief());
    answer.text("order_id").to_owned()
}

/// Puts it, again while the participant has not heard of the order yet.
pub(crate) async fn put(client: &Client, path: &str, body: &Value) {
    let mut answer = client.put(path, body).await.unwrap();
    for _ in 0..200 {
        if answer.ok() {
            return;
        }
        client.ports().clock.sleep(Duration::from_millis(50)).await;
        answer = client.put(path, body).await.unwrap();
    }
    panic!("PUT {path} was answered {}", answer.brief());
}

pub(crate) async fn wait(client: &Client, order: &str, status: &str) {
    until(client, &format!("/orders/{order}"), |answer| answer.text("status") == status).await;
}

/// Waits until it is there.
pub(crate) async fn seen(client: &Client, path: &str) {
    until(client, path, Answer::ok).await;
}

async fn until(client: &Client, path: &str, fits: impl Fn(&Answer) -> bool) {
    for _ in 0..200 {
        if fits(&client.get(path).await.unwrap()) {
            return;
        }
        client.ports().clock.sleep(Duration::from_millis(50)).await;
    }
    panic!("GET {path} did not come to what was waited for");
}

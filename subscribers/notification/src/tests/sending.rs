//! Sending to a receiver that fails, stalls, closes connections, goes away and comes back: it gets
//! each message at least once, in order, with one key each, and nobody waits for another's trouble.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{
    builders::named,
    receiver::{Book, Do, Receiver},
    rig::{LOOK_AGAIN, Rig, hasty},
};
use crate::{Retry, Settings};

const TIMEOUT: Duration = Duration::from_millis(200);
const MARGIN: Duration = Duration::from_secs(20);

/// Everybody's messages by recipient, in the order in which they were queued: one customer an
/// order, so that a customer's are those of the order.
fn customers(messages: &[Value]) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<String, Vec<String>>::new();
    for message in messages.iter().filter(|it| it["recipient"]["kind"] == "customer") {
        let id = message["recipient"]["id"].as_str().unwrap();
        let key = message["key"].as_str().unwrap().to_owned();
        all.entry(format!("customer:{id}")).or_default().push(key);
    }
    all
}

/// Holds what came against what was to be said.
fn in_order(book: &Book, expected: &BTreeMap<String, Vec<String>>) {
    assert_eq!(book.broken, Vec::<String>::new());
    for (recipient, keys) in expected {
        assert_eq!(&book.first_seen(recipient), keys, "{recipient}");
        // What is taken again is the last one: its answer was lost.
        let mut taken = book.taken[recipient].clone();
        taken.dedup();
        assert_eq!(&taken, keys, "{recipient}");
    }
}

#[tokio::test]
async fn each_message_arrives_at_least_once_in_order_with_one_key_whatever_the_receiver_does() {
    let rig = Rig::start(hasty()).await;
    let mut turn = 0_usize;
    let misbehave = move |_: &_| {
        turn += 1;
        match turn % 9 {
            1 => Do::Answer(500),
            3 => Do::Close,
            5 => Do::Answer(429),
            7 => Do::Answer(503),
            8 if turn < 60 => Do::Stall,
            _ => Do::Answer(200),
        }
    };
    let receiver = Receiver::start(misbehave).await;
    let sender = rig.send(receiver.webhook(TIMEOUT), MARGIN);
    let orders = ["o0", "o1", "o2", "o3", "o4", "o5"];
    for order in &orders[..3] {
        rig.tell_all(order, &order.replace('o', "c"), named("delivered")).await;
    }
    receiver.until("some are taken", |book| book.taken.len() > 2).await;
    // It is gone, with requests in hand, and comes back on the same port.
    receiver.go_away();
    for order in &orders[3..] {
        rig.tell_all(order, &order.replace('o', "c"), named("returned")).await;
    }
    for _ in 0..500 {
        if rig.is_away() {
            break;
        }
        rig.ports.clock.sleep(LOOK_AGAIN).await;
    }
    assert!(rig.is_away(), "nobody is there");
    receiver.come_back().await;
    rig.until(&orders, "all are sent", |it| it["state"] == "sent").await;
    for order in orders {
        let messages = rig.messages(order).await;
        receiver.book(|book| in_order(book, &customers(&messages)));
        // The store and the riders hear of all orders: each message once at least.
        let heard = |key: &Value| {
            let taken = |book: &Book| {
                book.taken.values().flatten().any(|taken| Some(taken.as_str()) == key.as_str())
            };
            receiver.book(taken)
        };
        assert!(messages.iter().all(|it| heard(&it["key"])));
    }
    assert!(rig.metric("failed_total") != "0");
    assert!(!rig.is_away());
    sender.stop().await;
}

#[tokio::test]
async fn one_recipient_for_whom_it_fails_holds_nobody_up_and_is_given_up_at_last() {
    let retry = Retry { attempts: 3, ..hasty().retry };
    let rig = Rig::start(Settings { retry, ..hasty() }).await;
    let bad = |got: &super::receiver::Got| got.recipient == "customer:bad";
    let receiver = Receiver::start(move |got| Do::Answer(if bad(got) { 500 } else { 200 })).await;
    let sender = rig.send(receiver.webhook(TIMEOUT), MARGIN);
    rig.tell_all("o1", "bad", named("declined")).await;
    receiver.until("it fails", |book| book.got.iter().filter(|it| bad(it)).count() > 5).await;
    let failing = rig.messages("o1").await;
    assert!(failing.iter().all(|it| it["state"] == "pending"), "nobody knows whose fault it is");
    // Others are served meanwhile, and with that it is known.
    for order in ["o2", "o3", "o4"] {
        rig.tell_all(order, "good", named("declined")).await;
    }
    rig.until(&["o2", "o3", "o4"], "others are sent", |it| {
        it["state"] == "sent" && it["attempts"] == 1
    })
    .await;
    let mut n = 0;
    while n < 50 {
        if rig.messages("o1").await.iter().all(|it| it["state"] == "given_up") {
            break;
        }
        let order = format!("p{n}");
        n += 1;
        rig.tell_all(&order, "good", named("declined")).await;
        rig.until(&[&order], "others are sent", |it| it["state"] == "sent").await;
        rig.ports.clock.sleep(LOOK_AGAIN).await;
    }
    let given_up = rig.messages("o1").await;
    assert!(given_up.iter().all(|it| it["reason"] == "answered 500"), "{given_up:#?}");
    assert_eq!(rig.metric("given_up_total"), given_up.len().to_string());
    assert!(!rig.is_away());
    receiver.book(|book| assert_eq!(book.broken, Vec::<String>::new()));
    sender.stop().await;
}

#[tokio::test]
async fn what_is_refused_is_given_up_and_the_next_one_goes_on() {
    let rig = Rig::start(hasty()).await;
    let receiver = Receiver::start(|got| {
        Do::Answer(if got.template == "order-cancelling" { 422 } else { 204 })
    })
    .await;
    let sender = rig.send(receiver.webhook(TIMEOUT), MARGIN);
    rig.tell_all("o1", "c1", named("declined")).await;
    rig.until(&["o1"], "all are over", |it| it["state"] != "pending").await;
    let messages = rig.messages("o1").await;
    let found: Vec<_> = messages.iter().map(|it| (&it["state"], &it["attempts"])).collect();
    let (sent, given_up, one) = (Value::from("sent"), Value::from("given_up"), Value::from(1));
    assert_eq!(found, [(&sent, &one), (&given_up, &one), (&sent, &one)]);
    assert_eq!(messages[1]["reason"], "answered 422");
    sender.stop().await;
}

#[tokio::test]
async fn an_outage_counts_against_no_message() {
    let retry = Retry { attempts: 2, ..hasty().retry };
    let rig = Rig::start(Settings { retry, ..hasty() }).await;
    let receiver = Receiver::start(|_| Do::Answer(503)).await;
    let sender = rig.send(receiver.webhook(TIMEOUT), MARGIN);
    let orders = ["o1", "o2", "o3", "o4"];
    for order in orders {
        rig.tell_all(order, &order.replace('o', "c"), named("cancelled")).await;
    }
    receiver.until("it was tried often", |book| book.got.len() > 20).await;
    assert!(rig.is_away());
    receiver.now_do(|_| Do::Answer(200));
    rig.until(&orders, "all are sent", |it| it["state"] == "sent").await;
    assert!(rig.metric("given_up_total") == "0");
    sender.stop().await;
}

#[tokio::test]
async fn who_wants_to_be_left_alone_is_left_alone() {
    let rig = Rig::start(hasty()).await;
    let receiver = Receiver::start(|_| Do::Later(429, 3_000)).await;
    let sender = rig.send(receiver.webhook(TIMEOUT), MARGIN);
    rig.tell_all("o1", "c1", &named("declined")[..1]).await;
    rig.until(&["o1"], "it is tried", |it| it["attempts"] == 1).await;
    // Others are sent to, more than once, and it is not tried again.
    receiver.now_do(|_| Do::Answer(200));
    for order in ["o2", "o3"] {
        rig.tell_all(order, "c2", named("declined")).await;
    }
    rig.until(&["o2", "o3"], "others are sent", |it| it["state"] == "sent").await;
    let waiting = rig.messages("o1").await;
    assert_eq!((&waiting[0]["attempts"], &waiting[0]["state"]), (&1.into(), &"pending".into()));
    assert_eq!(waiting[0]["reason"], "answered 429");
    sender.stop().await;
}

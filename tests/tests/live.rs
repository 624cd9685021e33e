//! People who are told at once: customers of their order, riders of what is on offer near them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;
use testkit::{App, DISTRICT, Event, Events, RIDER};

/// The orders that an event of a rider's names.
fn on_offer(event: &Event) -> BTreeSet<String> {
    assert_eq!(event.name, "offers");
    let items = event.data["items"].as_array().unwrap();
    items.iter().map(|item| item["order_id"].as_str().unwrap().to_owned()).collect()
}

/// Listens until that much is on offer.
async fn until_on_offer(events: &mut Events, orders: &[&str]) -> Event {
    loop {
        let event = events.next().await.expect("a rider's stream does not end");
        if on_offer(&event) == orders.iter().map(|it| (*it).to_owned()).collect() {
            return event;
        }
    }
}

/// Listens until what was told last is what is listed.
async fn until_as_listed(app: &App, events: &mut Events, mut last: Event) -> Event {
    loop {
        let listed = app.client().get(&format!("/rider/riders/{RIDER}/offers")).await;
        if last.data == listed.body {
            return last;
        }
        last = events.next().await.expect("a rider's stream does not end");
    }
}

/// Every status that the rest of a stream tells, in rising versions, and its last event.
async fn to_the_end(events: &mut Events) -> (Vec<String>, Event) {
    let (mut statuses, mut last) = (Vec::new(), None::<Event>);
    while let Some(event) = events.next().await {
        assert_eq!(
            (event.name.as_str(), event.data["version"].to_string()),
            ("status", event.id.clone())
        );
        let version = |event: &Event| event.id.parse::<u64>().unwrap();
        assert!(last.as_ref().is_none_or(|last| version(last) < version(&event)), "{event:?}");
        let status = event.data["status"].as_str().unwrap();
        if statuses.last().is_none_or(|last| last != status) {
            statuses.push(status.to_owned());
        }
        last = Some(event);
    }
    (statuses, last.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_sees_each_status_up_to_the_end() {
    let app = App::start().await;
    app.open(10, 3).await;
    let order = app.place("mina", 2, "tok-ok").await;
    let path = format!("/orders/{order}/events");
    let mut events = app.client().events(&path, None).await;
    assert_eq!(events.status, 200);
    assert_eq!(events.headers["content-type"], "text/event-stream");
    let seen = async { to_the_end(&mut events).await };
    let done = async {
        app.reaches(&order, "paid").await;
        app.answer_ticket(&order, true).await;
        app.reaches(&order, "accepted").await;
        app.cook(&order, "start").await;
        app.reaches(&order, "cooking").await;
        app.ride(&order, "claim").await;
        app.cook(&order, "finish").await;
        app.reaches(&order, "cooked").await;
        app.ride(&order, "pickup").await;
        app.reaches(&order, "on_the_way").await;
        app.ride(&order, "confirmation").await;
    };
    let ((statuses, last), ()) = tokio::join!(seen, done);
    let all = ["placed", "paid", "accepted", "cooking", "cooked", "on_the_way", "delivered"];
    // What came together is told once: the first may be over before anybody listens.
    let all: Vec<&str> =
        all.into_iter().filter(|it| statuses.iter().any(|had| had == it)).collect();
    assert_eq!(statuses, all);
    assert!(
        ["paid", "accepted", "cooking", "cooked", "on_the_way", "delivered"]
            .iter()
            .all(|it| all.contains(it)),
        "{all:?}"
    );
    assert_eq!(last.data, app.order(&order).await, "the order as it is shown");

    // Who comes back is told what was missed, and at the end is told to stay away.
    let mut missed = app.client().events(&path, Some("1")).await;
    assert_eq!(missed.next().await, Some(last.clone()));
    assert_eq!(missed.next().await, None);
    assert_eq!(app.client().events(&path, Some(&last.id)).await.status, 204);
    let unknown = app.client().get("/orders/nobody-placed-this/events").await;
    assert_eq!((unknown.status, unknown.slug()), (404, "not-found"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_looks_at_an_order_sees_the_same_end() {
    let app = App::start().await;
    app.open(10, 3).await;
    let order = app.place("mina", 1, "tok-ok").await;
    let path = format!("/orders/{order}/events");
    let mut events = join_all((0..5).map(|_| app.client().events(&path, None))).await;
    let seen = join_all(events.iter_mut().map(to_the_end));
    let done = async {
        app.reaches(&order, "paid").await;
        assert_eq!(app.client().delete(&format!("/orders/{order}")).await.status, 202);
    };
    let (seen, ()) = tokio::join!(seen, done);
    for (statuses, last) in &seen {
        assert_eq!(statuses.last().unwrap(), "cancelled");
        assert_eq!(last, &seen[0].1);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rider_sees_offers_come_and_go() {
    let app = App::start().await;
    app.open(10, 1).await;
    app.hire("other", 3).await;
    let path = |rider: &str| format!("/rider/riders/{rider}/offers/events");
    let mut jun = app.client().events(&path(RIDER), None).await;
    let mut other = app.client().events(&path("other"), None).await;
    let none = jun.next().await.unwrap();
    assert_eq!(none.data, json!({"items": [], "next_cursor": null}));
    assert_eq!(other.next().await, Some(none.clone()), "the same is known by the same id");

    let first = app.place_and_start_cooking("mina", 1).await;
    let second = app.place_and_start_cooking("sora", 1).await;
    for events in [&mut jun, &mut other] {
        until_on_offer(events, &[&first, &second]).await;
    }
    app.ride(&first, "claim").await;
    for events in [&mut jun, &mut other] {
        let event = until_on_offer(events, &[&second]).await;
        until_as_listed(&app, events, event).await;
    }
    app.ride(&first, "release").await;
    until_on_offer(&mut other, &[&first, &second]).await;
    let last = until_on_offer(&mut jun, &[&first, &second]).await;
    let last = until_as_listed(&app, &mut jun, last).await;

    // Who comes back is told what has changed; and where they work from then on.
    let mut back = app.client().events(&path(RIDER), Some(&last.id)).await;
    let elsewhere = json!({"district": "yongsan", "on_duty": true});
    assert_eq!(app.client().put(&format!("/rider/riders/{RIDER}"), &elsewhere).await.status, 200);
    assert_eq!(until_on_offer(&mut back, &[]).await, none);
    let widened = json!({"neighbours": []});
    let district = format!("/rider/districts/{DISTRICT}");
    assert_eq!(app.client().put(&district, &widened).await.status, 200);
    let home = json!({"district": DISTRICT, "on_duty": true});
    assert_eq!(app.client().put(&format!("/rider/riders/{RIDER}"), &home).await.status, 200);
    until_on_offer(&mut back, &[&first, &second]).await;
    let unknown = app.client().get(&path("nobody")).await;
    assert_eq!((unknown.status, unknown.slug()), (404, "not-found"));
    drop((jun, other, back));
    for order in [&first, &second] {
        app.cook(order, "finish").await;
        for what in ["claim", "pickup", "confirmation"] {
            app.ride(order, what).await;
        }
        app.reaches(order, "delivered").await;
    }
    app.finish().await;
}

/// A stream that is open does not keep the system from ending, nor a rider's from ending with it.
#[tokio::test(flavor = "multi_thread")]
async fn streams_end_with_the_system_and_go_on_with_the_next() {
    let app = App::start().await;
    app.open(10, 3).await;
    let order = app.place("mina", 1, "tok-ok").await;
    app.reaches(&order, "paid").await;
    app.drained().await;
    let path = format!("/orders/{order}/events");
    let mut events = app.client().events(&path, None).await;
    let seen = events.next().await.unwrap();
    let mut offers =
        app.client().events(&format!("/rider/riders/{RIDER}/offers/events"), None).await;
    offers.next().await.unwrap();
    let app = app.restart(expeditor::system::Settings::default()).await;
    assert_eq!((events.next().await, offers.next().await), (None, None));
    let mut events = app.client().events(&path, Some(&seen.id)).await;
    assert_eq!(app.client().delete(&format!("/orders/{order}")).await.status, 202);
    let (statuses, last) = to_the_end(&mut events).await;
    assert_eq!(statuses.last().unwrap(), "cancelled");
    assert_ne!(last.id, seen.id);
    app.finish().await;
}

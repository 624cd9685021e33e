//! Customers place, look at and cancel orders.

use contracts::EventType as E;
use serde_json::{Value, json};

use crate::rig::{Rig, order};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn an_order_is_placed_shown_and_cancelled() {
    let rig = Rig::start().await;
    let placed = rig.order("k1", &order()).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    let id = placed.body["order_id"].as_str().unwrap();
    assert_eq!(placed.header("location"), Some(format!("/orders/{id}").as_str()));
    assert_eq!(placed.body["total"], json!({"amount": 17_500, "currency": "KRW"}));
    assert!(!placed.body.to_string().contains("canary"));

    let path = format!("/orders/{id}");
    let shown = rig.get(&path).await;
    assert_eq!((shown.status, &shown.body), (200, &placed.body));

    let cancelled = rig.delete(&path).await;
    assert_eq!((cancelled.status, &cancelled.body["status"]), (202, &json!("cancelling")));
    rig.tell(id, E::PaymentVoided).await;
    let cancelled = rig.delete(&path).await;
    assert_eq!((cancelled.status, &cancelled.body["status"]), (200, &json!("cancelled")));
    assert_eq!(cancelled.body["reason"], "customer_cancelled");
}

#[tokio::test]
async fn a_cancellation_after_cooking_has_started_is_refused_and_shown() {
    let rig = Rig::start().await;
    let (id, _) = rig.placed("k1").await;
    for fact in [E::PaymentAuthorized, E::OrderAccepted, E::CookStarted] {
        rig.tell(&id, fact).await;
    }
    let path = format!("/orders/{id}");
    let refused = rig.delete(&path).await;
    assert_eq!((refused.status, refused.slug()), (409, "cooking-started"));
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    let shown = rig.get(&path).await;
    assert_eq!(shown.body["status"], "cooking");
    assert_eq!(shown.body["cancellation"], "refused");
    assert_eq!(shown.body["cancellable"], false);
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_cannot_be_an_id_is_422() {
    let rig = Rig::start().await;
    for (path, status) in [
        ("/orders/nobody", 404),
        ("/orders/a%20b", 422),
        ("/operator/sagas/0190c0de-0000-7000-8000-000000000000", 404),
        ("/operator/sagas/0190c0de-0000-7000-8000-000000000000/history", 404),
        ("/operator/sagas/x", 422),
        ("/catalog/stores/a%20b", 422),
        ("/orders/nobody/lunch", 404),
    ] {
        assert_eq!(rig.get(path).await.status, status, "{path}");
    }
    assert_eq!(rig.delete("/orders/nobody").await.status, 404);
}

#[tokio::test]
async fn a_bad_request_is_refused_and_stores_nothing() {
    let rig = Rig::start().await;
    let good = order().to_string();
    let key = ("idempotency-key", "k1");
    let spaced = ("idempotency-key", "k 1");
    let text = ("content-type", "text/plain");
    let long = format!("{{\"customer_id\":\"{}\"}}", "x".repeat(70_000));
    for (headers, body, status) in [
        (&[JSON][..], good.as_str(), 400),
        (&[JSON, spaced], &good, 400),
        (&[key], &good, 415),
        (&[text, key], &good, 415),
        (&[JSON, key], "{", 400),
        (&[JSON, key], "[]", 400),
        (&[JSON, key], "{}", 422),
        (&[JSON, key], &long, 413),
    ] {
        let answer = rig.send("POST", "/orders", headers, body).await;
        assert_eq!(answer.status, status, "{headers:?} {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    let unknown = json!([{"menu_id": "m1", "quantity": 1}, {"menu_id": "m9", "quantity": 1}]);
    let mut body = order();
    body["items"] = unknown;
    let refused = rig.order("k1", &body).await;
    assert_eq!((refused.status, refused.slug()), (422, "unknown-menu-item"));
    assert_eq!(refused.body["errors"][0]["field"], "items[1].menu_id");

    let held = rig.get("/orchestrator/holdings").await;
    assert_eq!(held.body, json!({"items": [], "next_cursor": null}));
    let mended = rig.order("k1", &order()).await;
    assert_eq!((mended.status, mended.header("idempotent-replayed")), (201, None));
}

#[tokio::test]
async fn the_same_request_made_at_once_and_again_makes_one_order() {
    let rig = Rig::start().await;
    let body = order();
    let answers = tokio::join!(
        rig.order("k1", &body),
        rig.order("k1", &body),
        rig.order("k1", &body),
        rig.order("k1", &body),
        rig.order("k2", &body),
    );
    let same = [answers.0, answers.1, answers.2, answers.3];
    assert!(same.iter().all(|answer| answer.status == 201 && answer.body == same[0].body));
    let replayed =
        same.iter().filter(|answer| answer.header("idempotent-replayed") == Some("true")).count();
    assert_eq!(replayed, 3);
    assert_ne!(answers.4.body["order_id"], same[0].body["order_id"]);

    // In other words, but the same.
    let spaced = serde_json::to_string_pretty(&body).unwrap();
    let again = rig.send("POST", "/orders", &[JSON, ("idempotency-key", "k1")], &spaced).await;
    assert_eq!((again.status, &again.body), (201, &same[0].body));

    let mut other = order();
    other["items"][0]["quantity"] = json!(9);
    let refused = rig.order("k1", &other).await;
    assert_eq!((refused.status, refused.slug()), (422, "idempotency-key-reused"));
    assert_eq!(rig.get("/orchestrator/holdings").await.body["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_catalog_shows_what_orders_are_priced_by() {
    let rig = Rig::start().await;
    let first = rig.get("/catalog/stores/s1?limit=1").await;
    assert_eq!(first.body["items"][0]["menu_id"], "m1");
    assert_eq!(first.body["items"][0]["price"], json!({"amount": 9_500, "currency": "KRW"}));
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let second = rig.get(&format!("/catalog/stores/s1?limit=2&cursor={cursor}")).await;
    assert_eq!(second.body["items"][0]["menu_id"], "m2");
    assert_eq!(second.body["next_cursor"], Value::Null);
    assert_eq!(rig.get("/catalog/stores/s9").await.body["items"], json!([]));
    assert_eq!(rig.get("/catalog/stores/s1?page=2").await.status, 422);
}

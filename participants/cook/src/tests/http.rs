//! The cook over HTTP, on the real path and database.

use contracts::{
    Command, OrderId, StoreId,
    command::{OrderOnly, PrepareFood},
};
use serde_json::{Value, json};

use super::{builders::items, rig::Rig};

fn order(id: &str) -> OrderId {
    OrderId::new(id).unwrap()
}

fn prepare(id: &str) -> Command {
    let store_id = StoreId::new("s1").unwrap();
    Command::PrepareFood(PrepareFood { order_id: order(id), store_id, items: items() })
}

fn cancel(id: &str) -> Command {
    Command::CancelCooking(OrderOnly { order_id: order(id) })
}

fn slug(answer: &(u16, Value)) -> (u16, &str) {
    let kind = answer.1.get("type").and_then(Value::as_str).unwrap_or_default();
    (answer.0, kind.strip_prefix("/problems/").unwrap_or_default())
}

fn ids(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item["order_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_ticket_is_cooked() {
    let rig = Rig::start().await;
    rig.command(prepare("o1")).await;
    let (status, queue) = rig.get("/cook/stores/s1/tickets?state=queued").await;
    assert_eq!((status, ids(&queue)), (200, vec!["o1"]));
    assert_eq!(queue["items"][0]["items"][0]["name"], "Kimbap");

    let (status, started) = rig.ask("PUT", "/cook/tickets/o1/start", None).await;
    assert_eq!(
        (status, &started["state"], &started["version"]),
        (200, &json!("cooking"), &json!(2))
    );
    // Again, with an empty object this time: the same, and told once.
    assert_eq!(rig.put("/cook/tickets/o1/start", "{}").await, (200, started));
    let (_, queue) = rig.get("/cook/stores/s1/tickets?state=queued").await;
    assert!(ids(&queue).is_empty());
    let (_, finished) = rig.put("/cook/tickets/o1/finish", "{}").await;
    assert_eq!(finished["state"], "finished");
    assert_eq!(rig.get("/cook/tickets/o1").await, (200, finished));

    let told = rig.database.reader().published(0, 10).await.unwrap();
    let told: Vec<(&str, u64)> = told.iter().map(|it| (it.kind.as_str(), it.sequence)).collect();
    assert_eq!(told, [("cook-started", 2), ("cook-finished", 3)]);
    let (_, held) = rig.get("/cook/holdings").await;
    assert_eq!((ids(&held), &held["items"][0]["version"]), (vec!["o1"], &json!(3)));
}

#[tokio::test]
async fn a_refusal_says_why() {
    let rig = Rig::start().await;
    for id in ["queued", "cooking", "declined", "cancelled"] {
        rig.command(prepare(id)).await;
    }
    rig.put("/cook/tickets/cooking/start", "{}").await;
    rig.put("/cook/tickets/declined/decline", r#"{"reason": "no rice"}"#).await;
    rig.command(cancel("cancelled")).await;
    rig.command(cancel("tombstone")).await;
    rig.command(prepare("tombstone")).await;
    let because = r#"{"reason": "no rice"}"#;
    for (id, what, body, then) in [
        ("nothing", "start", "{}", (404, "not-found")),
        ("queued", "finish", "{}", (409, "not-started")),
        ("cooking", "decline", because, (409, "already-started")),
        ("declined", "start", "{}", (409, "cooking-declined")),
        ("declined", "decline", r#"{"reason": "no fire"}"#, (409, "already-declined")),
        ("cancelled", "start", "{}", (409, "cooking-cancelled")),
        ("tombstone", "start", "{}", (409, "cooking-cancelled")),
        ("queued", "start", r#"{"now": true}"#, (422, "invalid-fields")),
        ("queued", "start", "now", (400, "not-json")),
        ("queued", "decline", "{}", (422, "invalid-fields")),
        ("queued", "decline", r#"{"reason": ""}"#, (422, "invalid-fields")),
        ("o%201", "start", "{}", (422, "invalid-fields")),
    ] {
        let answer = rig.put(&format!("/cook/tickets/{id}/{what}"), body).await;
        assert_eq!(slug(&answer), then, "{what} {id}: {answer:?}");
    }
    let answer = rig.ask("PUT", "/cook/tickets/queued/decline", None).await;
    assert_eq!(slug(&answer), (415, "unsupported-media-type"));
    let answer = rig.put("/cook/tickets/declined/decline", because).await;
    assert_eq!((answer.0, &answer.1["reason"]), (200, &json!("no rice")));
}

#[tokio::test]
async fn every_wrong_field_is_named_in_one_answer() {
    let rig = Rig::start().await;
    let long = format!(r#"{{"reason": "{}"}}"#, "x".repeat(201));
    for (method, path, body, fields) in [
        ("PUT", "/cook/tickets/o%201/start", Some(r#"{"x": 1}"#), vec!["order_id", "x"]),
        ("PUT", "/cook/tickets/o%201/start", None, vec!["order_id"]),
        ("PUT", "/cook/tickets/o%201/decline", Some("{}"), vec!["order_id", "reason"]),
        ("PUT", "/cook/tickets/o1/decline", Some(long.as_str()), vec!["reason"]),
        (
            "GET",
            "/cook/stores/s%201/tickets?state=raw&limit=0",
            None,
            vec!["store_id", "state", "limit"],
        ),
    ] {
        let answer = rig.ask(method, path, body).await;
        assert_eq!(slug(&answer), (422, "invalid-fields"), "{path}");
        let errors = answer.1["errors"].as_array().unwrap();
        let named: Vec<&str> = errors.iter().map(|it| it["field"].as_str().unwrap()).collect();
        assert_eq!(named, fields, "{path}");
    }
}

#[tokio::test]
async fn tickets_are_listed_by_store_and_state_page_by_page() {
    let rig = Rig::start().await;
    for id in ["o1", "o2", "o3", "o4"] {
        rig.command(prepare(id)).await;
    }
    rig.put("/cook/tickets/o2/start", "{}").await;
    let (_, first) = rig.get("/cook/stores/s1/tickets?state=queued&limit=2").await;
    assert_eq!(ids(&first), ["o1", "o3"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = format!("/cook/stores/s1/tickets?state=queued&limit=2&cursor={cursor}");
    let (_, second) = rig.get(&next).await;
    assert_eq!((ids(&second), &second["next_cursor"]), (vec!["o4"], &Value::Null));
    let (_, all) = rig.get("/cook/stores/s1/tickets").await;
    assert_eq!(ids(&all), ["o1", "o2", "o3", "o4"]);
    let (_, none) = rig.get("/cook/stores/s2/tickets").await;
    assert_eq!(none, json!({"items": [], "next_cursor": null}));
    for query in ["state=raw", "colour=red", "limit=0"] {
        let answer = rig.get(&format!("/cook/stores/s1/tickets?{query}")).await;
        assert_eq!(slug(&answer), (422, "invalid-fields"), "{query}");
    }
}

#[tokio::test]
async fn a_start_against_a_cancellation_has_one_winner() {
    let rig = Rig::start().await;
    for round in 0..50 {
        let id = format!("o{round}");
        rig.command(prepare(&id)).await;
        let start = format!("/cook/tickets/{id}/start");
        let (started, ()) = tokio::join!(rig.put(&start, "{}"), rig.command(cancel(&id)));
        let (_, ticket) = rig.get(&format!("/cook/tickets/{id}")).await;
        match slug(&started) {
            (200, _) => assert_eq!(ticket["state"], "cooking"),
            then => {
                assert_eq!(then, (409, "cooking-cancelled"));
                assert_eq!(ticket["state"], "cancelled");
            }
        }
    }
    let told = rig.database.reader().published(0, 500).await.unwrap();
    let mut winners: Vec<&str> = told.iter().map(|it| it.subject.as_str()).collect();
    assert_eq!(winners.len(), 50);
    winners.sort_unstable();
    winners.dedup();
    assert_eq!(winners.len(), 50, "each order is told of once");
}

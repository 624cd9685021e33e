//! The rider service over HTTP, on the real path and database.

use contracts::{
    Address, Command, Currency, Detail, Event, EventType, Fact, Milestone, Money, Timestamp,
    command::{DispatchDelivery, OrderOnly},
    event::OrderPlaced,
};
use serde_json::{Value, json};

use super::{
    rig::Rig,
    world::{district, order},
};

fn placed(id: &str, to: &str) -> Event {
    Event::OrderPlaced(OrderPlaced {
        order_id: order(id),
        customer_id: "c1".parse().unwrap(),
        store_id: "s1".parse().unwrap(),
        items: Vec::new(),
        total: Money { amount: 9000, currency: Currency::new("KRW").unwrap() },
        address: Address { district: district(to), line: "1 Main Street".to_owned() },
        placed_at: Timestamp::from_millis(1),
        scheduled_for: None,
        revision: None,
    })
}

fn cooked(id: &str) -> Event {
    let kind = EventType::CookFinished;
    let done = Milestone { kind, at: Timestamp::from_millis(2), data: Detail::default() };
    let fact = Fact { order_id: order(id), state: "finished".to_owned(), milestones: vec![done] };
    Event::Fact(kind, fact)
}

fn dispatch(id: &str) -> Command {
    let store_id = "s1".parse().unwrap();
    Command::DispatchDelivery(DispatchDelivery { order_id: order(id), store_id, revision: None })
}

fn widen(id: &str) -> Command {
    Command::WidenSearch(OrderOnly { order_id: order(id) })
}

fn recall(id: &str) -> Command {
    Command::RecallDelivery(OrderOnly { order_id: order(id) })
}

fn slug(answer: &(u16, Value)) -> (u16, &str) {
    let kind = answer.1.get("type").and_then(Value::as_str).unwrap_or_default();
    (answer.0, kind.strip_prefix("/problems/").unwrap_or_default())
}

fn ids(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item["order_id"].as_str().unwrap()).collect()
}

impl Rig {
    /// Three districts in a row; a rider on duty in each.
    async fn city() -> Self {
        let rig = Self::start().await;
        for (at, neighbours) in [("d1", r#"["d2"]"#), ("d2", r#"["d1", "d3"]"#), ("d3", "[]")] {
            let body = format!(r#"{{"neighbours": {neighbours}}}"#);
            assert_eq!(rig.put(&format!("/rider/districts/{at}"), &body).await.0, 200);
            rig.rider(&at.replace('d', "r"), at, "").await;
        }
        rig
    }

    async fn rider(&self, who: &str, at: &str, more: &str) -> (u16, Value) {
        let body = format!(r#"{{"district": "{at}", "on_duty": true{more}}}"#);
        self.put(&format!("/rider/riders/{who}"), &body).await
    }

    async fn offer(&self, id: &str, to: &str) {
        self.event(placed(id, to)).await;
        self.command(dispatch(id)).await;
    }

    async fn act(&self, who: &str, act: &str, id: &str) -> (u16, Value) {
        let body = format!(r#"{{"rider_id": "{who}"}}"#);
        self.put(&format!("/rider/deliveries/{id}/{act}"), &body).await
    }

    async fn offers(&self, who: &str) -> Vec<String> {
        let (_, list) = self.get(&format!("/rider/riders/{who}/offers")).await;
        ids(&list).into_iter().map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn a_delivery_arrives() {
    let rig = Rig::city().await;
    rig.offer("o1", "d1").await;
    let (_, list) = rig.get("/rider/riders/r1/offers").await;
    assert_eq!(list["items"][0]["address"], json!({"district": "d1", "line": "1 Main Street"}));
    let (status, claimed) = rig.act("r1", "claim", "o1").await;
    assert_eq!(
        (status, &claimed["state"], &claimed["rider_id"]),
        (200, &json!("claimed"), &json!("r1"))
    );
    assert!(rig.offers("r1").await.is_empty());
    assert_eq!(rig.act("r1", "claim", "o1").await, (200, claimed));
    assert_eq!(rig.get("/rider/riders/r1").await.1["carrying"], json!(["o1"]));
    for (who, act, then) in [
        ("r2", "claim", (409, "claimed")),
        ("r2", "pickup", (409, "claimed")),
        ("r1", "pickup", (409, "food-not-ready")),
        ("r1", "confirmation", (409, "not-picked")),
        ("r9", "claim", (404, "not-found")),
    ] {
        assert_eq!(slug(&rig.act(who, act, "o1").await), then, "{who} {act}");
    }
    rig.event(cooked("o1")).await;
    assert_eq!(rig.act("r1", "pickup", "o1").await.1["state"], "picked");
    assert_eq!(slug(&rig.act("r1", "release", "o1").await), (409, "already-picked"));
    assert_eq!(rig.act("r1", "confirmation", "o1").await.1["state"], "delivered");
    assert_eq!(slug(&rig.act("r1", "return", "o1").await), (409, "already-delivered"));
    assert_eq!(rig.get("/rider/riders/r1").await.1["carrying"], json!([]));
    let told = rig.database.reader().published(0, 10).await.unwrap();
    let told: Vec<(&str, u64)> = told.iter().map(|it| (it.kind.as_str(), it.sequence)).collect();
    assert_eq!(
        told,
        [
            ("delivery-offered", 2),
            ("rider-assigned", 3),
            ("food-picked", 5),
            ("delivery-confirmed", 6)
        ]
    );
    let (_, held) = rig.get("/rider/holdings").await;
    assert_eq!((ids(&held), &held["items"][0]["active"]), (vec!["o1"], &json!(false)));
}

#[tokio::test]
async fn offers_are_near_and_farther_once_the_search_is_widened() {
    let rig = Rig::city().await;
    for (id, to) in [("o1", "d1"), ("o2", "d2"), ("o3", "d1")] {
        rig.offer(id, to).await;
    }
    assert_eq!(rig.offers("r1").await, ["o1", "o3"]);
    assert_eq!(rig.offers("r2").await, ["o2"]);
    rig.command(widen("o1")).await;
    rig.command(widen("o2")).await;
    assert_eq!(rig.offers("r1").await, ["o1", "o2", "o3"]);
    assert_eq!(rig.offers("r2").await, ["o1", "o2"]);
    assert_eq!(rig.offers("r3").await, ["o2"], "a neighbour by the other's word alone");
    let (_, page) = rig.get("/rider/riders/r1/offers?limit=2").await;
    assert_eq!(ids(&page), ["o1", "o2"]);
    let next = page["next_cursor"].as_str().unwrap();
    let (_, page) = rig.get(&format!("/rider/riders/r1/offers?limit=2&cursor={next}")).await;
    assert_eq!(ids(&page), ["o3"]);
    // No neighbour any more: what was offered there stays, what is offered later does not come.
    rig.put("/rider/districts/d2", r#"{"neighbours": ["d1"]}"#).await;
    rig.offer("o4", "d2").await;
    rig.command(widen("o4")).await;
    assert_eq!(rig.offers("r3").await, ["o2"]);
    let (_, page) = rig.get("/rider/riders/r3/offers?limit=1").await;
    assert_eq!(ids(&page), ["o2"]);
}

#[tokio::test]
async fn a_further_offer_follows_where_the_neighbours_are_new() {
    let rig = Rig::city().await;
    rig.offer("o1", "d1").await;
    rig.put("/rider/districts/d1", r#"{"neighbours": ["d2", "d3"]}"#).await;
    rig.command(widen("o1")).await;
    let sequences = rig.published(3).await;
    assert_eq!(sequences, [2, 3, 4], "asked for, widened, and by the timer");
    assert_eq!(rig.offers("r3").await, ["o1"]);
}

#[tokio::test]
async fn hands_hold_what_they_may_also_when_all_reach_out_at_once() {
    let rig = Rig::city().await;
    rig.rider("r1", "d1", r#", "capacity": 2"#).await;
    for id in ["o1", "o2", "o3", "o4", "o5"] {
        rig.offer(id, "d1").await;
    }
    let (one, two, three, four, five) = tokio::join!(
        rig.act("r1", "claim", "o1"),
        rig.act("r1", "claim", "o2"),
        rig.act("r1", "claim", "o3"),
        rig.act("r1", "claim", "o4"),
        rig.act("r1", "claim", "o5"),
    );
    let answers = [one, two, three, four, five];
    let full = answers.iter().filter(|it| slug(it) == (409, "rider-full")).count();
    assert_eq!((full, answers.iter().filter(|it| it.0 == 200).count()), (3, 2));
    // A recall frees the hands of a rider whom the command does not name.
    let (_, rider) = rig.get("/rider/riders/r1").await;
    let claimed = rider["carrying"][0].as_str().unwrap().to_owned();
    assert_eq!(slug(&rig.rider("r1", "d1", r#", "capacity": 1"#).await), (409, "capacity-too-low"));
    rig.command(recall(&claimed)).await;
    let (_, rider) = rig.rider("r1", "d1", r#", "capacity": 1"#).await;
    assert_eq!(rider["carrying"].as_array().unwrap().len(), 1);
    assert_eq!(slug(&rig.act("r1", "pickup", &claimed).await), (409, "already-returned"));
}

#[tokio::test]
async fn one_delivery_has_one_rider_also_when_all_reach_out_at_once() {
    let rig = Rig::city().await;
    rig.offer("o1", "d1").await;
    let (one, two, three) = tokio::join!(
        rig.act("r1", "claim", "o1"),
        rig.act("r2", "claim", "o1"),
        rig.act("r3", "claim", "o1"),
    );
    let answers = [one, two, three];
    assert_eq!(answers.iter().filter(|it| it.0 == 200).count(), 1);
    assert_eq!(answers.iter().filter(|it| slug(it) == (409, "claimed")).count(), 2);
}

#[tokio::test]
async fn what_is_entered_is_read_strictly_and_answered_the_same_again() {
    let rig = Rig::city().await;
    for (path, body, fields) in [
        ("/rider/districts/d1", r#"{"neighbours": ["d1"]}"#, vec!["neighbours"]),
        ("/rider/districts/d1", r#"{"neighbours": ["d 2"], "x": 1}"#, vec!["neighbours[0]", "x"]),
        ("/rider/districts/d1", "{}", vec!["neighbours"]),
        ("/rider/riders/r1", "{}", vec!["district", "on_duty"]),
        (
            "/rider/riders/r1",
            r#"{"district": "d1", "on_duty": true, "capacity": 0}"#,
            vec!["capacity"],
        ),
        ("/rider/deliveries/o1/claim", "{}", vec!["rider_id"]),
        ("/rider/districts/d%201", r#"{"x": 1}"#, vec!["district", "neighbours", "x"]),
        ("/rider/riders/r%201", "{}", vec!["rider_id", "district", "on_duty"]),
        ("/rider/deliveries/o%201/claim", r#"{"x": 1}"#, vec!["order_id", "rider_id", "x"]),
        ("/rider/deliveries/o1/return", r#"{"rider_id": "r1", "reason": 5}"#, vec!["reason"]),
    ] {
        let answer = rig.put(path, body).await;
        assert_eq!(slug(&answer), (422, "invalid-fields"), "{body}");
        let errors = answer.1["errors"].as_array().unwrap();
        let named: Vec<&str> = errors.iter().map(|it| it["field"].as_str().unwrap()).collect();
        assert_eq!(named, fields, "{body}");
    }
    for (path, body) in [
        ("/rider/districts/d1", r#"{"neighbours": ["d3", "d2", "d3"]}"#),
        ("/rider/riders/r1", r#"{"district": "d2", "on_duty": true}"#),
    ] {
        let first = rig.put(path, body).await;
        assert_eq!(first.0, 200);
        assert_eq!(rig.put(path, body).await, first);
        assert_eq!(rig.get(path).await, first);
    }
    let (_, district) = rig.get("/rider/districts/d2").await;
    assert_eq!(district["riders"], json!(["r1", "r2"]));
    for path in ["riders/r9", "riders/r9/offers", "districts/d9", "deliveries/o9"] {
        assert_eq!(slug(&rig.get(&format!("/rider/{path}")).await), (404, "not-found"), "{path}");
    }
}

//! Streams at every replica of a service tell what any of them has committed.

use std::time::Duration;

use contracts::ServiceName;
use expeditor::{
    fleet::OnServers,
    people::{client::Client, show::Stage},
};
use runtime::auth::Role;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    place::{BOUND, Place},
    stage::{ground, long_deadlines, start_with},
};

/// A stream at one replica.
struct Events {
    response: reqwest::Response,
    heard: String,
}

impl Events {
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.heard.find('\n') {
                let rest = self.heard.split_off(end + 1);
                let line = std::mem::replace(&mut self.heard, rest);
                if let Some(data) = line.strip_prefix("data: ") {
                    return Some(serde_json::from_str(data).unwrap());
                }
                continue;
            }
            let chunk = self.response.chunk().await.unwrap()?;
            self.heard.push_str(core::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Listens until an event is as it should be. Bounded as a whole: an idle stream says now and
    /// then that it is alive.
    async fn until(&mut self, as_should: impl Fn(&Value) -> bool) {
        let mut last = Value::Null;
        let listening = async {
            while !as_should(&last) {
                last = self.next().await.expect("the stream goes on");
            }
        };
        let heard = timeout(BOUND, listening).await;
        assert!(heard.is_ok(), "not heard in time; the last was {last}");
    }
}

/// A stream at each replica of that service.
async fn at_each(stage: &OnServers, service: ServiceName, role: Role, path: &str) -> Vec<Events> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let token = stage.tokens.as_ref().unwrap().token(role).unwrap();
    let mut streams = Vec::new();
    for member in stage.fleet.members() {
        if !member.name.starts_with(service.as_str()) {
            continue;
        }
        let url = format!("http://{}{path}", member.address.unwrap());
        let response = http.get(url).bearer_auth(&token).send().await.unwrap();
        assert_eq!(response.status(), 200, "{}", member.name);
        streams.push(Events { response, heard: String::new() });
    }
    assert_eq!(streams.len(), 2);
    streams
}

/// A store with a dish, and a rider.
async fn open(client: &Client) {
    let (operator, rider, store) =
        (client.clone(), client.acting_as(Role::Rider), client.acting_as(Role::Store));
    operator.must_put("/rider/districts/mapo", &json!({"neighbours": []})).await.unwrap();
    let duty = json!({"district": "mapo", "on_duty": true});
    rider.must_put("/rider/riders/jun", &duty).await.unwrap();
    let price = json!({"amount": 9_500, "currency": "KRW"});
    let dish = json!({"name": "Cold noodles", "price": price, "stock": 9});
    store.must_put("/store/stores/noodle-house/menu/naengmyeon", &dish).await.unwrap();
}

/// The order, once the dish is in the catalog.
async fn place_order(place: &Place, client: &Client) -> String {
    let body = json!({
        "customer_id": "mina",
        "store_id": "noodle-house",
        "items": [{"menu_id": "naengmyeon", "quantity": 1}],
        "address": {"district": "mapo", "line": "12 Wausan-ro"},
        "payment": {"token": "tok-ok"},
    });
    let placing = async {
        loop {
            let answer = client.post("/orders", &body, "one").await.unwrap();
            if answer.status == 201 {
                return answer.text("order_id").to_owned();
            }
            place.ports.clock.sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(BOUND, placing).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn whichever_replica_is_listened_to_it_tells_what_any_has_committed() {
    let place = Place::new().await;
    let (ground, dir) = (ground(&place), tempfile::tempdir().unwrap());
    let stage = start_with(&place, &ground, dir.path(), |plan| {
        long_deadlines(plan, Duration::from_secs(60));
        plan.replicas = ServiceName::ALL
            .into_iter()
            .map(|service| {
                let two = [ServiceName::Orchestrator, ServiceName::Rider].contains(&service);
                (service, if two { 2 } else { 1 })
            })
            .collect();
    })
    .await;
    let client = stage.client(BOUND);
    open(&client).await;
    let order = place_order(&place, &client.acting_as(Role::Customer)).await;
    let path = format!("/orders/{order}/events");
    let mut customers = at_each(&stage, ServiceName::Orchestrator, Role::Customer, &path).await;
    let path = "/rider/riders/jun/offers/events";
    let mut riders = at_each(&stage, ServiceName::Rider, Role::Rider, path).await;
    for events in &mut riders {
        events.until(|offers| offers["items"] == json!([])).await;
    }
    // Messages are taken by either of the two; what one has committed, the other has to find.
    for events in &mut customers {
        events.until(|order| order["status"] == "paid").await;
    }
    let ticket = format!("/store/tickets/{order}/acceptance");
    let store = client.acting_as(Role::Store);
    store.must_put(&ticket, &json!({"accepted": true})).await.unwrap();
    for events in &mut customers {
        events.until(|order| order["status"] == "accepted").await;
    }
    let (start, cook) = (format!("/cook/tickets/{order}/start"), client.acting_as(Role::Cook));
    let starting = async {
        while !cook.put(&start, &json!({})).await.unwrap().ok() {
            place.ports.clock.sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(BOUND, starting).await.unwrap();
    for events in &mut customers {
        events.until(|order| order["status"] == "cooking").await;
    }
    for events in &mut riders {
        events.until(|offers| offers["items"][0]["order_id"] == json!(order)).await;
    }
    // A request is taken by one of them alone.
    let claim = format!("/rider/deliveries/{order}/claim");
    let rider = client.acting_as(Role::Rider);
    rider.must_put(&claim, &json!({"rider_id": "jun"})).await.unwrap();
    for events in &mut riders {
        events.until(|offers| offers["items"] == json!([])).await;
    }
    let stopped = stage.fleet.stop_all().await;
    stopped.unwrap();
    for events in customers.iter_mut().chain(&mut riders) {
        let ending = async { while events.next().await.is_some() {} };
        timeout(BOUND, ending).await.expect("a stream ends with its process");
    }
    stage.databases.close().await;
}

//! What a running system answers, held against what the document tells of it.

use std::collections::BTreeSet;

use contracts::ServiceName;
use expeditor::system;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use testkit::{Answer, App, DISH, DISTRICT, Method, RIDER, STORE, order_body};

use crate::{
    document::whole,
    schemas::{check, fields, operations, resolved},
};

/// Asks, and holds every answer against the document.
struct Asker<'a> {
    app: &'a App,
    document: Value,
    /// The operations that were answered well, by their names.
    good: BTreeSet<String>,
    /// The problems that were told, by operation and slug.
    problems: BTreeSet<(String, String)>,
}

impl<'a> Asker<'a> {
    async fn new(app: &'a App) -> Self {
        let document = app.client().get("/openapi.json").await.body;
        Self { app, document, good: BTreeSet::new(), problems: BTreeSet::new() }
    }

    /// Asks `METHOD /path`.
    async fn ask(&mut self, what: &str, body: Option<Value>) -> Answer {
        let (method, path) = what.split_once(' ').unwrap();
        let key = [("idempotency-key", "one")];
        let method: Method = method.parse().unwrap();
        let client = self.app.client();
        let answer = client.send(method.clone(), path, &key, body.as_ref()).await.unwrap();
        self.check(&method, path, &answer);
        answer
    }

    /// Asks for a stream; what it tells first is all that is waited for.
    async fn listen(&mut self, path: &str) {
        let mut events = self.app.client().events(path, None).await;
        let text = events.next().await.map(|event| event.name).unwrap_or_default();
        let (status, headers) = (events.status, events.headers.clone());
        let answer = Answer { status, headers, body: Value::Null, text };
        self.check(&Method::GET, path, &answer);
    }

    /// Asks until it is answered well: what one service has said reaches another a moment later.
    async fn insist(&mut self, what: &str, body: Option<Value>) -> Answer {
        loop {
            let answer = self.ask(what, body.clone()).await;
            if answer.status < 300 {
                return answer;
            }
            assert!([404, 409].contains(&answer.status), "{what}: {answer:?}");
            self.app.later(std::time::Duration::from_millis(2)).await;
        }
    }

    fn check(&mut self, method: &Method, path: &str, answer: &Answer) {
        let path = path.split('?').next().unwrap();
        let found = operations(&self.document).find(|(template, known, _)| {
            known.eq_ignore_ascii_case(method.as_str()) && matches(template, path)
        });
        let (_, _, operation) = found.unwrap_or_else(|| panic!("{method} {path} is not told of"));
        let name = operation["operationId"].as_str().unwrap().to_owned();
        let response = &operation["responses"][answer.status.to_string()];
        let told = format!("{name} {}", answer.status);
        // That is a bug, or an answer of which no document tells.
        assert_ne!(answer.status, 500, "{told}: {answer:?}");
        assert!(response.is_object(), "{told} is not told of: {answer:?}");
        let response = resolved(&self.document, response);
        let media_type = answer.header("content-type").split(';').next().unwrap();
        if media_type.is_empty() {
            assert!(response["content"].is_null() && answer.text.is_empty(), "{told}");
            return;
        }
        let content = &response["content"][media_type];
        assert!(content.is_object(), "{told} is not told of as {media_type}");
        let json = media_type.ends_with("json");
        let value = if json { answer.body.clone() } else { answer.text.clone().into() };
        check(&self.document, &content["schema"], &value)
            .unwrap_or_else(|error| panic!("{told}: {error}"));
        if media_type == "application/problem+json" {
            self.problems.insert((name, answer.slug().to_owned()));
        } else if answer.status < 300 {
            self.good.insert(name);
        }
    }
}

/// Whether a path is one of that template.
fn matches(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) =
        (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(path).all(|(part, it)| part.starts_with('{') || *part == it)
}

/// Puts a message that nobody understands where those lie.
async fn bury(app: &App) {
    for service in ServiceName::ALL {
        let path = system::database_path(app.data(), service);
        let mut database = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
        let bury = "INSERT INTO dead_letter (consumer, bytes, headers, error, attempts, at)
             VALUES ('commands', x'00', '{}', 'on purpose', 1, 0)";
        sqlx::query(bury).execute(&mut database).await.unwrap();
        database.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_as_the_document_tells() {
    let app = App::start().await;
    let mut asker = Asker::new(&app).await;
    let it = &mut asker;
    let served = it.ask("GET /openapi.json", None).await;
    assert_eq!(served.body, whole(), "what is served is what `expeditor openapi` prints");
    for probe in ["/healthz", "/readyz", "/metrics", "/docs", "/problems/not-found"] {
        assert_eq!(it.ask(&format!("GET {probe}"), None).await.status, 200);
    }

    // A town.
    let neighbours = json!({"neighbours": ["yongsan"]});
    it.ask(&format!("PUT /rider/districts/{DISTRICT}"), Some(neighbours)).await;
    it.ask(&format!("GET /rider/districts/{DISTRICT}"), None).await;
    let duty = json!({"district": DISTRICT, "on_duty": true, "capacity": 2});
    it.ask(&format!("PUT /rider/riders/{RIDER}"), Some(duty)).await;
    let dish = json!({
        "name": "Cold noodles", "price": {"amount": 9_500, "currency": "KRW"}, "stock": 9
    });
    it.ask(&format!("PUT /store/stores/{STORE}/menu/{DISH}"), Some(dish)).await;
    it.ask(&format!("GET /store/stores/{STORE}/menu"), None).await;
    app.until("the dish is in the catalog", || async {
        let catalog = app.client().get(&format!("/catalog/stores/{STORE}")).await;
        catalog.body["items"][0].is_object()
    })
    .await;
    it.ask(&format!("GET /catalog/stores/{STORE}?limit=1"), None).await;

    // An order that is delivered, looked at at every turn.
    let placed = it.ask("POST /orders", Some(order_body("mina", 2, "tok-ok"))).await;
    let order = placed.body["order_id"].as_str().unwrap().to_owned();
    let saga = placed.body["saga_id"].as_str().unwrap().to_owned();
    let act = json!({"rider_id": RIDER});
    for (what, body) in [
        (format!("/store/tickets/{order}/acceptance"), json!({"accepted": true})),
        (format!("/cook/tickets/{order}/start"), json!({})),
        (format!("/rider/deliveries/{order}/claim"), act.clone()),
        (format!("/rider/deliveries/{order}/release"), act.clone()),
        (format!("/rider/deliveries/{order}/claim"), act.clone()),
        (format!("/cook/tickets/{order}/finish"), json!({})),
        (format!("/rider/deliveries/{order}/pickup"), act.clone()),
        (format!("/rider/deliveries/{order}/confirmation"), act.clone()),
    ] {
        it.ask(&format!("GET /rider/riders/{RIDER}/offers"), None).await;
        it.insist(&format!("PUT {what}"), Some(body)).await;
        look(it, &order, &saga).await;
    }
    app.reaches(&order, "delivered").await;
    app.is_shown(&order, "delivered").await;
    look(it, &order, &saga).await;

    // One that comes back, one that is cancelled, one that the kitchen declines.
    let returned = app.place_and_start_cooking("sora", 1).await;
    app.cook(&returned, "finish").await;
    for what in ["claim", "pickup", "return"] {
        it.insist(&format!("PUT /rider/deliveries/{returned}/{what}"), Some(act.clone())).await;
    }
    it.ask(&format!("GET /rider/deliveries/{returned}"), None).await;
    let cancelled = app.place("sora", 1, "tok-ok").await;
    assert_eq!(it.ask(&format!("DELETE /orders/{cancelled}"), None).await.status, 202);
    app.reaches(&cancelled, "cancelled").await;
    assert_eq!(it.ask(&format!("DELETE /orders/{cancelled}"), None).await.status, 200);
    let declined = app.place("sora", 1, "tok-ok").await;
    app.answer_ticket(&declined, true).await;
    let why = json!({"reason": "no gas"});
    it.insist(&format!("PUT /cook/tickets/{declined}/decline"), Some(why)).await;
    app.reaches(&declined, "cancelled").await;
    let refused = app.place("sora", 1, "tok-declined").await;
    app.reaches(&refused, "cancelled").await;

    // One for later, one that is changed, and what either refuses.
    let later = app.ports().now().plus(std::time::Duration::from_secs(3_600));
    let mut body = order_body("later", 1, "tok-ok");
    body["for"] = json!(later);
    let scheduled = it.ask("POST /orders", Some(body)).await;
    assert_eq!((scheduled.status, &scheduled.body["status"]), (201, &json!("scheduled")));
    let scheduled = format!("/orders/{}", scheduled.body["order_id"].as_str().unwrap());
    it.ask(&format!("GET {scheduled}"), None).await;
    assert_eq!(it.ask(&format!("DELETE {scheduled}"), None).await.status, 200);
    let change = json!({"items": [{"menu_id": DISH, "quantity": 2}]});
    let changed = app.place("dana", 1, "tok-ok").await;
    app.reaches(&changed, "paid").await;
    let path = format!("PATCH /orders/{changed}");
    assert_eq!(it.ask(&path, Some(json!({}))).await.status, 200);
    let other = json!({"items": [{"menu_id": "no-such-dish", "quantity": 2}]});
    assert_eq!(it.ask(&path, Some(other)).await.slug(), "idempotency-key-reused");
    let changed = app.place("yuna", 1, "tok-ok").await;
    app.reaches(&changed, "paid").await;
    let path = format!("PATCH /orders/{changed}");
    assert_eq!(it.ask(&path, Some(change.clone())).await.status, 202);
    app.until("it is decided", || async {
        app.order(&changed).await["revision"]["status"] == "made"
    })
    .await;
    let late = it.ask(&format!("PATCH /orders/{declined}"), Some(change)).await;
    assert_eq!(late.slug(), "order-cancelled");

    for recipient in ["customer/mina", "store/noodle-house", "rider/jun"] {
        let path = format!("PUT /notification/recipients/{recipient}");
        assert_eq!(it.ask(&path, Some(json!({"language": "en"}))).await.status, 200);
    }

    // What each service holds of all that.
    bury(&app).await;
    for service in ServiceName::ALL {
        if !service.is_subscriber() {
            let held = it.ask(&format!("GET /{service}/holdings"), None).await;
            assert!(held.body["items"][0].is_object(), "{held:?}");
        }
        let dead = it.ask(&format!("GET /{service}/dead-letters"), None).await;
        assert_eq!(dead.body["items"].as_array().unwrap().len(), 1);
        it.ask(&format!("GET /{service}/parked"), None).await;
        assert_eq!(it.ask(&format!("POST /{service}/parked/1/redrive"), None).await.status, 404);
    }
    for service in ["store", "cook"] {
        it.ask(&format!("GET /{service}/stores/{STORE}/tickets"), None).await;
    }
    it.ask(&format!("GET /rider/riders/{RIDER}"), None).await;
    it.ask("GET /operator/sagas?limit=2", None).await;
    it.listen(&format!("/rider/riders/{RIDER}/offers/events")).await;
    it.ask(&format!("GET /orders/{order}/events"), None).await;

    refuse(it, &order).await;

    let (good, problems) = (asker.good, asker.problems);
    // Nothing is parked on SQLite: `path_postgres` of the runtime sends parked messages again.
    let unseen: Vec<&str> = operations(&asker.document)
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap())
        .filter(|name| !good.contains(*name) && !name.ends_with("_redrive"))
        .collect();
    assert!(unseen.is_empty(), "never answered well: {unseen:?}");
    assert!(problems.len() > 30, "{problems:?}");
    app.drained().await;
    app.stop().await;
}

/// Shows what there is of an order.
async fn look(it: &mut Asker<'_>, order: &str, saga: &str) {
    for path in [
        format!("/orders/{order}"),
        format!("/payment/orders/{order}"),
        format!("/cook/tickets/{order}"),
        format!("/rider/deliveries/{order}"),
        format!("/operator/sagas/{saga}"),
        format!("/operator/sagas/{saga}/history?limit=50"),
        "/operator/sagas?status=running".to_owned(),
        format!("/store/stores/{STORE}/tickets?state=accepted"),
        format!("/cook/stores/{STORE}/tickets?state=cooking"),
        format!("/mypage/orders/{order}"),
        "/mypage/customers/mina/orders?limit=1".to_owned(),
        format!("/notification/orders/{order}"),
    ] {
        it.ask(&format!("GET {path}"), None).await;
    }
}

/// Asks every operation for what it refuses: nothing by that id, wrong ids, wrong queries, no body;
/// and then what a delivered order refuses.
async fn refuse(it: &mut Asker<'_>, order: &str) {
    let all: Vec<(String, String)> = operations(&it.document)
        .map(|(path, method, _)| (path.to_owned(), method.to_ascii_uppercase()))
        .collect();
    for (path, method) in &all {
        let known = path.replace(['{', '}'], "");
        let wrong = path.replace('{', "a%20b").replace('}', "");
        let bytes = path.replace('{', "%ff").replace('}', "");
        for path in [known.clone(), wrong, bytes, format!("{known}?limit=0&x=y")] {
            for body in [None, Some(json!({"x": 1})), Some(json!([1]))] {
                it.ask(&format!("{method} {path}"), body).await;
            }
        }
    }
    let act = json!({"rider_id": RIDER});
    for (path, body) in [
        (format!("/store/tickets/{order}/acceptance"), json!({"accepted": false})),
        (format!("/store/stores/{STORE}/menu/{DISH}"), stock(0)),
        (format!("/cook/tickets/{order}/decline"), json!({"reason": "late"})),
        (format!("/rider/deliveries/{order}/claim"), act.clone()),
        (format!("/rider/deliveries/{order}/release"), act.clone()),
        (format!("/rider/deliveries/{order}/pickup"), json!({"rider_id": "other"})),
        (format!("/rider/deliveries/{order}/return"), act.clone()),
    ] {
        it.ask(&format!("PUT {path}"), Some(body)).await;
    }
    assert_eq!(it.ask(&format!("DELETE /orders/{order}"), None).await.slug(), "cooking-started");
    let again = it.ask("POST /orders", Some(order_body("mina", 1, "tok-ok"))).await;
    assert_eq!(again.slug(), "idempotency-key-reused");
    let unknown = json!({"menu_id": "no-such-dish", "quantity": 1});
    let mut body = order_body("hana", 1, "tok-ok");
    body["items"][0] = unknown;
    assert_eq!(it.ask("POST /orders", Some(body)).await.slug(), "unknown-menu-item");
    let seen: BTreeSet<&str> = it.problems.iter().map(|(_, slug)| slug.as_str()).collect();
    assert!(seen.contains("bad-request") && seen.contains("not-json"), "{seen:?}");
    assert!(fields(&it.document["paths"]).count() > 40);
}

fn stock(stock: u32) -> Value {
    json!({"name": "Cold noodles", "price": {"amount": 9_500, "currency": "KRW"}, "stock": stock})
}

//! Placing orders over HTTP: keys, prices, and what bad input gets.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use contracts::ServiceName;
use expeditor::audit::{Databases, Stored};
use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::{App, DISH, Method, PRICE, order_body};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_makes_one_order_however_often_it_is_used() {
    let app = App::start().await;
    app.open(10, 3).await;
    let body = order_body("mina", 2, "tok-ok");
    // At the same moment: one is made, the others are answered the same.
    let all = join_all((0..8).map(|_| app.client().post("/orders", "k1", &body))).await;
    let first = all.iter().find(|answer| answer.header("idempotent-replayed").is_empty()).unwrap();
    let order = first.body["order_id"].as_str().unwrap();
    assert_eq!(first.header("location"), format!("/orders/{order}"));
    assert_eq!(first.body["total"], json!({"amount": 2 * PRICE, "currency": "KRW"}));
    let replayed = all.iter().filter(|it| it.header("idempotent-replayed") == "true").count();
    assert_eq!(replayed, 7);
    for answer in &all {
        assert_eq!((answer.status, &answer.body), (201, &first.body));
    }
    // The same in meaning: other order of fields, other white space.
    let mut other = json!({"payment": body["payment"], "address": body["address"]});
    for field in ["items", "store_id", "customer_id"] {
        other[field] = body[field].clone();
    }
    let again = app.client().post("/orders", "k1", &other).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    // Another body under the same key; the same key of another customer.
    let reused = app.client().post("/orders", "k1", &order_body("mina", 3, "tok-ok")).await;
    assert_eq!((reused.status, reused.slug()), (422, "idempotency-key-reused"));
    let theirs = app.client().post("/orders", "k1", &order_body("sora", 2, "tok-ok")).await;
    assert_eq!(theirs.status, 201);
    assert_ne!(theirs.body["order_id"], first.body["order_id"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_names_each_field_and_stores_nothing() {
    let app = App::start().await;
    app.open(10, 3).await;
    let good = order_body("mina", 1, "tok-ok");
    let with = |path: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(path).unwrap() = value;
        body
    };
    let mut unknown = good.clone();
    unknown["coupon"] = json!("x");
    let empty = json!({});
    for (body, status, fields) in [
        (with("/customer_id", json!("a b")), 422, vec!["customer_id"]),
        (with("/customer_id", json!(7)), 422, vec!["customer_id"]),
        (with("/items", json!([])), 422, vec!["items"]),
        (with("/items/0/quantity", json!(0)), 422, vec!["items[0].quantity"]),
        (with("/items/0/quantity", json!(1000)), 422, vec!["items[0].quantity"]),
        (with("/items/0/quantity", json!(1.5)), 422, vec!["items[0].quantity"]),
        (with("/items/0/menu_id", json!("no-such-dish")), 422, vec!["items[0].menu_id"]),
        (with("/store_id", json!("no-such-store")), 422, vec!["items[0].menu_id"]),
        (with("/address/district", json!("")), 422, vec!["address.district"]),
        (with("/address/line", json!(null)), 422, vec!["address.line"]),
        (unknown, 422, vec!["coupon"]),
        (empty, 422, vec!["customer_id", "store_id", "items", "address", "payment"]),
        (json!([1]), 400, vec![]),
    ] {
        let answer = app.client().post("/orders", "bad", &body).await;
        assert_eq!(answer.status, status, "{body}: {:?}", answer.body);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let mut wrong = answer.wrong_fields();
        wrong.sort_unstable();
        let mut expected = fields.clone();
        expected.sort_unstable();
        assert_eq!(wrong, expected, "{body}");
    }
    let sagas = app.client().get("/operator/sagas").await;
    assert_eq!(sagas.body["items"], json!([]), "nothing was stored");
    // The key is still free: only a 201 is remembered.
    assert_eq!(app.client().post("/orders", "bad", &good).await.status, 201);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_price_is_the_catalogs_at_that_moment() {
    let app = App::start().await;
    app.open(10, 3).await;
    let before = app.place("mina", 1, "tok-ok").await;
    let dish = json!({
        "name": "Cold noodles, large",
        "price": {"amount": PRICE + 500, "currency": "KRW"},
        "stock": 10,
    });
    app.client().put(&format!("/store/stores/{}/menu/{DISH}", testkit::STORE), &dish).await;
    app.until("the catalog has the new price", || async {
        let catalog = app.client().get(&format!("/catalog/stores/{}", testkit::STORE)).await;
        catalog.body["items"][0]["price"]["amount"] == json!(PRICE + 500)
    })
    .await;
    let after = app.place("mina", 1, "tok-ok").await;
    assert_eq!(app.order(&before).await["total"]["amount"], PRICE);
    assert_eq!(app.order(&after).await["total"]["amount"], PRICE + 500);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_is_never_sold_twice() {
    let app = App::start().await;
    app.open(3, 3).await;
    let orders = join_all((0..4).map(|n| {
        let app = &app;
        async move { app.place(&format!("customer-{n}"), 1, "tok-ok").await }
    }))
    .await;
    for order in &orders {
        app.until("the ticket is there", || async {
            let tickets =
                app.client().get(&format!("/store/stores/{}/tickets", testkit::STORE)).await;
            tickets.body["items"].to_string().contains(order.as_str())
        })
        .await;
    }
    let answers = join_all(orders.iter().map(|order| {
        let app = &app;
        async move {
            let path = format!("/store/tickets/{order}/acceptance");
            app.client().put(&path, &json!({"accepted": true})).await
        }
    }))
    .await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].status, refused[0].slug()), (409, "out-of-stock"));
    assert_eq!(app.stock().await, (0, 3, 0));
    let path = format!("/store/stores/{}/menu/{DISH}", testkit::STORE);
    let less = json!({"name": "x", "price": {"amount": 1, "currency": "KRW"}, "stock": 2});
    let too_low = app.client().put(&path, &less).await;
    assert_eq!((too_low.status, too_low.slug()), (409, "stock-too-low"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_leads_to_belongs_to_its_trace() {
    let app = App::start().await;
    app.open(10, 3).await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers = [("idempotency-key", "k1"), ("traceparent", trace)];
    let body = order_body("mina", 1, "tok-ok");
    let placed = app.client().send(Method::POST, "/orders", &headers, Some(&body)).await.unwrap();
    let order = placed.body["order_id"].as_str().unwrap().to_owned();
    app.reaches(&order, "paid").await;
    app.drained().await;
    let stored = Databases::in_directory(app.data()).await.unwrap();
    for (service, kind) in
        [(ServiceName::Orchestrator, "order-placed"), (ServiceName::Payment, "payment-authorized")]
    {
        let told = stored.published(service, 0).await.unwrap();
        let event = told.iter().find(|event| event.kind == kind).unwrap();
        let envelope: Value = serde_json::from_str(&event.payload).unwrap();
        assert_eq!(envelope["traceparent"], trace, "{kind}");
    }
    stored.close().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_and_every_part_is_ready() {
    let app = App::start().await;
    for service in ServiceName::ALL {
        let list = app.client().get(&format!("/{service}/dead-letters")).await;
        assert_eq!((list.status, &list.body["items"]), (200, &json!([])), "{service}");
        let parked = app.client().get(&format!("/{service}/parked")).await;
        assert_eq!((parked.status, &parked.body["items"]), (200, &json!([])), "{service}");
    }
    let ready = app.client().get("/readyz").await;
    assert_eq!(ready.status, 200, "{:?}", ready.body);
    for check in ["rider/path", "rider/broker", "rider/database"] {
        assert!(ready.body.to_string().contains(check), "{:?}", ready.body);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_can_be_read_as_metrics() {
    let app = App::start().await;
    app.open(10, 3).await;
    let order = app.place_and_start_cooking("mina", 1).await;
    app.cook(&order, "finish").await;
    for what in ["claim", "pickup", "confirmation"] {
        app.ride(&order, what).await;
    }
    app.reaches(&order, "delivered").await;
    app.drained().await;
    let metrics = app.client().get("/metrics").await;
    assert!(metrics.header("content-type").starts_with("application/openmetrics-text"));
    let value = |series: &str| -> f64 {
        let found = metrics.text.lines().find_map(|line| line.strip_prefix(series));
        let found = found.unwrap_or_else(|| panic!("{series} in\n{}", metrics.text));
        found.trim().parse().unwrap()
    };
    for (service, least) in
        [("orchestrator", 9.0), ("payment", 2.0), ("store", 2.0), ("cook", 1.0), ("rider", 1.0)]
    {
        let decided = format!(
            "expeditor_inputs_total{{service=\"{service}\",kind=\"message\",outcome=\"decided\"}}"
        );
        assert!(value(&decided) >= least, "{service}: {}", value(&decided));
        let of = |name: &str| value(&format!("{name}{{service=\"{service}\"}}"));
        assert!(of("expeditor_transactions_total") >= least);
        assert!(
            of("expeditor_consumer_connected") > 0.5 && of("expeditor_dead_letters_total") < 0.5
        );
    }
    let placed = "expeditor_http_requests_total{method=\"POST\",route=\"/orders\",status=\"2xx\"}";
    assert!((value(placed) - 1.0).abs() < 0.1);
    assert!(value("process_resident_memory_bytes") > 1_000_000.0);
    assert!(!metrics.text.contains(&order), "no id is a label");
    app.finish().await;
}

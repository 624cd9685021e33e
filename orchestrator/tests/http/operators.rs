//! Operators and the auditor look at what is there.

use contracts::EventType as E;
use serde_json::{Value, json};

use crate::rig::Rig;

fn ids(list: &Value, name: &str) -> Vec<String> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item[name].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn sagas_are_listed_newest_first_filtered_and_paged() {
    let rig = Rig::start().await;
    let (declined, first) = rig.placed("k1").await;
    let (_, second) = rig.placed("k2").await;
    let (_, third) = rig.placed("k3").await;
    rig.tell(&declined, E::PaymentDeclined).await;

    let all = rig.get("/operator/sagas").await.body;
    assert_eq!(ids(&all, "id"), [third.as_str(), &second, &first]);
    for (query, expected) in [
        ("status=cancelled", vec![&first]),
        ("status=running", vec![&third, &second]),
        ("step=pay", vec![&third, &second]),
        ("step=accept", vec![]),
        ("customer_id=c1&store_id=s1&status=cancelled", vec![&first]),
        ("customer_id=c2", vec![]),
        ("stalled=true", vec![]),
        ("until=2020-01-01T00:00:00Z", vec![]),
        (&format!("q={first}"), vec![&first]),
        (&format!("q={declined}"), vec![&first]),
    ] {
        let found = rig.get(&format!("/operator/sagas?{query}")).await;
        assert_eq!(found.status, 200, "{query}");
        assert_eq!(ids(&found.body, "id").iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let page = rig.get("/operator/sagas?limit=2").await.body;
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = rig.get(&format!("/operator/sagas?limit=2&cursor={cursor}")).await.body;
    assert_eq!(ids(&rest, "id"), [first]);
    assert_eq!(rig.get("/operator/sagas?status=lunch").await.status, 422);

    let running = &all["items"][0];
    assert_eq!((&running["waiting_on"], &running["version"]), (&json!("pay"), &json!(1)));
    assert!(running["waiting_since"].is_string() && running["next_attempt_at"].is_string());
    assert!(running["age"].as_f64().unwrap() >= 0.0);
}

#[tokio::test]
async fn one_saga_is_shown_with_its_steps_and_its_history() {
    let rig = Rig::start().await;
    let (order_id, saga_id) = rig.placed("k1").await;
    rig.tell(&order_id, E::PaymentAuthorized).await;
    let shown = rig.get(&format!("/operator/sagas/{saga_id}")).await.body;
    assert_eq!(shown["order_id"], json!(order_id));
    assert_eq!((&shown["waiting_on"], &shown["waiting_for"]), (&json!("accept"), &json!("store")));
    assert_eq!(shown["steps"][0]["state"], "done");
    assert_eq!(shown["steps"][1]["state"], "requested");

    let path = format!("/operator/sagas/{saga_id}/history");
    let events = |page: &Value| ids(page, "event");
    let whole = rig.get(&path).await.body;
    assert_eq!(
        events(&whole),
        ["saga_started", "step_requested", "fact_heard", "step_done", "step_requested"]
    );
    assert!(!whole.to_string().contains("canary"));
    let page = rig.get(&format!("{path}?limit=3")).await.body;
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = rig.get(&format!("{path}?limit=3&cursor={cursor}")).await.body;
    assert_eq!(events(&rest), ["step_done", "step_requested"]);
    assert_eq!(rig.get(&format!("{path}?cursor=61")).await.status, 422);
}

#[tokio::test]
async fn holdings_are_read_in_order_of_order_id() {
    let rig = Rig::start().await;
    let (first, saga_id) = rig.placed("k1").await;
    let (second, _) = rig.placed("k2").await;
    let page = rig.get("/orchestrator/holdings?limit=1").await.body;
    assert_eq!(ids(&page, "order_id"), [first]);
    assert_eq!(page["items"][0]["sagas"][0]["saga_id"], json!(saga_id));
    assert!(!page.to_string().contains("canary"));
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = rig.get(&format!("/orchestrator/holdings?limit=1&cursor={cursor}")).await.body;
    assert_eq!(ids(&rest, "order_id"), [second]);
}

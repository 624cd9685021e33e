//! The broker is away: orders are accepted, until messages have waited for too long.

use crate::rig::{Rig, order};

#[tokio::test]
async fn orders_are_refused_only_once_the_oldest_message_has_waited_too_long() {
    let rig = Rig::start_with(serde_json::from_str(r#"{"outbox_age_limit":2}"#).unwrap()).await;
    // Nothing gets through here, and yet.
    let (first, _) = rig.placed("k1").await;
    rig.placed("k2").await;
    let rig = &rig;
    rig.until("new orders are refused", || async {
        let answer = rig.order("k1", &order()).await;
        assert!(matches!(answer.status, 201 | 503), "{answer:?}");
        answer.status == 503
    })
    .await;
    let refused = rig.order("k3", &order()).await;
    assert_eq!((refused.status, refused.slug()), (503, "outbox-too-old"));
    assert_eq!(refused.header("retry-after"), Some("10"));

    // Everything else goes on.
    assert_eq!(rig.get(&format!("/orders/{first}")).await.status, 200);
    assert_eq!(rig.delete(&format!("/orders/{first}")).await.status, 202);

    rig.drain().await;
    rig.until("new orders are taken again", || async {
        rig.order("k3", &order()).await.status == 201
    })
    .await;
}

#[tokio::test]
async fn by_default_ten_minutes_may_pass() {
    let settings = orchestrator::Settings::default();
    assert_eq!(settings.outbox_age_limit.as_secs(), 600);
    let empty: orchestrator::Settings = serde_json::from_str("{}").unwrap();
    assert_eq!(empty, settings);
}

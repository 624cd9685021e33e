//! MyPage over HTTP, on the real path and database.

use contracts::OrderId;
use serde_json::{Value, json};

use super::{
    builders::{STORIES, order, story},
    rig::Rig,
};

fn ids(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item["order_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_order_is_shown_with_the_progress_of_each_part() {
    let rig = Rig::start().await;
    for told in story(&order(), "c1", STORIES[0].1) {
        rig.tell(&told).await;
    }
    let (status, shown) = rig.get("/mypage/orders/o1").await;
    assert_eq!(status, 200);
    for (pointer, expected) in [
        ("/status", json!("delivered")),
        ("/customer_id", json!("c1")),
        ("/total/amount", json!(19_000)),
        ("/payment/latest", json!("payment-captured")),
        ("/payment/milestones/1/data/amount/amount", json!(19_000)),
        ("/acceptance/milestones/0/type", json!("order-accepted")),
        ("/cooking/latest", json!("cook-finished")),
        ("/delivery/rider_id", json!("r1")),
        ("/delivery/offered_at", json!("1970-01-01T00:04:00.000Z")),
        ("/delivery/latest", json!("delivery-confirmed")),
        ("/cancellation", json!("refused")),
        ("/updated_at", json!("1970-01-01T00:15:00.000Z")),
    ] {
        assert_eq!(shown.pointer(pointer), Some(&expected), "{pointer}: {shown:#}");
    }
    let (_, list) = rig.get("/mypage/customers/c1/orders").await;
    assert_eq!(list["items"][0], shown);
}

#[tokio::test]
async fn what_comes_before_its_order_waits_and_is_shown_with_it() {
    let rig = Rig::start().await;
    let mut told = story(&order(), "c1", STORIES[5].1);
    told.reverse();
    let (placed, before) = told.split_last().unwrap();
    for told in before {
        rig.tell(told).await;
    }
    assert_eq!(rig.get("/mypage/orders/o1").await.0, 404);
    assert!(ids(&rig.get("/mypage/customers/c1/orders").await.1).is_empty());
    rig.tell(placed).await;
    assert_eq!(rig.get("/mypage/orders/o1").await.1["status"], "cooking");
}

#[tokio::test]
async fn what_is_forgotten_and_sent_again_is_as_it_was() {
    let rig = Rig::start().await;
    let told = story(&order(), "c1", STORIES[4].1);
    let sent: Vec<_> = told.iter().map(|told| (told, rig.id())).collect();
    for (told, id) in &sent {
        rig.tell_again(told, *id).await;
    }
    let (status, before) = rig.get("/mypage/orders/o1").await;
    assert_eq!((status, &before["status"]), (200, &json!("returned")));
    assert_eq!(rig.database.forget_all().await.unwrap(), 1);
    assert_eq!(rig.get("/mypage/orders/o1").await.0, 404);
    for (told, id) in sent.iter().rev() {
        rig.tell_again(told, *id).await;
    }
    assert_eq!(rig.get("/mypage/orders/o1").await, (200, before));
}

#[tokio::test]
async fn a_customers_orders_come_newest_first_and_page_by_page() {
    let rig = Rig::start().await;
    for (id, customer) in [("a", "c1"), ("b", "c1"), ("c", "c2"), ("d", "c1")] {
        for told in story(&OrderId::new(id).unwrap(), customer, STORIES[1].1) {
            rig.tell(&told).await;
        }
    }
    let (_, first) = rig.get("/mypage/customers/c1/orders?limit=2").await;
    assert_eq!(ids(&first), ["d", "b"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, second) = rig.get(&format!("/mypage/customers/c1/orders?cursor={cursor}")).await;
    assert_eq!((ids(&second), &second["next_cursor"]), (vec!["a"], &Value::Null));
    for (path, status) in [
        ("/mypage/customers/c%201/orders", 422),
        ("/mypage/customers/c1/orders?limit=0", 422),
        ("/mypage/orders/o%201", 422),
        ("/mypage/orders/nobody", 404),
    ] {
        assert_eq!(rig.get(path).await.0, status, "{path}");
    }
}

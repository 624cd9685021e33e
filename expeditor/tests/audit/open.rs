//! Damage to orders that have not ended: timers, columns, a row that was rolled back.

use std::{path::Path, time::Duration};

use contracts::ServiceName::{Cook, Orchestrator, Payment, Rider, Store};
use expeditor::{
    audit::Knowledge,
    people::client::Client,
    system::{Settings, System},
};
use runtime::ports::Ports;
use serde_json::json;

use crate::{
    in_flight::{place, put, seen, wait},
    world::{Case, assert_holds, case, copy_databases, damage, each_is_found, is_found, look},
};

const OPEN: &str = "SELECT id FROM aggregate WHERE kind = 'order' AND state = 'accepted'";
const ENDED: &str = "SELECT id FROM aggregate WHERE kind = 'order' AND state = 'cancelled'";
const SAGA: &str = "SELECT saga_id FROM saga WHERE status = 'running'";
const HELD: &str = "SELECT id FROM aggregate WHERE state = 'authorized'";
const TICKET: &str = "SELECT id FROM aggregate WHERE kind = 'ticket' AND state = 'accepted'";
const QUEUED: &str = "SELECT id FROM aggregate WHERE kind = 'ticket' AND state = 'queued'";

const CASES: &[Case] = &[
    // I2: held, asked and charged for something else than what was ordered.
    case(
        2,
        Payment,
        HELD,
        "UPDATE aggregate SET body = json_set(body, '$.authorization.amount.amount', 1)
         WHERE id = ?1",
    ),
    case(
        2,
        Payment,
        HELD,
        "UPDATE aggregate SET body = json_set(body, '$.authorization.state', 'voided')
         WHERE id = ?1",
    ),
    case(
        2,
        Store,
        TICKET,
        "UPDATE aggregate SET body = json_set(body, '$.asked.items[0].menu_id', 'm2')
         WHERE id = ?1 AND kind = 'ticket'",
    ),
    case(
        2,
        Cook,
        QUEUED,
        "UPDATE aggregate SET body = json_set(body, '$.items[0].quantity', 99) WHERE id = ?1",
    ),
    case(
        2,
        Orchestrator,
        OPEN,
        "UPDATE aggregate SET body = json_set(body, '$.items[0].unit_price.amount', 1)
         WHERE kind = 'order' AND id = ?1",
    ),
    // I3: a timer that should have fired long ago, one that never will, one of an order that has
    // ended, none at all; and one that is as it was set, while the service worked on for hours.
    case(
        3,
        Orchestrator,
        OPEN,
        "UPDATE aggregate SET wake_at = wake_at - 36000000 WHERE kind = 'order' AND id = ?1",
    ),
    case(
        3,
        Orchestrator,
        OPEN,
        "UPDATE aggregate SET wake_at = wake_at + 360000000000 WHERE kind = 'order' AND id = ?1",
    ),
    case(
        3,
        Orchestrator,
        ENDED,
        "UPDATE aggregate SET wake_at = updated_at WHERE kind = 'order' AND id = ?1",
    ),
    case(
        3,
        Orchestrator,
        OPEN,
        "UPDATE aggregate SET wake_at = NULL WHERE kind = 'order' AND id = ?1",
    ),
    case(
        3,
        Orchestrator,
        OPEN,
        "UPDATE aggregate SET updated_at = updated_at + 36000000
         WHERE kind = 'order' AND state = 'cancelled' AND ?1 = ?1",
    ),
    // I5: columns that say something else than the body, a version that is not the body's.
    case(
        5,
        Orchestrator,
        OPEN,
        "UPDATE aggregate SET version = version + 1 WHERE kind = 'order' AND id = ?1",
    ),
    case(
        5,
        Orchestrator,
        OPEN,
        "UPDATE aggregate SET state = 'cooking' WHERE kind = 'order' AND id = ?1",
    ),
    case(
        5,
        Orchestrator,
        OPEN,
        "UPDATE aggregate SET owner = 'nobody' WHERE kind = 'order' AND id = ?1",
    ),
    case(5, Payment, HELD, "UPDATE aggregate SET state = 'captured' WHERE id = ?1"),
    case(5, Store, TICKET, "UPDATE aggregate SET owner = 's2' WHERE id = ?1"),
    case(5, Cook, QUEUED, "UPDATE aggregate SET state = 'finished' WHERE id = ?1"),
    case(
        5,
        Rider,
        "SELECT id FROM aggregate WHERE kind = 'delivery' ORDER BY id LIMIT 1",
        "UPDATE aggregate SET owner = 'yongsan' WHERE kind = 'delivery' AND id = ?1",
    ),
    case(
        5,
        Rider,
        "SELECT id FROM aggregate WHERE kind = 'rider'",
        "UPDATE aggregate SET state = 'off_duty' WHERE kind = 'rider' AND id = ?1",
    ),
    case(
        5,
        Store,
        "SELECT id FROM aggregate WHERE kind = 'menu_item'",
        "UPDATE aggregate SET state = 'sold_out' WHERE kind = 'menu_item' AND id = ?1",
    ),
    case(5, Orchestrator, OPEN, "UPDATE saga SET waiting_on = 'pay' WHERE order_id = ?1"),
    case(
        5,
        Orchestrator,
        "SELECT id FROM aggregate WHERE kind = 'catalog_item'",
        "UPDATE aggregate SET owner = 's2' WHERE kind = 'catalog_item' AND id = ?1",
    ),
    case(
        5,
        Orchestrator,
        "SELECT id FROM aggregate WHERE kind = 'idempotency_key'",
        "UPDATE aggregate SET state = 'free' WHERE kind = 'idempotency_key' AND id = ?1",
    ),
    case(5, Orchestrator, OPEN, "UPDATE saga SET stalled = 1 WHERE order_id = ?1"),
    case(5, Orchestrator, OPEN, "UPDATE saga SET status = 'stuck' WHERE order_id = ?1"),
    case(5, Orchestrator, OPEN, "UPDATE saga SET next_attempt_at = 0 WHERE order_id = ?1"),
    case(5, Orchestrator, OPEN, "UPDATE saga SET customer_id = 'c9' WHERE order_id = ?1"),
    // I6: a saga that is found under another order, a history without its saga.
    case(
        6,
        Orchestrator,
        SAGA,
        "UPDATE saga SET order_id =
           (SELECT id FROM aggregate WHERE kind = 'order' AND state = 'cancelled')
         WHERE saga_id = ?1",
    ),
    case(6, Orchestrator, SAGA, "DELETE FROM saga WHERE saga_id = ?1"),
    // I8: the orchestrator has published what its order knows nothing of.
    case(
        8,
        Orchestrator,
        OPEN,
        "UPDATE published_event SET sequence = 99
         WHERE id = (SELECT max(id) FROM published_event WHERE subject = ?1)",
    ),
];

/// The order as it was before the store had accepted it, beside everything that came of that.
const ROLLED_BACK: Case = case(
    5,
    Orchestrator,
    OPEN,
    "INSERT OR REPLACE INTO aggregate
     SELECT * FROM earlier.aggregate WHERE kind = 'order' AND id = ?1",
);

#[tokio::test]
async fn damage_to_an_order_that_has_not_ended_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (sound, earlier) = (dir.path().join("sound"), dir.path().join("earlier"));
    let (system, client) = start(&sound).await;
    let price = json!({ "amount": 9_500, "currency": "KRW" });
    let dish = json!({ "name": "Bibimbap", "price": price, "stock": 10 });
    put(&client, "/store/stores/s1/menu/m1", &dish).await;
    let shift = json!({ "district": "mapo", "on_duty": true });
    put(&client, "/rider/riders/r1", &shift).await;
    let rejected = place(&client, "key-1").await;
    put(&client, &acceptance(&rejected), &json!({ "accepted": false })).await;
    wait(&client, &rejected, "cancelled").await;
    let order = place(&client, "key-2").await;
    wait(&client, &order, "paid").await;
    system.stop().await;
    copy_databases(&sound, &earlier);

    let (system, client) = start(&sound).await;
    put(&client, &acceptance(&order), &json!({ "accepted": true })).await;
    wait(&client, &order, "accepted").await;
    seen(&client, &format!("/cook/tickets/{order}")).await;
    system.stop().await;

    let known = Knowledge::default();
    assert_holds(&look(&sound, &known).await, "undamaged");
    each_is_found(&sound, &known, CASES).await;

    let copy = dir.path().join("rolled-back");
    copy_databases(&sound, &copy);
    let offender = damage(&copy, &ROLLED_BACK, Some(&earlier)).await;
    is_found(&look(&copy, &known).await, &ROLLED_BACK, &offender);
}

#[tokio::test]
async fn dead_letters_are_counted_by_service_and_are_no_violation() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    start(&data).await.0.stop().await;
    let bury = case(
        0,
        Store,
        "SELECT 'commands'",
        "INSERT INTO dead_letter (consumer, bytes, headers, error, attempts, at)
         VALUES (?1, x'00', '{}', 'on purpose', 1, 0)",
    );
    damage(&data, &bury, None).await;
    let report = look(&data, &Knowledge::default()).await;
    assert_holds(&report, "a dead letter waits for a person");
    let kept: u64 = report.dead_letters().values().sum();
    assert_eq!((report.dead_letters()["store"], kept), (1, 1));
}

async fn start(data: &Path) -> (System, Client) {
    let anywhere = ([127, 0, 0, 1], 0).into();
    let system = System::start(data, anywhere, Settings::default(), Ports::system()).await.unwrap();
    let client = system.client(Duration::from_secs(10));
    (system, client)
}

fn acceptance(order: &str) -> String {
    format!("/store/tickets/{order}/acceptance")
}

//! The audit, over what a small run has left: it finds nothing, not even beside the running
//! system, and in copies that are damaged on purpose it finds each damage, under the right
//! invariant and with the first offender.

use std::{cell::Cell, iter, path::Path, time::Duration};

use contracts::ServiceName::{Cook, Mypage, Orchestrator, Payment, Rider, Store};
use expeditor::{
    audit::Knowledge,
    people::{
        pace::Closing,
        plan::Plans,
        show::{Script, Show},
    },
    system::{self, System},
};
use runtime::ports::Ports;

use crate::world::{Case, assert_holds, case, each_is_found, look};

const DELIVERED: &str =
    "SELECT id FROM aggregate WHERE kind = 'order' AND state = 'delivered' ORDER BY id LIMIT 1";
const CAPTURED: &str = "SELECT id FROM aggregate WHERE state = 'captured' ORDER BY id LIMIT 1";
const SETTLED: &str = "SELECT id FROM aggregate WHERE state = 'settled' ORDER BY id LIMIT 1";
const COPY: &str = "SELECT id FROM aggregate WHERE kind = 'catalog_item' ORDER BY id LIMIT 1";

const CASES: &[Case] = &[
    // I1: an acknowledged order is gone, a key made two orders, an order has no key.
    case(1, Orchestrator, DELIVERED, "DELETE FROM aggregate WHERE kind = 'order' AND id = ?1"),
    case(
        1,
        Orchestrator,
        DELIVERED,
        "INSERT INTO aggregate (kind, id, version, messages, state, owner, wake_at, updated_at, body)
         SELECT kind, id || '-again', version, messages, state, owner, wake_at, updated_at, body
         FROM aggregate
         WHERE kind = 'idempotency_key' AND json_extract(body, '$.order_id') = ?1",
    ),
    case(
        1,
        Orchestrator,
        DELIVERED,
        "DELETE FROM aggregate
         WHERE kind = 'idempotency_key' AND json_extract(body, '$.order_id') = ?1",
    ),
    // I2: charged twice, charged another amount, cooked and called off, stock and loads that do
    // not add up, a state that no fact leads to.
    case(
        2,
        Payment,
        CAPTURED,
        "UPDATE aggregate SET body = json_insert(body, '$.record.milestones[#]',
           json(json_extract(body, '$.record.milestones[#-1]'))) WHERE id = ?1",
    ),
    case(
        2,
        Payment,
        CAPTURED,
        "UPDATE aggregate SET body =
           json_set(body, '$.record.milestones[#-1].data.amount.amount', 1) WHERE id = ?1",
    ),
    case(
        2,
        Cook,
        "SELECT id FROM aggregate WHERE state = 'finished' ORDER BY id LIMIT 1",
        "UPDATE aggregate SET body =
           json_set(body, '$.record.milestones[#-1].type', 'cooking-cancelled') WHERE id = ?1",
    ),
    case(
        2,
        Store,
        "SELECT id FROM aggregate WHERE kind = 'menu_item' ORDER BY id LIMIT 1",
        "UPDATE aggregate SET body = json_set(body, '$.sold', json_extract(body, '$.sold') + 1)
         WHERE kind = 'menu_item' AND id = ?1",
    ),
    case(
        2,
        Store,
        "SELECT id FROM aggregate WHERE kind = 'menu_item' ORDER BY id LIMIT 1",
        "UPDATE aggregate SET body =
           json_set(body, '$.on_hand', json_extract(body, '$.on_hand') - 1)
         WHERE kind = 'menu_item' AND id = ?1",
    ),
    case(
        2,
        Rider,
        "SELECT id FROM aggregate WHERE kind = 'load' ORDER BY id LIMIT 1",
        "UPDATE aggregate SET body = json_insert(body, '$.orders[#]', 'o-1')
         WHERE kind = 'load' AND id = ?1",
    ),
    case(
        2,
        Store,
        SETTLED,
        "UPDATE aggregate SET body = json_set(body, '$.state', 'restocked') WHERE id = ?1",
    ),
    case(2, Payment, CAPTURED, "UPDATE aggregate SET body = '{' WHERE id = ?1"),
    // I2, for amounts: taken and given back another one than was said.
    case(
        2,
        Payment,
        CAPTURED,
        "UPDATE aggregate SET body = json_set(body, '$.capture.amount.amount', 1) WHERE id = ?1",
    ),
    case(
        2,
        Payment,
        "SELECT id FROM aggregate WHERE state = 'refunded' ORDER BY id LIMIT 1",
        "UPDATE aggregate SET body = json_set(body, '$.refund.amount.amount', 1) WHERE id = ?1",
    ),
    case(
        2,
        Payment,
        CAPTURED,
        "UPDATE aggregate SET body = json_set(body, '$.capture', null) WHERE id = ?1",
    ),
    // I3: a saga that waits for nothing.
    case(
        3,
        Orchestrator,
        DELIVERED,
        "UPDATE aggregate SET body = json_set(body, '$.sagas[0].phase', 'running')
         WHERE kind = 'order' AND id = ?1",
    ),
    // I4: delivered and not paid, delivered and not settled, cancelled and paid, cancelled although
    // cooking had started, returned and not restocked.
    case(
        4,
        Payment,
        CAPTURED,
        "UPDATE aggregate SET body = json_remove(body, '$.record.milestones[#-1]') WHERE id = ?1",
    ),
    case(
        4,
        Store,
        SETTLED,
        "UPDATE aggregate SET body = json_remove(body, '$.record.milestones[#-1]') WHERE id = ?1",
    ),
    case(
        4,
        Payment,
        "SELECT id FROM aggregate WHERE state = 'voided'
           AND json_array_length(body, '$.record.milestones') = 2 ORDER BY id LIMIT 1",
        "UPDATE aggregate SET body =
           json_set(body, '$.record.milestones[#-1].type', 'payment-captured') WHERE id = ?1",
    ),
    case(
        4,
        Cook,
        "SELECT id FROM aggregate WHERE state = 'cancelled' ORDER BY id LIMIT 1",
        "UPDATE aggregate SET body =
           json_set(body, '$.record.milestones[0].type', 'cook-started') WHERE id = ?1",
    ),
    case(
        4,
        Store,
        "SELECT id FROM aggregate WHERE state = 'restocked' ORDER BY id LIMIT 1",
        "UPDATE aggregate SET body = json_remove(body, '$.record.milestones[#-1]') WHERE id = ?1",
    ),
    // I5: a gap, a lost end, something after the end, a state that the history does not lead to,
    // a search row that says something else, none at all, a body that cannot be read.
    case(
        5,
        Orchestrator,
        DELIVERED,
        "DELETE FROM history WHERE version = 3
           AND stream = (SELECT saga_id FROM saga WHERE order_id = ?1)",
    ),
    case(
        5,
        Orchestrator,
        DELIVERED,
        "DELETE FROM history WHERE rowid = (SELECT max(rowid) FROM history
           WHERE stream = (SELECT saga_id FROM saga WHERE order_id = ?1))",
    ),
    case(
        5,
        Orchestrator,
        DELIVERED,
        "INSERT INTO history (stream, version, at, body)
         SELECT stream, version + 1, at, body FROM history WHERE rowid = (SELECT max(rowid)
           FROM history WHERE stream = (SELECT saga_id FROM saga WHERE order_id = ?1))",
    ),
    case(
        5,
        Orchestrator,
        DELIVERED,
        "UPDATE aggregate SET body = json_set(body, '$.sagas[0].steps[0].attempts', 9)
         WHERE kind = 'order' AND id = ?1",
    ),
    case(5, Orchestrator, DELIVERED, "UPDATE saga SET status = 'running' WHERE order_id = ?1"),
    case(5, Orchestrator, DELIVERED, "DELETE FROM saga WHERE order_id = ?1"),
    case(
        5,
        Rider,
        "SELECT id FROM aggregate WHERE kind = 'load' ORDER BY id LIMIT 1",
        "UPDATE aggregate SET state = 'carrying' WHERE kind = 'load' AND id = ?1",
    ),
    case(
        5,
        Orchestrator,
        DELIVERED,
        "UPDATE aggregate SET body = '[]' WHERE kind = 'order' AND id = ?1",
    ),
    // I6: holdings without their order, one still active under an order that is finished, a saga
    // without its order.
    case(6, Orchestrator, DELIVERED, "DELETE FROM aggregate WHERE kind = 'order' AND id = ?1"),
    case(
        6,
        Store,
        SETTLED,
        "UPDATE aggregate SET body =
           json_set(json_remove(body, '$.record.milestones[#-1]'), '$.state', 'accepted')
         WHERE id = ?1",
    ),
    case(
        6,
        Orchestrator,
        "SELECT saga_id FROM saga ORDER BY saga_id LIMIT 1",
        "UPDATE saga SET order_id = 'o-1' WHERE saga_id = ?1",
    ),
    // I7: a price that was never told, an item that is missing, one that nobody told of, one that
    // is ahead, one that lags.
    case(
        7,
        Orchestrator,
        COPY,
        "UPDATE aggregate SET body = json_set(body, '$.price.amount', 1)
         WHERE kind = 'catalog_item' AND id = ?1",
    ),
    case(7, Orchestrator, COPY, "DELETE FROM aggregate WHERE kind = 'catalog_item' AND id = ?1"),
    case(
        7,
        Store,
        "SELECT subject FROM published_event WHERE kind = 'menu-item-changed' ORDER BY subject
         LIMIT 1",
        "DELETE FROM published_event WHERE subject = ?1",
    ),
    case(
        7,
        Orchestrator,
        COPY,
        "UPDATE aggregate SET body = json_set(body, '$.sequence', 99)
         WHERE kind = 'catalog_item' AND id = ?1",
    ),
    case(
        7,
        Orchestrator,
        COPY,
        "UPDATE aggregate SET body = json_set(body, '$.sequence', 0)
         WHERE kind = 'catalog_item' AND id = ?1",
    ),
    // I7, for MyPage: an order is missing, its end is, more is shown than was told, something else is,
    // and what is shown was never told.
    case(7, Mypage, DELIVERED, "DELETE FROM aggregate WHERE kind = 'order' AND id = ?1"),
    case(
        7,
        Mypage,
        DELIVERED,
        "UPDATE aggregate SET body = json_set(body, '$.ended', null) WHERE id = ?1",
    ),
    case(
        7,
        Mypage,
        DELIVERED,
        "UPDATE aggregate SET body = json_insert(body, '$.progress.cook.milestones[#]',
           json(json_extract(body, '$.progress.cook.milestones[#-1]'))) WHERE id = ?1",
    ),
    case(
        7,
        Mypage,
        DELIVERED,
        "UPDATE aggregate SET body = json_remove(body, '$.progress.rider.milestones[#-1]')
         WHERE id = ?1",
    ),
    case(
        7,
        Mypage,
        DELIVERED,
        "UPDATE aggregate SET body = json_set(body, '$.placed.total.amount', 1) WHERE id = ?1",
    ),
    case(
        7,
        Cook,
        "SELECT subject FROM published_event WHERE kind = 'cook-finished' ORDER BY subject LIMIT 1",
        "DELETE FROM published_event WHERE subject = ?1",
    ),
    case(5, Mypage, DELIVERED, "UPDATE aggregate SET state = 'placed' WHERE id = ?1"),
    // I8: heard beyond what there is, published twice, published out of order, published beyond
    // what there is, a row that does not count with its record.
    case(
        8,
        Orchestrator,
        DELIVERED,
        "UPDATE aggregate SET body = json_set(body, '$.sagas[0].cursors.payment.sequence', 99)
         WHERE kind = 'order' AND id = ?1",
    ),
    case(
        8,
        Payment,
        CAPTURED,
        "INSERT INTO published_event (kind, subject, sequence, payload)
         SELECT kind, subject, sequence, payload FROM published_event WHERE subject = ?1 LIMIT 1",
    ),
    case(
        8,
        Payment,
        CAPTURED,
        "UPDATE published_event SET sequence = 99
         WHERE id = (SELECT min(id) FROM published_event WHERE subject = ?1)",
    ),
    case(
        8,
        Payment,
        CAPTURED,
        "UPDATE published_event SET sequence = 99
         WHERE id = (SELECT max(id) FROM published_event WHERE subject = ?1)",
    ),
    case(8, Payment, CAPTURED, "UPDATE aggregate SET version = version + 1 WHERE id = ?1"),
    // I9: a message that was never sent.
    case(
        9,
        Payment,
        "SELECT 'payment'",
        "INSERT INTO outbox (bucket, key, seq, message_id, exchange, routing_key, payload, created_at)
         VALUES (0, ?1, 1, zeroblob(16), 'e', 'r', '{}', 0)",
    ),
    // I10: an action of nobody.
    case(
        10,
        Orchestrator,
        DELIVERED,
        "UPDATE history SET body = json_object('at', 0, 'event', 'operator_acted', 'action', 'retry',
           'by', ' ', 'reason', 'r')
         WHERE version = 2 AND stream = (SELECT saga_id FROM saga WHERE order_id = ?1)",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_found_in_a_sound_system_and_every_damage_in_a_damaged_one() {
    let dir = tempfile::tempdir().unwrap();
    let sound = dir.path().join("sound");
    let known = run(&sound).await;
    assert_holds(&look(&sound, &known).await, "at rest");

    each_is_found(&sound, &known, CASES).await;
}

/// How often the running system is looked at, at the least.
const LOOKS: u32 = 3;
/// What people are given to act, while the audit takes a part of the machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// A small run with every ending, audited again and again meanwhile: what is on its way is never
/// taken for a violation. It goes on until it was looked at often enough.
async fn run(data: &Path) -> Knowledge {
    let mut settings = Show::settings(system::Settings::default());
    let deadlines = &mut settings.orchestrator.deadlines;
    for deadline in [&mut deadlines.accept, &mut deadlines.cook_start, &mut deadlines.assign] {
        *deadline = Some(DEADLINE);
    }
    let ports = Ports::system();
    let anywhere = ([127, 0, 0, 1], 0).into();
    let system = System::start(data, anywhere, settings, ports.clone()).await.unwrap();
    let script = Script { orders: 40, rate: 10.0, seed: 11 };
    let (looks, mut further) = (Cell::new(0), Plans::new(script.seed + 1));
    let further = iter::from_fn(|| (looks.get() < LOOKS).then(|| further.draw()));
    let plans = Plans::new(script.seed).draw_all(script.orders).into_iter().chain(further);
    let (_open, closing) = Closing::new();
    let play = Show::play_plans(&system, plans, &script, closing, || ());
    let meanwhile = async {
        loop {
            let began = ports.clock.elapsed();
            assert_holds(&look(data, &Knowledge::default()).await, "beside the running system");
            looks.set(looks.get() + 1);
            // What is looked at has as much time to itself.
            let took = ports.clock.elapsed().saturating_sub(began);
            ports.clock.sleep(took.max(Duration::from_millis(200))).await;
        }
    };
    let show = tokio::select! {
        show = play => show.unwrap(),
        never = meanwhile => never,
    };
    assert!(looks.get() >= LOOKS, "it was looked at {} times only", looks.get());
    system.stop().await;
    assert_eq!(show.complaints, Vec::<String>::new());
    show.knowledge()
}

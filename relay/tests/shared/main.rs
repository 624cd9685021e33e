//! Relays that share an outbox, between a real PostgreSQL and a real RabbitMQ, held against a ledger:
//! every message has a row in a table of the test's own that was written by the same transaction.
//! What was heard and what is parked is compared with it.
//!
//! The harness is itself put to the test: with any one protection taken out it must find a loss.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod faults;
mod ledger;
#[path = "../../../crates/runtime/tests/broker_rabbitmq/proxy.rs"]
mod proxy;
mod relays;
#[allow(dead_code, reason = "it serves the broker's tests as well")]
#[path = "../../../crates/runtime/tests/broker_rabbitmq/rig.rs"]
mod rig;
#[path = "../../../crates/runtime/tests/database_contract/server.rs"]
mod server;
mod stage;

use std::time::Duration;

use ledger::Verdict;
use relay::SharedOptions;
use relays::{Fault, Parts};
use stage::Stage;

/// How long writers write in a test of the harness.
const LOAD: Duration = Duration::from_secs(6);

/// Two relays under load, while the broker goes away again and again, connections to the database
/// are ended, and transactions take their time.
async fn storm(fault: Fault) -> Verdict {
    let stage = Stage::new().await;
    let parts = Parts { fault, ..stage.parts() };
    let mut one = parts.start("one").await;
    let other = parts.start("other").await;
    stage.shared_by(&[&one, &other]).await;
    let load = stage.load();
    let begun = stage.ports.clock.elapsed();
    // It takes its id now, and commits when the relay looks back no further than behind it.
    let slow = stage.write_slowly("k/slow", LOAD.mul_f64(0.9));
    let mut round = 0;
    while stage.ports.clock.elapsed() < begun + LOAD {
        round += 1;
        stage.more_heard(100).await;
        stage.proxy.cut();
        stage.ports.clock.sleep(Duration::from_millis(100)).await;
        stage.proxy.mend();
        if round % 3 == 0 {
            stage.end_connections().await;
        }
        if round % 4 == 0 {
            // It is killed, and comes back as the same one.
            one.kill();
            one = parts.start("one").await;
        }
    }
    slow.await.unwrap();
    let verdict = stage.verdict(load).await;
    one.stop().await;
    other.stop().await;
    stage.end().await;
    verdict
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_order_is_kept_in_a_storm() {
    let verdict = storm(Fault::None).await;
    println!("{verdict:?}");
    verdict.holds();
    assert!(verdict.parked > 0, "some rows are unroutable: {verdict:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_shows_when_rows_are_deleted_before_they_are_confirmed() {
    let verdict = storm(Fault::DeleteBeforeConfirm).await;
    assert!(!verdict.missing.is_empty(), "{verdict:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_shows_when_returned_messages_are_not_noticed() {
    let verdict = storm(Fault::NotMandatory).await;
    assert!(!verdict.missing.is_empty(), "{verdict:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_shows_when_each_message_is_judged_by_its_own_confirm() {
    let verdict = storm(Fault::OwnConfirm).await;
    assert!(!verdict.missing.is_empty(), "{verdict:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_shows_when_ids_are_a_cursor() {
    let verdict = storm(Fault::Cursor).await;
    assert!(!verdict.missing.is_empty(), "{verdict:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_shows_when_nothing_is_read_again_from_zero() {
    let verdict = storm(Fault::NoRescan).await;
    assert!(!verdict.missing.is_empty(), "{verdict:?}");
}

/// The other one takes over, in real time; and back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_relays_killed_in_turn_under_load() {
    const TAKEOVER: Duration = Duration::from_secs(15);
    let stage = Stage::new().await;
    let parts = stage.parts();
    let (mut one, mut other) = (parts.start("one").await, parts.start("other").await);
    stage.shared_by(&[&one, &other]).await;
    let load = stage.load();
    stage.more_heard(500).await;
    for _ in 0..2 {
        let killed = stage.ports.clock.elapsed();
        let name = one.kill();
        stage.shared_by(&[&other]).await;
        let took = stage.ports.clock.elapsed().saturating_sub(killed);
        assert!(took <= TAKEOVER, "{took:?}");
        stage.more_heard(500).await;
        // One that starts again shares at once what the other gives up.
        one = parts.start(&name).await;
        stage.shared_by(&[&one, &other]).await;
        std::mem::swap(&mut one, &mut other);
    }
    let verdict = stage.verdict(load).await;
    println!("{verdict:?}");
    verdict.holds();
    one.stop().await;
    other.stop().await;
    stage.nobody_leases().await;
    stage.end().await;
}

/// It needs not wait for its own leases, and one that ends in order lets nobody wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_comes_back_goes_on_at_once() {
    let stage = Stage::new().await;
    let parts = stage.parts();
    let one = parts.start("one").await;
    let load = stage.load();
    stage.more_heard(100).await;
    one.kill();
    let killed = stage.ports.clock.elapsed();
    let one = parts.start("one").await;
    stage.more_heard(100).await;
    one.stop().await;
    let other = parts.start("other").await;
    stage.more_heard(100).await;
    let took = stage.ports.clock.elapsed().saturating_sub(killed);
    assert!(took < runtime::db::LEASE, "{took:?}");
    stage.verdict(load).await.holds();
    other.stop().await;
    stage.end().await;
}

/// What one gives up for another that has joined waits until that one takes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_handed_over_to_a_relay_that_joins_waits_for_a_moment_only() {
    let stage = Stage::new().await;
    let parts = stage.parts();
    let one = parts.start("one").await;
    stage.shared_by(&[&one]).await;
    // So that the turns in which they renew their leases lie apart.
    let late = SharedOptions::default().renew * 3 / 4;
    stage
        .until("its leases were renewed a while ago", || async { stage.renewed().await > late })
        .await;
    let other = parts.start("other").await;
    let mut longest = Duration::ZERO;
    let mut free_since = None;
    while stage.leased_by(&other).await < 32 {
        let now = stage.ports.clock.elapsed();
        let free = stage.leased_by(&one).await + stage.leased_by(&other).await < 64;
        let since = *free_since.get_or_insert(now);
        free_since = free.then_some(since);
        longest = longest.max(if free { now.saturating_sub(since) } else { Duration::ZERO });
    }
    println!("what was handed over waited for {longest:?}");
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    one.stop().await;
    other.stop().await;
    stage.end().await;
}

/// A relay that can't renew its leases stops before they end, and another may have them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_cannot_renew_its_leases_falls_silent() {
    let stage = Stage::new().await;
    let parts = Parts { fault: Fault::CannotRenew, ..stage.parts() };
    let begun = stage.ports.clock.elapsed();
    let one = parts.start("one").await;
    let load = stage.load();
    stage.more_heard(100).await;
    stage.quiet_for(Duration::from_secs(2)).await;
    let silent = stage.ports.clock.elapsed().saturating_sub(begun);
    assert!(silent < runtime::db::LEASE, "before its lease ends: {silent:?}");
    let other = stage.parts().start("other").await;
    stage.verdict(load).await.holds();
    other.stop().await;
    one.kill();
    stage.end().await;
}

/// What no queue takes is put off, then parked; its key waits and no other. Sent again, it goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unroutable_row_holds_its_key_until_it_is_parked() {
    let stage = Stage::new().await;
    let relay = stage.parts().start("one").await;
    stage.write("k/lost", &["payment", "nobody", "payment"]).await;
    stage.write("k/fine", &["payment", "payment"]).await;
    let heard = stage.heard_all(&[("k/fine", 2), ("k/lost", 2)]).await;
    stage.until("it is parked", || async { !stage.parked().await.is_empty() }).await;
    let of = |key: &str| -> Vec<u64> {
        heard.iter().filter(|(of, _)| of == key).map(|(_, seq)| *seq).collect()
    };
    assert_eq!((of("k/fine"), of("k/lost")), (vec![1, 2], vec![1, 3]));
    let parked = stage.parked().await;
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].key.as_str(), parked[0].seq), ("k/lost", 2));
    assert_eq!(parked[0].attempts, relays::ATTEMPTS);
    assert!(parked[0].error.contains("no queue takes nobody"), "{}", parked[0].error);
    stage.verdict_now().await.holds();

    // Somebody listens now.
    stage.bind("nobody").await;
    stage.redrive(parked[0].id).await;
    stage.heard_all(&[("k/lost", 3)]).await;
    assert!(stage.parked().await.is_empty());
    let text = relay.metrics.text();
    for line in [
        "expeditor_relay_parked_total{source=\"store\"} 1",
        "expeditor_relay_confirmed_total{source=\"store\"} 5",
        "expeditor_relay_leases{source=\"store\"} 64",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    relay.stop().await;
    stage.end().await;
}

/// While the broker is away nothing is blamed on a row; when it is back all drains, in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_broker_counts_against_no_row() {
    let stage = Stage::new().await;
    let relay = stage.parts().start("one").await;
    stage.write("k/first", &["payment"]).await;
    stage.heard_all(&[("k/first", 1)]).await;
    stage.proxy.cut();
    for n in 0..300 {
        stage.write(&format!("k/{}", n % 20), &["payment"]).await;
    }
    stage
        .until("the breaker opens", || async {
            relay.metrics.text().contains("expeditor_relay_breaker_open{source=\"store\"} 1")
        })
        .await;
    assert_eq!(stage.attempts().await, 0);
    stage.proxy.mend();
    let verdict = stage.verdict_now().await;
    verdict.holds();
    assert_eq!((verdict.heard, verdict.parked), (301, 0));
    relay.stop().await;
    stage.end().await;
}

//! Returned messages, and what closes channels: no outcome is ever better than the truth.

use std::sync::Arc;

use contracts::{ServiceName, routes};
use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use runtime::broker::{Broker, Outcome, rabbitmq::LARGEST_BATCH};

use crate::rig::{Rig, next, outcome, send};

/// `lapin` hands returned messages to whichever confirm comes next, when confirms come in bulk.
#[tokio::test]
async fn among_thousands_each_unroutable_one_is_named_and_no_other() {
    let rig = Rig::new().await;
    let broker = Arc::new(rig.start(&[ServiceName::Payment, ServiceName::Store]).await);
    let unroutable = |n: usize| n % 10 == 3;
    let key = |n: usize| match n {
        _ if unroutable(n) => "laundry",
        _ if n.is_multiple_of(2) => "payment",
        _ => "store",
    };
    for round in 0..4 {
        let all = (0..2_500).map(|n| rig.command(key(n), &format!("{round}.{n}"))).collect();
        let mut wrong = Vec::new();
        for (n, confirm) in broker.publish(all).await.into_iter().enumerate() {
            let expected = if unroutable(n) { Outcome::Unroutable } else { Outcome::Confirmed };
            let outcome = outcome(confirm).await;
            if outcome != expected {
                wrong.push((n, outcome));
            }
        }
        assert_eq!(wrong, [], "round {round}");
    }
}

/// More than one batch, in order, each once.
#[tokio::test]
async fn many_batches_arrive_in_order() {
    let rig = Rig::new().await;
    let broker = rig.start(&[ServiceName::Payment]).await;
    let mut payment = broker.consume(ServiceName::Payment, 300).await;
    let many = LARGEST_BATCH * 5 + 1;
    let all = (0..many).map(|n| rig.command("payment", &n.to_string())).collect();
    let confirms = broker.publish(all).await;
    for n in 0..many {
        let delivery = next(&mut payment).await;
        assert_eq!(delivery.payload, n.to_string().as_bytes());
        delivery.ack.give();
    }
    for confirm in confirms {
        assert_eq!(outcome(confirm).await, Outcome::Confirmed);
    }
}

/// A publish to an exchange that is gone closes the channel: nobody of the batch is to blame, and
/// nobody of it is told to be confirmed. The next generation declares what is missing.
#[tokio::test]
async fn an_exchange_that_is_gone_is_the_fault_of_no_message() {
    let rig = Rig::new().await;
    let services = [ServiceName::Payment, ServiceName::Rider];
    let broker = rig.start(&services).await;
    let channel = rig.channel().await;
    let gone = ExchangeDeleteOptions::default();
    channel.exchange_delete(routes::EVENTS_EXCHANGE.into(), gone).await.unwrap();

    let mut batch: Vec<_> = (0..20).map(|n| rig.command("payment", &n.to_string())).collect();
    batch.push(rig.event("cook.cook-finished", "ready"));
    for confirm in broker.publish(batch).await {
        assert_eq!(outcome(confirm).await, Outcome::Unavailable);
    }
    let mut rider = broker.consume(ServiceName::Rider, 10).await;
    rig.insist(&broker, rig.event("cook.cook-finished", "again")).await;
    let delivery = next(&mut rider).await;
    assert_eq!(delivery.payload, "again", "the binding is there again too");
}

#[tokio::test]
async fn an_exchange_that_never_was_does_not_harm_others() {
    let rig = Rig::new().await;
    let broker = rig.start(&[ServiceName::Payment]).await;
    let batch = vec![
        rig.command("payment", "1"),
        rig.publication("expeditor.laundry", "x", "2"),
        rig.command("payment", "3"),
        rig.command(&"long".repeat(100), "4"),
    ];
    let mut outcomes = Vec::new();
    for confirm in broker.publish(batch).await {
        outcomes.push(outcome(confirm).await);
    }
    let expected =
        [Outcome::Confirmed, Outcome::Unavailable, Outcome::Confirmed, Outcome::Unroutable];
    assert_eq!(outcomes, expected);
}

/// An event that nobody hears is kept where its number shows.
#[tokio::test]
async fn unheard_events_are_counted() {
    let rig = Rig::new().await;
    let broker = rig.start(&[ServiceName::Rider]).await;
    for _ in 0..3 {
        let event = rig.event("store.menu-item-changed", "x");
        assert_eq!(send(&broker, event).await, Outcome::Confirmed);
    }
    // The queue's own count follows its confirms with a little delay.
    rig.until("three are counted", || async { broker.unheard().await.unwrap() == 3 }).await;
}

/// A command for a service whose queue was deleted is unroutable, until the service is back.
#[tokio::test]
async fn a_command_waits_for_the_queue_of_its_service() {
    let rig = Rig::new().await;
    let broker = rig.start(&[ServiceName::Payment]).await;
    let channel = rig.channel().await;
    let gone = QueueDeleteOptions::default();
    channel.queue_delete("payment.commands".into(), gone).await.unwrap();
    assert_eq!(send(&broker, rig.command("payment", "x")).await, Outcome::Unroutable);
    let mut payment = broker.consume(ServiceName::Payment, 10).await;
    rig.insist(&broker, rig.command("payment", "y")).await;
    assert_eq!(next(&mut payment).await.payload, "y");
}

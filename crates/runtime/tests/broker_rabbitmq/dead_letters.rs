//! Requeues keep the order; what fails too often ends where it is kept, and never in nothing.

use contracts::{QueueKind, ServiceName, routes};
use lapin::{options::QueueBindOptions, types::FieldTable};
use runtime::broker::{Broker, rabbitmq::DELIVERY_LIMIT};

use crate::rig::{Rig, next};

#[tokio::test]
async fn what_is_dropped_comes_again_in_order() {
    let rig = Rig::quiet().await;
    let broker = rig.start(&[ServiceName::Payment]).await;
    let texts = ["a", "b", "c", "d", "e", "f"];
    for text in texts {
        rig.insist(&broker, rig.command("payment", text)).await;
    }
    // Others wait behind those that come again: these must not overtake.
    let mut payment = broker.consume(ServiceName::Payment, 3).await;
    for _ in 0..3 {
        let mut held = Vec::new();
        for text in &texts[..3] {
            let delivery = next(&mut payment).await;
            assert_eq!(delivery.payload, *text);
            held.push(delivery);
        }
        drop(held);
    }
    for text in texts {
        let delivery = next(&mut payment).await;
        assert_eq!(delivery.payload, text);
        delivery.ack.give();
    }
}

#[tokio::test]
async fn no_more_than_the_prefetch_is_delivered_ahead() {
    let rig = Rig::quiet().await;
    let broker = rig.start(&[ServiceName::Payment]).await;
    for n in 0..10 {
        rig.insist(&broker, rig.command("payment", &n.to_string())).await;
    }
    let mut payment = broker.consume(ServiceName::Payment, 4).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(next(&mut payment).await);
    }
    rig.until("the others wait", || async {
        rig.count("payment.commands", "messages_ready").await == 6
    })
    .await;
    assert!(payment.try_recv().is_err());
    held.remove(0).ack.give();
    assert_eq!(next(&mut payment).await.payload, "4");
}

/// Gives a message up by dropping it as often as the limit allows.
async fn exhaust(rig: &Rig, broker: &dyn Broker, kind: QueueKind) -> runtime::broker::Delivery {
    let mut rider = broker.consume(ServiceName::Rider, 10).await;
    let message = match kind {
        QueueKind::Commands => rig.command("rider", "poison"),
        QueueKind::Events => rig.event("cook.cook-finished", "poison"),
    };
    rig.insist(broker, message).await;
    for _ in 0..=DELIVERY_LIMIT {
        let delivery = next(&mut rider).await;
        assert_eq!((delivery.queue, delivery.dead.as_deref()), (kind, None));
    }
    next(&mut rider).await
}

#[tokio::test]
async fn what_fails_too_often_comes_once_more_as_dead() {
    for kind in [QueueKind::Commands, QueueKind::Events] {
        let rig = Rig::quiet().await;
        let broker = rig.start(&[ServiceName::Rider]).await;
        let dead = exhaust(&rig, &broker, kind).await;
        assert_eq!((&dead.payload[..], dead.queue), (&b"poison"[..], kind));
        let queue = routes::queue(ServiceName::Rider, kind);
        let reason = format!("the broker gave it up in {queue}: delivery_limit");
        assert_eq!(dead.dead.as_deref(), Some(&*reason));
        assert!(dead.headers.contains("x-death"), "{}", dead.headers);
        dead.ack.give();
        rig.until("it is gone", || async { rig.count("rider.dead", "messages").await == 0 }).await;
    }
}

/// At least once: while the dead-letter queue cannot be reached the message stays.
#[tokio::test]
async fn a_dead_letter_without_a_place_is_kept() {
    let rig = Rig::quiet().await;
    let broker = rig.start(&[ServiceName::Rider]).await;
    let channel = rig.channel().await;
    let none = FieldTable::default;
    let (dead, key) = ("rider.dead", "rider.commands");
    let mut rider = broker.consume(ServiceName::Rider, 10).await;
    rig.insist(&broker, rig.command("rider", "first")).await;
    next(&mut rider).await.ack.give();
    // Only now, since each subscription binds it anew.
    channel
        .queue_unbind(dead.into(), routes::DEAD_EXCHANGE.into(), key.into(), none())
        .await
        .unwrap();
    rig.insist(&broker, rig.command("rider", "poison")).await;
    for _ in 0..=DELIVERY_LIMIT {
        drop(next(&mut rider).await);
    }
    rig.until("it has nowhere to go", || async {
        rig.count("rider.commands", "messages").await == 1
            && rig.count("rider.commands", "messages_ready").await == 0
    })
    .await;
    let bind = QueueBindOptions::default();
    channel
        .queue_bind(dead.into(), routes::DEAD_EXCHANGE.into(), key.into(), bind, none())
        .await
        .unwrap();
    let delivery = next(&mut rider).await;
    assert_eq!(delivery.payload, "poison");
    assert!(delivery.dead.is_some());
}

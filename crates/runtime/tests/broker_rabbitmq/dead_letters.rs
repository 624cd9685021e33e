//! Requeues keep the order; what fails too often ends where it is kept, and never in nothing.

use std::time::Duration;

use contracts::{QueueKind, ServiceName, routes};
use lapin::{options::QueueBindOptions, types::FieldTable};
use runtime::broker::{Broker, Delivery, rabbitmq::DELIVERY_LIMIT};
use tokio::{sync::mpsc, time::timeout};

use crate::rig::{Look, Rig, next};

#[tokio::test]
async fn what_is_dropped_comes_again_in_order() {
    let rig = Rig::new().await;
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
    let rig = Rig::new().await;
    let broker = rig.start(&[ServiceName::Payment]).await;
    for n in 0..10 {
        rig.insist(&broker, rig.command("payment", &n.to_string())).await;
    }
    let mut payment = broker.consume(ServiceName::Payment, 4).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(next(&mut payment).await);
    }
    let others = Some(Look { ready: 6, consumers: 1 });
    rig.until("the others wait", || async { rig.look("payment.commands").await == others }).await;
    assert!(payment.try_recv().is_err());
    held.remove(0).ack.give();
    assert_eq!(next(&mut payment).await.payload, "4");
}

/// Gives a message up by dropping it as often as the limit allows; answers it as it comes dead.
async fn exhaust(
    rig: &Rig,
    broker: &dyn Broker,
    kind: QueueKind,
    rider: &mut mpsc::Receiver<Delivery>,
) -> Delivery {
    let message = match kind {
        QueueKind::Commands => rig.command("rider", "poison"),
        QueueKind::Events => rig.event("cook.cook-finished", "poison"),
    };
    rig.insist(broker, message).await;
    for _ in 0..=DELIVERY_LIMIT {
        let delivery = next(rider).await;
        assert_eq!((delivery.queue, delivery.dead.as_deref()), (kind, None));
    }
    next(rider).await
}

#[tokio::test]
async fn what_fails_too_often_comes_once_more_as_dead() {
    for kind in [QueueKind::Commands, QueueKind::Events] {
        let rig = Rig::new().await;
        let broker = rig.start(&[ServiceName::Rider]).await;
        let mut rider = broker.consume(ServiceName::Rider, 10).await;
        let dead = exhaust(&rig, &broker, kind, &mut rider).await;
        assert_eq!((&dead.payload[..], dead.queue), (&b"poison"[..], kind));
        let queue = routes::queue(ServiceName::Rider, kind);
        let reason = format!("the broker gave it up in {queue}: delivery_limit");
        assert_eq!(dead.dead.as_deref(), Some(&*reason));
        assert!(dead.headers.contains("x-death"), "{}", dead.headers);
        dead.ack.give();
        // One that was not acknowledged would be there again without a consumer.
        drop(rider);
        let gone = Some(Look { ready: 0, consumers: 0 });
        rig.until("it is gone", || async { rig.look("rider.dead").await == gone }).await;
    }
}

/// At least once: while the dead-letter queue cannot be reached the message stays.
#[tokio::test]
async fn a_dead_letter_without_a_place_is_kept() {
    let rig = Rig::new().await;
    let broker = rig.start(&[ServiceName::Rider]).await;
    let channel = rig.channel().await;
    let none = FieldTable::default;
    let (dead, key) = ("rider.dead", "rider.commands");
    let mut rider = broker.consume(ServiceName::Rider, 1).await;
    rig.insist(&broker, rig.command("rider", "first")).await;
    next(&mut rider).await.ack.give();
    // Only now, since each subscription binds it anew.
    channel
        .queue_unbind(dead.into(), routes::DEAD_EXCHANGE.into(), key.into(), none())
        .await
        .unwrap();
    for text in ["poison", "behind"] {
        rig.insist(&broker, rig.command("rider", text)).await;
    }
    for _ in 0..=DELIVERY_LIMIT {
        assert_eq!(next(&mut rider).await.payload, "poison");
    }
    // It comes only when the one before it was given up, and that has nowhere to go.
    let behind = next(&mut rider).await;
    assert_eq!(behind.payload, "behind");
    behind.ack.give();
    let bind = QueueBindOptions::default();
    channel
        .queue_bind(dead.into(), routes::DEAD_EXCHANGE.into(), key.into(), bind, none())
        .await
        .unwrap();
    // Private servers try again after a second, others after three minutes.
    let delivery = timeout(Duration::from_secs(200), rider.recv()).await.unwrap().unwrap();
    assert_eq!(delivery.payload, "poison");
    assert!(delivery.dead.is_some());
}

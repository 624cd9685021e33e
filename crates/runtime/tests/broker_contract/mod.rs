//! What every broker must do, whichever it is. Each property takes a fresh broker with the queues
//! of every service.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use contracts::{MessageId, QueueKind, ServiceName, routes};
use runtime::broker::{Broker, Confirm, Delivery, Outcome, Publication};
use tokio::{sync::mpsc, time::timeout};
use uuid::Uuid;

/// No property waits longer than this for what must happen.
const BOUND: Duration = Duration::from_secs(10);

/// Another one each time.
fn message_id() -> MessageId {
    static LAST: AtomicU64 = AtomicU64::new(0);
    MessageId(Uuid::from_u128(LAST.fetch_add(1, Ordering::Relaxed).into()))
}

fn command(to: &str, text: &'static str) -> Publication {
    Publication {
        exchange: routes::COMMANDS_EXCHANGE.to_owned(),
        routing_key: to.to_owned(),
        message_id: message_id(),
        payload: Bytes::from_static(text.as_bytes()),
    }
}

fn event(routing_key: &str, text: &'static str) -> Publication {
    Publication {
        exchange: routes::EVENTS_EXCHANGE.to_owned(),
        routing_key: routing_key.to_owned(),
        message_id: message_id(),
        payload: Bytes::from_static(text.as_bytes()),
    }
}

async fn next(deliveries: &mut mpsc::Receiver<Delivery>) -> Delivery {
    timeout(BOUND, deliveries.recv()).await.expect("within the bound").expect("a delivery")
}

async fn outcome(confirm: Confirm) -> Outcome {
    timeout(BOUND, confirm).await.expect("within the bound").unwrap_or(Outcome::Unavailable)
}

async fn publish_one(broker: &dyn Broker, publication: Publication) -> Confirm {
    broker.publish(vec![publication]).await.remove(0)
}

/// Bytes arrive as they were published, through the queue that the exchange feeds.
pub(crate) async fn bytes_arrive_as_published(broker: Arc<dyn Broker>) {
    let mut payment = broker.consume(ServiceName::Payment, 10).await;
    let confirm = publish_one(&*broker, command("payment", "{\"한\":1}")).await;
    let delivery = next(&mut payment).await;
    assert_eq!(delivery.queue, QueueKind::Commands);
    assert_eq!(delivery.payload, "{\"한\":1}".as_bytes());
    delivery.ack.give();
    assert_eq!(outcome(confirm).await, Outcome::Confirmed);
}

/// What is published in order to one queue arrives in that order.
pub(crate) async fn order_is_kept(broker: Arc<dyn Broker>) {
    let mut store = broker.consume(ServiceName::Store, 10).await;
    let texts = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let all = texts.iter().map(|text| command("store", text)).collect();
    let confirms = broker.publish(all).await;
    for text in texts {
        let delivery = next(&mut store).await;
        assert_eq!(delivery.payload, text.as_bytes());
        delivery.ack.give();
    }
    for confirm in confirms {
        assert_eq!(outcome(confirm).await, Outcome::Confirmed);
    }
}

/// An event reaches every service that listens to it, and no other.
pub(crate) async fn an_event_reaches_all_listeners(broker: Arc<dyn Broker>) {
    let mut orchestrator = broker.consume(ServiceName::Orchestrator, 10).await;
    let mut rider = broker.consume(ServiceName::Rider, 10).await;
    let mut mypage = broker.consume(ServiceName::Mypage, 10).await;
    let mut notification = broker.consume(ServiceName::Notification, 10).await;
    let mut payment = broker.consume(ServiceName::Payment, 10).await;
    let confirm = publish_one(&*broker, event("cook.cook-finished", "ready")).await;
    for deliveries in [&mut orchestrator, &mut rider, &mut mypage, &mut notification] {
        let delivery = next(deliveries).await;
        assert_eq!((delivery.queue, &delivery.payload[..]), (QueueKind::Events, &b"ready"[..]));
        delivery.ack.give();
    }
    assert_eq!(outcome(confirm).await, Outcome::Confirmed);
    assert!(payment.try_recv().is_err(), "payment does not listen to the kitchen");
}

/// A command that no queue takes is a fault.
pub(crate) async fn a_command_without_a_queue_is_unroutable(broker: Arc<dyn Broker>) {
    let confirm = publish_one(&*broker, command("laundry", "x")).await;
    assert_eq!(outcome(confirm).await, Outcome::Unroutable);
}

fn replay(routing_key: &str, text: &'static str) -> Publication {
    Publication { exchange: routes::REPLAY_EXCHANGE.to_owned(), ..event(routing_key, text) }
}

/// What is sent again reaches the one subscriber that it is for, as an event.
pub(crate) async fn what_is_sent_again_reaches_one_subscriber(broker: Arc<dyn Broker>) {
    let mut mypage = broker.consume(ServiceName::Mypage, 10).await;
    let mut orchestrator = broker.consume(ServiceName::Orchestrator, 10).await;
    let confirm = publish_one(&*broker, replay("mypage.cook.cook-started", "again")).await;
    let delivery = next(&mut mypage).await;
    assert_eq!((delivery.queue, &delivery.payload[..]), (QueueKind::Events, &b"again"[..]));
    delivery.ack.give();
    assert_eq!(outcome(confirm).await, Outcome::Confirmed);
    assert!(orchestrator.try_recv().is_err(), "the orchestrator has heard it long ago");
}

/// There is nobody else who can be sent anything again.
pub(crate) async fn what_is_sent_again_to_nobody_is_unroutable(broker: Arc<dyn Broker>) {
    for key in ["cook.store.order-accepted", "laundry.cook.cook-started"] {
        let confirm = publish_one(&*broker, replay(key, "x")).await;
        assert_eq!(outcome(confirm).await, Outcome::Unroutable, "{key}");
    }
}

/// An event that nobody listens to is none.
pub(crate) async fn an_unheard_event_is_confirmed(broker: Arc<dyn Broker>) {
    let confirm = publish_one(&*broker, event("rider.rain-began", "x")).await;
    assert_eq!(outcome(confirm).await, Outcome::Confirmed);
}

/// One bad publication in a batch does not take the others with it.
pub(crate) async fn each_publication_is_judged_by_itself(broker: Arc<dyn Broker>) {
    let mut cook = broker.consume(ServiceName::Cook, 10).await;
    let batch = vec![command("cook", "1"), command("laundry", "2"), command("cook", "3")];
    let confirms = broker.publish(batch).await;
    for text in ["1", "3"] {
        let delivery = next(&mut cook).await;
        assert_eq!(delivery.payload, text.as_bytes());
        delivery.ack.give();
    }
    let mut outcomes = Vec::new();
    for confirm in confirms {
        outcomes.push(outcome(confirm).await);
    }
    assert_eq!(outcomes, [Outcome::Confirmed, Outcome::Unroutable, Outcome::Confirmed]);
}

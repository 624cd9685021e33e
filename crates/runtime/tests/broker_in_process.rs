//! The in-process broker: the contract of every broker, and what is its own.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use bytes::Bytes;
use contracts::{MessageId, ServiceName, routes};
use runtime::broker::{
    Broker, Outcome, Publication,
    in_process::{InProcess, QUEUE_LENGTH},
};
use uuid::Uuid;

mod broker_contract;

macro_rules! contract {
    ($($property:ident,)*) => {$(
        #[tokio::test]
        async fn $property() {
            broker_contract::$property(Arc::new(InProcess::new(&ServiceName::ALL))).await;
        }
    )*};
}

contract! {
    bytes_arrive_as_published,
    order_is_kept,
    an_event_reaches_all_listeners,
    a_command_without_a_queue_is_unroutable,
    what_is_sent_again_reaches_one_subscriber,
    what_is_sent_again_to_nobody_is_unroutable,
    an_unheard_event_is_confirmed,
    each_publication_is_judged_by_itself,
}

fn command(to: ServiceName) -> Publication {
    Publication {
        exchange: routes::COMMANDS_EXCHANGE.to_owned(),
        routing_key: to.as_str().to_owned(),
        message_id: MessageId(Uuid::nil()),
        payload: Bytes::from_static(b"x"),
    }
}

/// Both listen to [`heard_by_two`].
const TWO: [ServiceName; 2] = [ServiceName::Orchestrator, ServiceName::Rider];

fn heard_by_two() -> Publication {
    Publication {
        exchange: routes::EVENTS_EXCHANGE.to_owned(),
        routing_key: "cook.cook-finished".to_owned(),
        message_id: MessageId(Uuid::nil()),
        payload: Bytes::from_static(b"x"),
    }
}

#[tokio::test]
async fn a_confirm_waits_for_every_consumer() {
    let broker = InProcess::new(&TWO);
    let mut orchestrator = broker.consume(ServiceName::Orchestrator, 1).await;
    let mut rider = broker.consume(ServiceName::Rider, 1).await;
    let mut confirm = broker.publish(vec![heard_by_two()]).await.remove(0);
    orchestrator.recv().await.unwrap().ack.give();
    assert!(confirm.try_recv().is_err(), "the rider has not committed it yet");
    rider.recv().await.unwrap().ack.give();
    assert_eq!(confirm.await, Ok(Outcome::Confirmed));
}

#[tokio::test]
async fn what_a_consumer_drops_is_not_confirmed() {
    let broker = InProcess::new(&TWO);
    let mut orchestrator = broker.consume(ServiceName::Orchestrator, 1).await;
    let mut rider = broker.consume(ServiceName::Rider, 1).await;
    let confirm = broker.publish(vec![heard_by_two()]).await.remove(0);
    orchestrator.recv().await.unwrap().ack.give();
    drop(rider.recv().await.unwrap());
    assert!(confirm.await.is_err(), "the publisher must send it again");
}

#[tokio::test]
async fn a_stalled_consumer_fills_its_own_queue_only() {
    let broker = InProcess::new(&ServiceName::ALL);
    let full = vec![command(ServiceName::Payment); QUEUE_LENGTH + 1];
    let mut confirms = broker.publish(full).await;
    assert_eq!(confirms.pop().unwrap().await, Ok(Outcome::Unavailable));
    assert!(confirms[0].try_recv().is_err(), "what found a place waits for its consumer");

    let mut store = broker.consume(ServiceName::Store, 1).await;
    let confirm = broker.publish(vec![command(ServiceName::Store)]).await.remove(0);
    store.recv().await.unwrap().ack.give();
    assert_eq!(confirm.await, Ok(Outcome::Confirmed));
}

#[tokio::test]
async fn unheard_events_are_counted() {
    let broker = InProcess::new(&ServiceName::ALL);
    let unheard = Publication { routing_key: "store.nothing".to_owned(), ..heard_by_two() };
    broker.publish(vec![unheard.clone(), unheard]).await;
    assert_eq!(broker.unheard(), 2);
}

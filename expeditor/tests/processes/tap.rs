//! A queue of the test's own in which every event lands that the services tell, so that their order
//! can be looked at in the end.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{Envelope, routes::EVENTS_EXCHANGE};
use lapin::{
    Channel, Connection, ConnectionProperties,
    options::{BasicGetOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};

const QUEUE: &str = "tap";

async fn channel(amqp_url: &str) -> Channel {
    let connection = Connection::connect(amqp_url, ConnectionProperties::default()).await.unwrap();
    // The channel keeps its connection open.
    connection.create_channel().await.unwrap()
}

/// From now on, events are kept.
pub(crate) async fn open(amqp_url: &str) {
    let channel = channel(amqp_url).await;
    let mut quorum = FieldTable::default();
    quorum.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let durable = QueueDeclareOptions::durable();
    channel.queue_declare(QUEUE.into(), durable, quorum).await.unwrap();
    let (options, none) = (QueueBindOptions::default(), FieldTable::default());
    channel
        .queue_bind(QUEUE.into(), EVENTS_EXCHANGE.into(), "#".into(), options, none)
        .await
        .unwrap();
}

/// The events that came and were not taken yet, as they came.
pub(crate) async fn take(amqp_url: &str) -> Vec<Vec<u8>> {
    let channel = channel(amqp_url).await;
    let mut taken = Vec::new();
    let options = BasicGetOptions { no_ack: true };
    while let Some(message) = channel.basic_get(QUEUE.into(), options).await.unwrap() {
        taken.push(message.delivery.data);
    }
    taken
}

/// How many events came; each source told what happened to each subject in order. An event that
/// came again is looked at where it came first.
pub(crate) async fn in_order(amqp_url: &str) -> usize {
    let mut known = BTreeSet::new();
    let mut last = BTreeMap::new();
    for message in take(amqp_url).await {
        let event: Envelope = serde_json::from_slice(&message).unwrap();
        let sequence = event.sequence.expect("an event has one");
        if !known.insert(event.id) {
            continue;
        }
        let before = last.insert((event.source.clone(), event.subject.clone()), sequence);
        // Who is asked again says again how it stands.
        let in_order = before.is_none_or(|before| before <= sequence);
        assert!(in_order, "{event:?} came after number {before:?} of its subject");
    }
    known.len()
}

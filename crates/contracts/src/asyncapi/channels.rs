//! Where messages are published to (an exchange and a routing key), and where they are received (a
//! queue and its bindings).

use serde_json::{Map, Value, json};

use crate::{
    EventType, QueueKind, ServiceName,
    asyncapi::{BINDING, reference},
    routes::{DEAD_EXCHANGE, DELIVERY_LIMIT, UNHEARD_EXCHANGE, queue},
    schema::{MessageType, bindings, received},
};

/// Both kinds of queue that a service has.
pub(super) const KINDS: [QueueKind; 2] = [QueueKind::Commands, QueueKind::Events];

/// The channels by name.
pub(super) fn all() -> Map<String, Value> {
    let mut channels = Map::new();
    for service in ServiceName::ALL {
        let commands = received(service, QueueKind::Commands);
        if !commands.is_empty() {
            channels.insert(commands_to(service), to_exchange(&commands));
        }
        for kind in KINDS {
            channels.insert(queue_of(service, kind), from_queue(service, kind));
        }
    }
    for &event in EventType::ALL {
        channels.insert(news_of(event), to_exchange(&[MessageType::Event(event)]));
    }
    channels
}

/// The channel by which a service is sent commands.
pub(super) fn commands_to(service: ServiceName) -> String {
    format!("commands.{service}")
}

/// The channel by which an event is published.
pub(super) fn news_of(event: EventType) -> String {
    format!("events.{event}")
}

/// The channel of a service's queue.
pub(super) fn queue_of(service: ServiceName, kind: QueueKind) -> String {
    format!("queues.{}", queue(service, kind))
}

/// Messages that go by the same exchange and routing key.
fn to_exchange(messages: &[MessageType]) -> Value {
    let first = messages[0];
    let (kind, fate, more) = match first {
        MessageType::Command(_) => ("direct", "A command that no queue takes comes back.", None),
        MessageType::Event(_) => {
            let fate = "An event that nobody hears goes to the alternate exchange.";
            ("topic", fate, Some(json!({ "alternate-exchange": UNHEARD_EXCHANGE })))
        }
    };
    let mut binding = json!({
        "is": "routingKey",
        "exchange": {
            "name": first.exchange(), "type": kind, "durable": true, "autoDelete": false,
        },
        "bindingVersion": BINDING,
    });
    if let Some(arguments) = more {
        binding["x-exchange-arguments"] = arguments;
    }
    json!({
        "address": first.routing_key(),
        "description": fate,
        "servers": [reference("/servers/broker")],
        "messages": listed(messages),
        "bindings": { "amqp": binding },
    })
}

fn from_queue(service: ServiceName, kind: QueueKind) -> Value {
    let name = queue(service, kind);
    let (exchange, keys) = bindings(service, kind);
    let bound: Vec<Value> =
        keys.iter().map(|key| json!({ "exchange": exchange, "routingKey": key })).collect();
    let holds = match kind {
        QueueKind::Commands => format!("What {service} is asked to do."),
        QueueKind::Events => format!("What {service} listens to."),
    };
    json!({
        "address": name,
        "description": holds,
        "servers": [reference("/servers/broker")],
        "messages": listed(&received(service, kind)),
        "bindings": {
            "amqp": {
                "is": "queue",
                "queue": {
                    "name": name, "durable": true, "exclusive": false, "autoDelete": false,
                },
                "x-queue-arguments": {
                    "x-queue-type": "quorum",
                    "x-delivery-limit": DELIVERY_LIMIT,
                    "x-dead-letter-exchange": DEAD_EXCHANGE,
                    "x-dead-letter-routing-key": name,
                    "x-dead-letter-strategy": "at-least-once",
                    "x-overflow": "reject-publish",
                },
                "bindingVersion": BINDING,
            },
        },
        "x-bindings": bound,
    })
}

fn listed(messages: &[MessageType]) -> Map<String, Value> {
    let listed = messages.iter().map(|kind| {
        let name = kind.as_str();
        (name.to_owned(), reference(&format!("/components/messages/{name}")))
    });
    listed.collect()
}

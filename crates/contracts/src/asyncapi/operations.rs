//! Who sends what, and who receives what.

use serde_json::{Map, Value, json};

use crate::{
    EventType, QueueKind, ServiceName,
    asyncapi::{
        BINDING,
        channels::{KINDS, commands_to, news_of, queue_of},
        reference,
    },
    reads,
    schema::{MessageType, received},
};

/// The operations by name, which begins with the service.
pub(super) fn all() -> Map<String, Value> {
    let mut operations = Map::new();
    for service in ServiceName::ALL {
        let commands = received(service, QueueKind::Commands);
        if let Some(first) = commands.first() {
            let sender = first.sender();
            let name = format!("{sender}.sends.{service}-commands");
            operations.insert(name, sends(sender, &commands_to(service), &commands));
        }
        for kind in KINDS {
            let messages = received(service, kind);
            if !messages.is_empty() {
                let name = format!("{service}.receives.{}", kind.as_str());
                operations.insert(name, receives(service, kind, &messages));
            }
        }
    }
    for &event in EventType::ALL {
        let sender = event.source();
        let operation = sends(sender, &news_of(event), &[MessageType::Event(event)]);
        operations.insert(format!("{sender}.sends.{event}"), operation);
    }
    operations
}

fn sends(service: ServiceName, channel: &str, messages: &[MessageType]) -> Value {
    let mandatory = matches!(messages[0], MessageType::Command(_));
    json!({
        "action": "send",
        "tags": [{ "name": service }],
        "channel": channel_of(channel),
        "messages": listed(channel, messages),
        "bindings": {
            "amqp": { "deliveryMode": 2, "mandatory": mandatory, "bindingVersion": BINDING },
        },
    })
}

fn receives(service: ServiceName, kind: QueueKind, messages: &[MessageType]) -> Value {
    let channel = queue_of(service, kind);
    let read: Map<String, Value> = messages
        .iter()
        .map(|&message| (message.as_str().to_owned(), json!(reads::reads(service, message))))
        .collect();
    json!({
        "action": "receive",
        "tags": [{ "name": service }],
        "channel": channel_of(&channel),
        "messages": listed(&channel, messages),
        "bindings": { "amqp": { "ack": true, "bindingVersion": BINDING } },
        "x-reads": read,
    })
}

fn channel_of(channel: &str) -> Value {
    reference(&format!("/channels/{channel}"))
}

fn listed(channel: &str, messages: &[MessageType]) -> Vec<Value> {
    let within =
        |kind: &MessageType| reference(&format!("/channels/{channel}/messages/{}", kind.as_str()));
    messages.iter().map(within).collect()
}

//! Every message once, with its payload (the envelope, and in it the data of that type), how far
//! it reaches, and an example.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::{
    Envelope,
    asyncapi::{BINDING, reference},
    envelope::MEDIA_TYPE,
    example,
    schema::MessageType,
};

/// The messages by type; what their payloads refer to is left with the generator.
pub(super) fn all(generator: &mut SchemaGenerator) -> Map<String, Value> {
    MessageType::all().map(|kind| (kind.as_str().to_owned(), message(kind, generator))).collect()
}

/// What all messages have in common.
pub(super) fn cloud_event() -> Value {
    json!({
        "contentType": MEDIA_TYPE,
        "correlationId": {
            "description": "The saga that the message belongs to, where there is one.",
            "location": "$message.payload#/correlationid",
        },
        // The binding has no words for these.
        "x-amqp-properties": {
            "content_type": MEDIA_TYPE,
            "delivery_mode": 2,
            "message_id": "the envelope's id",
            "type": "the envelope's type",
        },
    })
}

fn message(kind: MessageType, generator: &mut SchemaGenerator) -> Value {
    let name = kind.as_str();
    let envelope = generator.subschema_for::<Envelope>();
    let data = kind.payload_schema(generator);
    let (needs, tag) = match kind {
        MessageType::Command(_) => ("commandid", "command"),
        MessageType::Event(_) => ("sequence", "event"),
    };
    let mut message = json!({
        "name": name,
        "title": name,
        "summary": kind.summary(),
        "tags": [{ "name": tag }],
        "traits": [reference("/components/messageTraits/cloudevent")],
        "bindings": { "amqp": { "messageType": name, "bindingVersion": BINDING } },
        "payload": {
            "allOf": [
                envelope,
                {
                    "type": "object",
                    "required": [needs],
                    "properties": {
                        "type": { "const": name },
                        "source": { "const": kind.sender().source() },
                        "dataschema": { "const": kind.schema_id() },
                        "data": data,
                    },
                },
            ],
        },
        "examples": [{ "name": name, "payload": example::message(kind) }],
    });
    if let MessageType::Event(event) = kind {
        let reach = event.reach().as_str();
        message["x-reach"] = reach.into();
        message["tags"] = json!([{ "name": tag }, { "name": reach }]);
    }
    message
}

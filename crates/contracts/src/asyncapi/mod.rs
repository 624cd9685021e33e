//! The published language as one document: AsyncAPI 3.0, from the same tables that the services
//! route by and the same types that they encode. All that a participant in another language needs.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::envelope::MEDIA_TYPE;

mod channels;
mod messages;
mod operations;

/// The version of the AMQP bindings that the document is written in.
const BINDING: &str = "0.3.0";

const DESCRIPTION: &str = "\
What the services of Expeditor say to one another. A message is a command (a request that can be \
refused) or an event (a fact). Both are CloudEvents 1.0 in structured JSON, published persistent \
and with publisher confirms; `dataschema` names the schema of `data`.

A message may come twice and late: drop an `id` that was seen, and of one `subject` from one \
`source` every `sequence` below the last one applied. A fact repeats everything that has happened \
to its aggregate, so that a gap heals. Within a version schemas change by addition only: ignore \
what you do not know.

Whoever is sent a command answers by an event, carrying the command's `correlationid`; the same \
command sent again has the same `commandid` and is answered again.";

/// The document.
pub fn document() -> Value {
    // AsyncAPI's own dialect is a superset of draft 7.
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let messages = messages::all(&mut generator);
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Expeditor",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "defaultContentType": MEDIA_TYPE,
        "servers": { "broker": server() },
        "channels": channels::all(),
        "operations": operations::all(),
        "components": {
            "messages": messages,
            "messageTraits": { "cloudevent": messages::cloud_event() },
            "schemas": definitions(&mut generator),
        },
    })
}

fn server() -> Value {
    json!({
        "host": "{host}",
        "pathname": "/{virtual_host}",
        "protocol": "amqp",
        "protocolVersion": "0.9.1",
        "description": "RabbitMQ 3.10 or later. `expeditor provision` makes exchanges, queues and \
                        bindings; whoever may declares what is missing, the same each time.",
        "variables": {
            "host": { "description": "Name and port of the broker.", "default": "localhost:5672" },
            "virtual_host": { "description": "The virtual host.", "default": "expeditor" },
        },
    })
}

fn definitions(generator: &mut SchemaGenerator) -> Map<String, Value> {
    generator.take_definitions(true)
}

/// A reference within the document.
fn reference(pointer: &str) -> Value {
    json!({ "$ref": format!("#{pointer}") })
}

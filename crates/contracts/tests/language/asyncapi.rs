//! The AsyncAPI document says what the routes and the types say, and nothing in it leads nowhere.

use std::collections::BTreeSet;

use contracts::{
    CommandType, EventType, QueueKind, Reach, ServiceName, asyncapi, routes,
    schema::{self, MessageType},
};
use serde_json::{Value, json};

use crate::{builders::for_messages, validator::Validator};

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn visit(value: &Value, look: &mut impl FnMut(&Value)) {
    look(value);
    match value {
        Value::Object(object) => object.values().for_each(|value| visit(value, look)),
        Value::Array(list) => list.iter().for_each(|value| visit(value, look)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = asyncapi::document();
    let mut seen = 0;
    visit(&document, &mut |value| {
        if let Some(reference) = value.get("$ref") {
            let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
            seen += 1;
        }
    });
    assert!(seen > 200, "{seen}");
}

#[test]
fn every_command_and_every_event_is_sent_once_and_has_a_schema_and_an_example() {
    let document = asyncapi::document();
    let all: BTreeSet<&str> = MessageType::all().map(MessageType::as_str).collect();
    assert_eq!(all.len(), CommandType::ALL.len() + EventType::ALL.len());
    assert_eq!(keys(&document["components"]["messages"]), all);

    let mut sent = Vec::new();
    for (name, operation) in document["operations"].as_object().unwrap() {
        if operation["action"] == "send" {
            let sender = name.split('.').next().unwrap();
            for message in operation["messages"].as_array().unwrap() {
                let kind = message["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
                let kind = MessageType::parse(kind).unwrap();
                assert_eq!(kind.sender().as_str(), sender);
                sent.push(kind);
            }
        }
    }
    sent.sort_unstable();
    assert_eq!(sent, MessageType::all().collect::<Vec<_>>());
}

#[test]
fn a_message_goes_where_the_routes_say() {
    let document = asyncapi::document();
    for kind in MessageType::all() {
        let channel = match kind {
            MessageType::Command(command) => format!("commands.{}", command.destination()),
            MessageType::Event(event) => format!("events.{event}"),
        };
        let channel = &document["channels"][&channel];
        assert_eq!(channel["address"], kind.routing_key(), "{kind:?}");
        assert_eq!(channel["bindings"]["amqp"]["exchange"]["name"], kind.exchange());
        let reference = format!("#/components/messages/{}", kind.as_str());
        assert_eq!(channel["messages"][kind.as_str()]["$ref"], reference);
    }
}

#[test]
fn a_queue_is_bound_as_the_routes_say_and_received_from() {
    let document = asyncapi::document();
    for service in ServiceName::ALL {
        let channel =
            |kind| &document["channels"][format!("queues.{}", routes::queue(service, kind))];
        let bound: Vec<Value> = routes::subscriptions(service)
            .iter()
            .map(|&event| {
                let key = routes::event_key(event);
                json!({ "exchange": routes::EVENTS_EXCHANGE, "routingKey": key })
            })
            .collect();
        assert_eq!(channel(QueueKind::Events)["x-bindings"], json!(bound), "{service}");
        let events: BTreeSet<&str> =
            routes::subscriptions(service).iter().map(|event| event.as_str()).collect();
        assert_eq!(keys(&channel(QueueKind::Events)["messages"]), events);

        let bound = json!([
            { "exchange": routes::COMMANDS_EXCHANGE, "routingKey": service.as_str() },
        ]);
        assert_eq!(channel(QueueKind::Commands)["x-bindings"], bound);
        for (kind, name) in [(QueueKind::Commands, "commands"), (QueueKind::Events, "events")] {
            let messages = keys(&channel(kind)["messages"]);
            let operation = &document["operations"][format!("{service}.receives.{name}")];
            let received = operation["messages"].as_array().map_or(0, Vec::len);
            assert_eq!(received, messages.len(), "{service} {name}");
        }
    }
}

#[test]
fn an_event_says_how_far_it_reaches() {
    let document = asyncapi::document();
    for event in EventType::ALL {
        let told = &document["components"]["messages"][event.as_str()]["x-reach"];
        assert_eq!(told, event.reach().as_str());
        assert_ne!(told, Reach::Private.as_str());
    }
}

#[test]
fn payloads_are_what_is_published_and_nothing_else() {
    let mut document = asyncapi::document();
    let messages = document["components"]["messages"].take();
    let payload = |name: &str| {
        let mut schema = messages[name]["payload"].clone();
        schema["components"] = document["components"].clone();
        (name.to_owned(), schema)
    };
    let validator = Validator::of(MessageType::all().map(|kind| payload(kind.as_str())));
    for_messages(|kind, envelope| {
        let message = serde_json::to_value(envelope).map_err(|error| error.to_string())?;
        validator.check(kind.as_str(), &message)
    });
    for kind in MessageType::all() {
        let example = &messages[kind.as_str()]["examples"][0]["payload"];
        assert_eq!(validator.check(kind.as_str(), example), Ok(()));
        for (field, value) in [
            ("type", json!("eat-stock")),
            ("source", json!("/nobody")),
            ("dataschema", json!("/schemas/other/1")),
            ("data", json!({})),
        ] {
            let mut wrong = example.clone();
            wrong[field] = value;
            assert!(validator.check(kind.as_str(), &wrong).is_err(), "{kind:?} {field}");
        }
        let needed = match kind {
            MessageType::Command(_) => "commandid",
            MessageType::Event(_) => "sequence",
        };
        let mut wrong = example.clone();
        wrong.as_object_mut().unwrap().remove(needed);
        assert!(validator.check(kind.as_str(), &wrong).is_err(), "{kind:?} {needed}");
    }
}

#[test]
fn names_are_those_that_asyncapi_allows() {
    let document = asyncapi::document();
    let plain = |name: &&str| {
        name.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-' | b'_'))
    };
    for part in ["messages", "messageTraits", "schemas"] {
        assert!(keys(&document["components"][part]).iter().all(plain), "{part}");
    }
    let documented = keys(&document["components"]["schemas"]);
    let data = schema::bundle();
    for schema in data["$defs"].as_object().unwrap().values() {
        for name in schema["$defs"].as_object().into_iter().flat_map(|defs| defs.keys()) {
            assert!(documented.contains(name.as_str()), "{name}");
        }
    }
}

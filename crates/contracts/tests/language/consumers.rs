//! What consumers state that they read is there in whatever is published.

use contracts::{
    ServiceName, example, reads,
    schema::{self, MessageType},
};
use serde_json::Value;

use crate::{builders::for_messages, paths};

/// Why a value lacks a path; nothing where it is there, and in every element of each list.
fn lacks(value: &Value, path: &str) -> Option<String> {
    if path.ends_with('?') {
        return None;
    }
    steps(path)
        .try_fold(vec![value], |found, step| {
            let mut next = Vec::new();
            for value in found {
                match step {
                    "[*]" => next.extend(value.as_array().ok_or(())?),
                    name => next.push(value.get(name).filter(|it| !it.is_null()).ok_or(())?),
                }
            }
            Ok(next)
        })
        .is_err_and(|()| true)
        .then(|| format!("{path} is read and not there"))
}

/// Why a schema does not declare a path, or does not promise it where it is read always.
fn undeclared(root: &Value, path: &str) -> Option<String> {
    let (path, always) = path.strip_suffix('?').map_or((path, true), |path| (path, false));
    let (mut schema, mut promised) = (paths::follow(root, root), true);
    for step in steps(path) {
        let (next, sure) = match step {
            "[*]" => (schema.get("items"), true),
            name => (schema["properties"].get(name), paths::requires(schema, name)),
        };
        let Some(next) = next else {
            return Some(format!("{path} is read and no schema knows it"));
        };
        schema = paths::follow(root, next);
        promised &= sure;
    }
    (always && !promised).then(|| format!("{path} is always read and not always there"))
}

fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split('.').flat_map(|part| match part.strip_suffix("[*]") {
        Some(name) => vec![name, "[*]"],
        None => vec![part],
    })
}

/// Each consumer with what it reads of the data of that message.
fn readers(kind: MessageType) -> impl Iterator<Item = (ServiceName, &'static str)> {
    ServiceName::ALL.into_iter().flat_map(move |consumer| {
        reads::reads(consumer, kind).iter().map(move |&path| (consumer, path))
    })
}

fn envelope(kind: MessageType) -> impl Iterator<Item = &'static str> {
    let further = match kind {
        MessageType::Command(_) => reads::COMMAND_ENVELOPE,
        MessageType::Event(_) => reads::EVENT_ENVELOPE,
    };
    reads::ENVELOPE.iter().chain(further).copied()
}

#[test]
fn whoever_hears_a_message_states_what_it_reads_of_it() {
    for kind in MessageType::all() {
        for consumer in ServiceName::ALL {
            let hears = match kind {
                MessageType::Command(command) => command.destination() == consumer,
                MessageType::Event(event) => {
                    contracts::routes::subscriptions(consumer).contains(&event)
                }
            };
            let stated = !reads::reads(consumer, kind).is_empty();
            assert_eq!(stated, hears, "{consumer} and {kind:?}");
        }
    }
}

#[test]
fn every_field_that_is_read_is_published() {
    for_messages(|kind, message| {
        let message = serde_json::to_value(message).map_err(|error| error.to_string())?;
        for path in envelope(kind) {
            lacks(&message, path).map_or(Ok(()), Err)?;
        }
        for (consumer, path) in readers(kind) {
            let told = lacks(&message["data"], path);
            told.map_or(Ok(()), |told| Err(format!("{consumer}, {}: {told}", kind.as_str())))?;
        }
        Ok(())
    });
}

#[test]
fn every_field_that_is_read_is_in_the_schema() {
    for kind in MessageType::all() {
        let schema = schema::schema(kind.as_str()).unwrap();
        for (consumer, path) in readers(kind) {
            assert_eq!(undeclared(&schema, path), None, "{consumer} {kind:?}");
        }
    }
    for path in reads::ENVELOPE {
        assert_eq!(undeclared(&schema::envelope(), path), None);
    }
}

#[test]
fn a_field_that_is_no_longer_published_is_told_with_its_reader() {
    let mut told = 0;
    for kind in MessageType::all() {
        let data = example::message(kind)["data"].clone();
        let schema = schema::schema(kind.as_str()).unwrap();
        for (_, path) in readers(kind) {
            let pointer =
                format!("/{}", path.trim_end_matches('?').replace("[*]", ".0")).replace('.', "/");
            let mut without = data.clone();
            if paths::remove(&mut without, &pointer) {
                told += 1;
                assert_eq!(lacks(&without, path).is_some(), !path.ends_with('?'), "{path}");
            } else {
                assert!(path.ends_with('?'), "{path} is not in the example of {kind:?}");
            }
            let bare = path.trim_end_matches('?');
            let name = bare.rsplit_once('.').map_or(bare, |(_, name)| name);
            let mut poorer = schema.clone();
            take_out(&mut poorer, name);
            assert!(undeclared(&poorer, path).is_some(), "{path} of {kind:?}");
        }
    }
    assert!(told > 50, "{told}");
}

/// Takes a property out of every object of a schema that has it.
fn take_out(schema: &mut Value, name: &str) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get_mut("properties") {
                properties.remove(name);
            }
            object.values_mut().for_each(|value| take_out(value, name));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| take_out(value, name)),
        _ => {}
    }
}

#[test]
fn a_path_is_looked_for_in_every_element() {
    let value = serde_json::json!({ "items": [{ "a": { "b": 1 } }, { "a": {} }], "none": null });
    for (path, there) in [
        ("items", true),
        ("items[*].a", true),
        ("items[*].a.b", false),
        ("items[*].a.b?", true),
        ("a[*].b", false),
        ("none", false),
    ] {
        assert_eq!(lacks(&value, path).is_none(), there, "{path}");
    }
}

//! The schemas of the published language, derived from the Rust types: JSON Schema 2020-12.
//!
//! A schema says what a reader may rely on and what a writer must write: both sides of serde, held
//! together by a test. It never forbids further properties: readers ignore what they do not know.

use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{CommandType, Envelope, EventType, envelope::SCHEMA_VERSION};

mod files;
mod routing;

pub use files::{File, files};
pub use routing::routing;
pub(crate) use routing::{bindings, received};

/// The name under which the envelope's own schema is found.
pub const ENVELOPE: &str = "envelope";

/// A type of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageType {
    /// A request that can be refused.
    Command(CommandType),
    /// A fact.
    Event(EventType),
}

impl MessageType {
    /// Every command, then every event.
    pub fn all() -> impl Iterator<Item = Self> {
        let commands = CommandType::ALL.iter().copied().map(Self::Command);
        commands.chain(EventType::ALL.iter().copied().map(Self::Event))
    }

    /// The name on the wire: `authorize-payment`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Command(kind) => kind.as_str(),
            Self::Event(kind) => kind.as_str(),
        }
    }

    /// The message of that name, if there is one.
    pub fn parse(name: &str) -> Option<Self> {
        let command = CommandType::parse(name).map(Self::Command);
        command.or_else(|| EventType::parse(name).map(Self::Event))
    }

    /// What it says, in a sentence or two.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Command(kind) => kind.summary(),
            Self::Event(kind) => kind.summary(),
        }
    }

    /// `/schemas/<type>/<version>`, as in the envelope's `dataschema`.
    pub fn schema_id(self) -> String {
        schema_id(self.as_str())
    }

    /// The schema of its `data`, complete in itself.
    pub fn schema(self) -> Value {
        let root = match self {
            Self::Command(kind) => kind.root_schema(generator()),
            Self::Event(kind) => kind.root_schema(generator()),
        };
        document(self.as_str(), self.summary(), root)
    }

    /// A reference to the schema of its `data`; what it refers to is left with the generator.
    pub(crate) fn payload_schema(self, generator: &mut SchemaGenerator) -> Schema {
        match self {
            Self::Command(kind) => kind.payload_schema(generator),
            Self::Event(kind) => kind.payload_schema(generator),
        }
    }
}

/// The schema of that name: a message's `data`, or the [`ENVELOPE`] around it.
pub fn schema(name: &str) -> Option<Value> {
    if name == ENVELOPE {
        return Some(envelope());
    }
    MessageType::parse(name).map(MessageType::schema)
}

/// The schema of the envelope.
pub fn envelope() -> Value {
    let root = generator().into_root_schema_for::<Envelope>();
    let description =
        root.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    document(ENVELOPE, &description, root)
}

/// Every schema in one document, each under its name in `$defs` and with its `$id`.
pub fn bundle() -> Value {
    let mut schemas: Map<String, Value> =
        MessageType::all().map(|kind| (kind.as_str().to_owned(), kind.schema())).collect();
    schemas.insert(ENVELOPE.to_owned(), envelope());
    json!({ "$schema": DIALECT, "$id": format!("/schemas/{SCHEMA_VERSION}"), "$defs": schemas })
}

/// The dialect that the schemas are written in.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().into_generator()
}

fn schema_id(name: &str) -> String {
    format!("/schemas/{name}/{SCHEMA_VERSION}")
}

fn document(name: &str, description: &str, mut root: Schema) -> Value {
    root.insert("$id".to_owned(), schema_id(name).into());
    root.insert("title".to_owned(), name.into());
    root.insert("description".to_owned(), description.into());
    root.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_found_by_its_name_and_says_which_it_is() {
        for name in MessageType::all().map(MessageType::as_str).chain([ENVELOPE]) {
            let schema = schema(name).unwrap();
            assert_eq!(schema["$id"], format!("/schemas/{name}/1"));
            assert_eq!(schema["$schema"], DIALECT, "{name}");
            assert_eq!(schema["title"], name);
        }
        assert_eq!(schema("eat-stock"), None);
        assert_eq!(schema("unknown"), None);
    }

    #[test]
    fn descriptions_are_for_those_who_do_not_read_rust() {
        let mut seen = 0;
        let bundle = bundle();
        visit(&bundle, &mut |object| {
            if let Some(Value::String(text)) = object.get("description") {
                seen += 1;
                assert!(!text.is_empty() && !text.contains("::") && !text.contains("[`"), "{text}");
            }
            for property in
                object.get("properties").and_then(Value::as_object).into_iter().flatten()
            {
                assert!(property.1.get("description").is_some(), "{property:?}");
            }
        });
        assert!(seen > 100, "{seen}");
    }

    #[test]
    fn readers_may_meet_more_than_they_know() {
        visit(&bundle(), &mut |object| {
            assert!(!object.get("additionalProperties").is_some_and(|more| *more == false));
            assert!(!object.contains_key("enum"), "{object:?}");
        });
    }

    fn visit(value: &Value, look: &mut impl FnMut(&Map<String, Value>)) {
        match value {
            Value::Object(object) => {
                look(object);
                object.values().for_each(|value| visit(value, look));
            }
            Value::Array(list) => list.iter().for_each(|value| visit(value, look)),
            _ => {}
        }
    }
}

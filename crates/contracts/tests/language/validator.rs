//! Validates values against schemas; the released ones and today's alike.

use boon::{Compiler, SchemaIndex, Schemas};
use contracts::schema::{self, MessageType};
use serde_json::Value;

/// Schemas that values can be held against.
pub(crate) struct Validator {
    schemas: Schemas,
    compiled: Vec<(String, SchemaIndex)>,
}

impl Validator {
    /// Of these schemas, by name. `format` is asserted too.
    pub(crate) fn of(named: impl IntoIterator<Item = (String, Value)>) -> Self {
        let (mut schemas, mut compiled) = (Schemas::new(), Vec::new());
        for (name, schema) in named {
            let mut compiler = Compiler::new();
            compiler.enable_format_assertions();
            let place = format!("http://localhost/{name}.json");
            compiler.add_resource(&place, schema).unwrap();
            let index = compiler.compile(&place, &mut schemas).unwrap_or_else(|error| {
                panic!("{name}: {error}");
            });
            compiled.push((name, index));
        }
        Self { schemas, compiled }
    }

    /// Of today's language.
    pub(crate) fn today() -> Self {
        let names = MessageType::all().map(MessageType::as_str).chain([schema::ENVELOPE]);
        Self::of(names.map(|name| (name.to_owned(), schema::schema(name).unwrap())))
    }

    /// Why the value does not fit the schema of that name.
    pub(crate) fn check(&self, name: &str, value: &Value) -> Result<(), String> {
        let (_, index) = self.compiled.iter().find(|(it, _)| it == name).unwrap();
        self.schemas.validate(value, *index).map_err(|error| format!("{name}: {error} in {value}"))
    }

    /// Why a whole message, envelope and data, does not fit.
    pub(crate) fn check_message(&self, message: &Value) -> Result<(), String> {
        self.check(schema::ENVELOPE, message)?;
        self.check(message["type"].as_str().unwrap(), &message["data"])
    }
}

//! The types of a document. What is read and what is written are described by different rules: a
//! field that may be left out when it is sent is always there when it is told.

use schemars::{
    SchemaGenerator,
    generate::{Contract, SchemaSettings},
};
use serde_json::{Map, Value, json};

use super::PROBLEM;
use crate::{Problem, http::operation::Shape};

pub(super) struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
    /// Responses that several routes have, by a name that says what they are.
    responses: Map<String, Value>,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let generator = |contract| {
            let mut settings = SchemaSettings::draft2020_12();
            settings.definitions_path = "/components/schemas".into();
            settings.contract = contract;
            settings.into_generator()
        };
        Self {
            read: generator(Contract::Deserialize),
            written: generator(Contract::Serialize),
            responses: Map::new(),
        }
    }

    /// The schema of what is sent.
    pub(super) fn read(&mut self, shape: &Shape) -> Value {
        shape.make(&mut self.read)
    }

    /// The schema of what is told.
    pub(super) fn written(&mut self, shape: &Shape) -> Value {
        shape.make(&mut self.written)
    }

    /// A reference to the response of that status that tells one of these problems.
    pub(super) fn problem(&mut self, status: u16, slugs: &[&str]) -> Value {
        let name = format!("{status}.{}", slugs.join("."));
        if !self.responses.contains_key(&name) {
            let response = self.problem_response(status, slugs);
            self.responses.insert(name.clone(), response);
        }
        json!({ "$ref": format!("#/components/responses/{name}") })
    }

    fn problem_response(&mut self, status: u16, slugs: &[&str]) -> Value {
        let quoted: Vec<String> = slugs.iter().map(|slug| format!("`{slug}`")).collect();
        let mut response = json!({
            "description": quoted.join(", "),
            "content": { PROBLEM: self.problem_content(status, slugs) },
        });
        let header = match status {
            401 | 403 => ("WWW-Authenticate", "Why, as RFC 6750 has it."),
            503 => ("Retry-After", "After how many seconds to try again."),
            _ => return response,
        };
        response["headers"][header.0] =
            json!({ "description": header.1, "schema": { "type": "string" } });
        response
    }

    /// What one of these problems looks like.
    pub(super) fn problem_content(&mut self, status: u16, slugs: &[&str]) -> Value {
        let any = self.written(&Shape::of::<Problem>());
        let kinds: Vec<String> = slugs.iter().map(|slug| format!("/problems/{slug}")).collect();
        json!({
            "schema": {
                "allOf": [any],
                "properties": { "type": { "enum": kinds }, "status": { "const": status } },
            },
        })
    }

    /// Every type, and every response that several routes have.
    ///
    /// A name means one type: where the same is read and written, both descriptions must agree.
    pub(super) fn end(mut self) -> (Map<String, Value>, Map<String, Value>) {
        let mut types = self.written.take_definitions(true);
        for (name, schema) in self.read.take_definitions(true) {
            let told = types.entry(name.clone()).or_insert_with(|| schema.clone());
            assert_eq!(*told, schema, "{name} is not read as it is written: give it two names");
        }
        (types, self.responses)
    }
}

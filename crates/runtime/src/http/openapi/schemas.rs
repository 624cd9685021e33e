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
        let mut schema = shape.make(&mut self.written);
        open(&mut schema);
        schema
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
        types.values_mut().for_each(open);
        for (name, schema) in self.read.take_definitions(true) {
            let told = types.entry(name.clone()).or_insert_with(|| schema.clone());
            assert_eq!(*told, schema, "{name} is not read as it is written: give it two names");
        }
        (types, self.responses)
    }
}

/// What is told may get more words later: where a text is one of some, those are examples.
fn open(schema: &mut Value) {
    match schema {
        Value::Array(schemas) => schemas.iter_mut().for_each(open),
        Value::Object(object) => {
            if let Some(words) = object.remove("enum") {
                object.insert("examples".to_owned(), words);
            }
            if let Some(words) = object.get("oneOf").and_then(words_of) {
                object.remove("oneOf");
                object.insert("type".to_owned(), "string".into());
                object.insert("examples".to_owned(), words);
            }
            object.values_mut().for_each(open);
        }
        _ => {}
    }
}

/// The words of an enumeration, of which each may have a description of its own.
fn words_of(schemas: &Value) -> Option<Value> {
    let mut words = Vec::new();
    for schema in schemas.as_array()? {
        match (schema.get("const"), schema.get("enum")) {
            (Some(word), None) => words.push(word.clone()),
            (None, Some(more)) => words.extend(more.as_array()?.iter().cloned()),
            _ => return None,
        }
    }
    Some(words.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(schemars::JsonSchema)]
    #[allow(dead_code, reason = "only its schema is wanted")]
    enum Plain {
        A,
        B,
    }

    #[derive(schemars::JsonSchema)]
    #[allow(dead_code, reason = "only its schema is wanted")]
    enum Described {
        /// The first.
        A,
        B,
    }

    #[derive(schemars::JsonSchema)]
    #[schemars(rename = "Twice")]
    #[allow(dead_code, reason = "only its schema is wanted")]
    struct Asked {
        a: Option<u8>,
    }

    #[test]
    fn what_is_told_is_open_and_what_is_sent_is_not() {
        let mut schemas = Schemas::new();
        schemas.written(&Shape::of::<Plain>());
        schemas.written(&Shape::of::<Described>());
        let (types, _) = schemas.end();
        for name in ["Plain", "Described"] {
            let mut words = types[name]["examples"].as_array().unwrap().clone();
            words.sort_by_key(Value::to_string);
            assert_eq!(
                (words, &types[name]["type"]),
                (vec!["A".into(), "B".into()], &json!("string"))
            );
            assert_eq!((types[name].get("enum"), types[name].get("oneOf")), (None, None));
        }
        let mut schemas = Schemas::new();
        schemas.read(&Shape::of::<Plain>());
        assert_eq!(schemas.end().0["Plain"]["enum"], json!(["A", "B"]));
    }

    #[test]
    #[should_panic(expected = "give it two names")]
    fn one_name_does_not_mean_two_types() {
        let mut schemas = Schemas::new();
        schemas.read(&Shape::of::<Asked>());
        schemas.written(&Shape::of::<Asked>());
        schemas.end();
    }
}

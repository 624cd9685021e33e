//! Values held against the schemas of a document.

use boon::{Compiler, Schemas};
use serde_json::{Map, Value, json};

/// Why a value does not fit a schema of that document; its references may lead to its components.
pub(crate) fn check(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    check_alone(json!({ "components": document["components"], "allOf": [schema] }), value)
}

/// Why a value does not fit a schema that is complete in itself.
pub(crate) fn check_alone(root: Value, value: &Value) -> Result<(), String> {
    let place = "http://localhost/schema.json";
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.enable_format_assertions();
    compiler.add_resource(place, root).unwrap();
    let index = compiler.compile(place, &mut schemas).map_err(|error| format!("{error:#}"))?;
    schemas.validate(value, index).map_err(|error| format!("{error} in {value}"))
}

/// What a reference leads to, if it is one.
pub(crate) fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(to) => {
            let found = to.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
            found.unwrap_or_else(|| panic!("{to} leads nowhere"))
        }
        None => value,
    }
}

/// Every operation: its path, its method, and what is told of it.
pub(crate) fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    fields(&document["paths"]).flat_map(|(path, item)| {
        fields(item).map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// The fields of an object; none where it is no object.
pub(crate) fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// The elements of a list; none where it is no list.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Looks at every object in a value.
pub(crate) fn visit(value: &Value, look: &mut impl FnMut(&Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            look(object);
            object.values().for_each(|value| visit(value, look));
        }
        Value::Array(list) => list.iter().for_each(|value| visit(value, look)),
        _ => {}
    }
}

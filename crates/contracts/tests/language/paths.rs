//! Ways into messages and schemas: every field that a value has, with what its schema says of it.

use serde_json::{Value, json};

/// A field of a value.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Where it is (RFC 6901).
    pub(crate) pointer: String,
    /// Whether the schema requires it.
    pub(crate) required: bool,
    /// Its schema, with references followed.
    pub(crate) schema: Value,
}

/// Every field of the value that the schema tells of, also within others; elements of lists are
/// gone into, but are no fields themselves.
pub(crate) fn places(root: &Value, value: &Value, at: &str) -> Vec<Place> {
    let mut places = Vec::new();
    visit(root, root, value, at, &mut places);
    places
}

fn visit(root: &Value, schema: &Value, value: &Value, at: &str, places: &mut Vec<Place>) {
    let schema = follow(root, schema);
    if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
        for (index, element) in list.iter().enumerate() {
            visit(root, items, element, &format!("{at}/{index}"), places);
        }
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let Some(field) = value.get(name) else { continue };
        let pointer = format!("{at}/{name}");
        places.push(Place {
            pointer: pointer.clone(),
            required: requires(schema, name),
            schema: follow(root, property).clone(),
        });
        visit(root, property, field, &pointer, places);
    }
}

/// The schema that a reference leads to, in the end.
pub(crate) fn follow<'a>(root: &'a Value, mut schema: &'a Value) -> &'a Value {
    loop {
        // What may also be null is the other thing.
        if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
            schema = choices.iter().find(|it| it["type"] != "null").unwrap();
        }
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { return schema };
        let pointer = reference.strip_prefix('#').expect("references stay in their document");
        schema = root.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"));
    }
}

/// Whether the schema of an object requires that property.
pub(crate) fn requires(schema: &Value, name: &str) -> bool {
    schema["required"].as_array().is_some_and(|names| names.contains(&json!(name)))
}

/// Takes a field out; false where there is none.
pub(crate) fn remove(value: &mut Value, pointer: &str) -> bool {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let object = value.pointer_mut(parent).and_then(Value::as_object_mut);
    object.is_some_and(|object| object.remove(name).is_some())
}

//! Every kind of break, done to a copy of every field of every released message: each is told, in a
//! line that names the field.

use serde_json::{Map, Value, json};

use crate::{compare, released::released};

/// A kind of break: what it does to the field of that name of an object schema (nothing where it
/// cannot be done there), and what is told then of the field.
struct Kind {
    name: &'static str,
    break_it: fn(&mut Value, &str) -> bool,
    told: &'static str,
}

const KINDS: [Kind; 7] = [
    Kind {
        name: "removed",
        break_it: |schema, field| {
            unrequire(schema, field);
            properties(schema).remove(field).is_some()
        },
        told: "was removed",
    },
    Kind {
        name: "renamed",
        break_it: |schema, field| {
            let was_required = unrequire(schema, field);
            let property = properties(schema).remove(field).unwrap();
            properties(schema).insert("renamed".to_owned(), property);
            if was_required {
                require(schema, "renamed");
            }
            true
        },
        told: "was renamed to renamed",
    },
    Kind {
        name: "retyped",
        break_it: |schema, field| {
            properties(schema)[field] = json!({ "type": "boolean", "description": "Is it?" });
            true
        },
        told: "",
    },
    Kind {
        name: "narrowed",
        break_it: |schema, field| {
            properties(schema)[field] =
                json!({ "allOf": [properties(schema)[field]], "enum": ["x"] });
            true
        },
        told: "",
    },
    Kind {
        name: "newly required",
        break_it: |schema, field| {
            let optional = !unrequire(schema, field);
            require(schema, field);
            optional
        },
        told: "is newly required",
    },
    Kind { name: "no longer required", break_it: unrequire, told: "is no longer required" },
    Kind {
        name: "a required one beside it",
        break_it: |schema, _| {
            properties(schema).insert("new".to_owned(), json!({ "type": "null" }));
            require(schema, "new");
            true
        },
        told: "new is new and required",
    },
];

fn properties(schema: &mut Value) -> &mut Map<String, Value> {
    schema["properties"].as_object_mut().unwrap()
}

fn require(schema: &mut Value, field: &str) {
    let schema = schema.as_object_mut().unwrap();
    let required = schema.entry("required").or_insert_with(|| json!([]));
    required.as_array_mut().unwrap().push(json!(field));
}

/// Whether the field was required.
fn unrequire(schema: &mut Value, field: &str) -> bool {
    let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) else {
        return false;
    };
    let before = required.len();
    required.retain(|name| name != field);
    required.len() < before
}

/// Where fields are: the object schemas of a document, each with the names of its fields.
fn objects(document: &Value) -> Vec<(String, Vec<String>)> {
    let names = |schema: &Value| -> Vec<String> {
        let properties = schema["properties"].as_object();
        properties.into_iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    let defs = document["$defs"].as_object();
    let defs = defs.into_iter().flatten().map(|(name, it)| (format!("/$defs/{name}"), names(it)));
    [(String::new(), names(document))].into_iter().chain(defs).collect()
}

#[test]
fn each_kind_of_break_of_each_field_of_each_message_is_told() {
    let (mut done, mut untold) = (0, Vec::new());
    for (message, then) in released() {
        for (place, fields) in objects(&then) {
            for field in fields {
                for Kind { name, break_it, told } in &KINDS {
                    let mut today = then.clone();
                    if !break_it(today.pointer_mut(&place).unwrap(), &field) {
                        continue;
                    }
                    done += 1;
                    let breaks = compare::schemas(&message, &then, &today);
                    let named = |line: &String| {
                        line.starts_with(&message) && line.contains(told) && {
                            *told == KINDS[6].told || line.contains(&format!(".{field}"))
                        }
                    };
                    if !breaks.iter().any(named) {
                        untold.push(format!("{message}{place}.{field} {name}: {breaks:?}"));
                    }
                }
            }
        }
    }
    assert!(untold.is_empty(), "{} of {done}: {untold:#?}", untold.len());
    assert!(done > 1000, "{done}");
}

#[test]
fn a_message_that_is_gone_is_told_and_one_that_is_new_is_not() {
    let (then, mut today) = (released(), released());
    assert_eq!(compare::language(&then, &today), [""; 0]);
    today.push(("soup-spilt".to_owned(), json!({ "type": "object" })));
    assert_eq!(compare::language(&then, &today), [""; 0]);
    today.retain(|(name, _)| name != "food-picked");
    assert_eq!(compare::language(&then, &today), ["the message food-picked was removed"]);
}

//! Compares what was released with what is today, by meaning: what may stand in a message, where it
//! goes. Each difference that is no addition is a line. Descriptions and titles are free.
//!
//! Within a version both ways must hold: today's reader takes what was written then, and a reader
//! of then takes what is written today. So a bound that gets wider is a break as much as one that
//! gets narrower.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::paths::{follow, requires};

/// What says nothing about which values are valid, and what is compared on its own.
const APART: [&str; 11] = [
    "$schema",
    "$id",
    "$defs",
    "$comment",
    "title",
    "description",
    "examples",
    "default",
    "properties",
    "required",
    "items",
];

/// A schema with the document that its references are looked up in.
#[derive(Clone, Copy)]
struct In<'a> {
    root: &'a Value,
    schema: &'a Value,
}

impl<'a> In<'a> {
    fn at(self, schema: &'a Value) -> Self {
        Self { root: self.root, schema: follow(self.root, schema) }
    }

    fn keyword(self, name: &str) -> Option<&'a Value> {
        self.schema.get(name)
    }

    fn properties(self) -> impl Iterator<Item = (&'a str, Self)> {
        let properties = self.keyword("properties").and_then(Value::as_object);
        let property = move |(name, schema): (&'a String, _)| (name.as_str(), self.at(schema));
        properties.into_iter().flatten().map(property)
    }

    fn property(self, name: &str) -> Option<Self> {
        Some(self.at(self.keyword("properties")?.get(name)?))
    }

    fn requires(self, name: &str) -> bool {
        requires(self.schema, name)
    }
}

/// What of a language is no addition to the released one: of schemas by their names.
pub(crate) fn language(released: &[(String, Value)], today: &[(String, Value)]) -> Vec<String> {
    let mut breaks = Vec::new();
    for (name, then) in released {
        match today.iter().find(|(it, _)| it == name) {
            Some((_, now)) => breaks.extend(schemas(name, then, now)),
            None => breaks.push(format!("the message {name} was removed")),
        }
    }
    breaks
}

/// What of a schema is no addition to the released one.
pub(crate) fn schemas(name: &str, released: &Value, today: &Value) -> Vec<String> {
    let whole = |root| In { root, schema: root };
    let mut breaks = Vec::new();
    schema(name, whole(released), whole(today), &mut breaks);
    breaks
}

fn schema(at: &str, released: In<'_>, today: In<'_>, breaks: &mut Vec<String>) {
    constraints(at, released, today, breaks);
    match (released.keyword("items"), today.keyword("items")) {
        (Some(then), Some(now)) => {
            schema(&format!("{at}[*]"), released.at(then), today.at(now), breaks);
        }
        (None, None) => {}
        _ => breaks.push(format!("{at}: what its elements are is said anew")),
    }
    let (gone, new) = (missing(released, today), missing(today, released));
    let mut renamed = BTreeSet::new();
    for &name in &gone {
        let then = released.property(name).expect("it was released");
        let same = |other: &&&str| {
            let now = today.property(other).expect("it is there today");
            let mut differences = Vec::new();
            schema(at, then, now, &mut differences);
            differences.is_empty() && !renamed.contains(**other)
        };
        match new.iter().find(same) {
            Some(other) => {
                renamed.insert(*other);
                breaks.push(format!("{at}.{name} was renamed to {other}"));
            }
            None => breaks.push(format!("{at}.{name} was removed")),
        }
    }
    for &name in new.iter().filter(|name| !renamed.contains(**name) && today.requires(name)) {
        breaks.push(format!("{at}.{name} is new and required: released senders do not write it"));
    }
    for (name, then) in released.properties() {
        let Some(now) = today.property(name) else { continue };
        let field = format!("{at}.{name}");
        match (released.requires(name), today.requires(name)) {
            (false, true) => {
                breaks
                    .push(format!("{field} is newly required: released senders may leave it out"));
            }
            (true, false) => breaks.push(format!(
                "{field} is no longer required: released readers cannot do without it"
            )),
            _ => {}
        }
        schema(&field, then, now, breaks);
    }
}

/// The names of properties that the one has and the other has not.
fn missing<'a>(there: In<'a>, not_there: In<'a>) -> Vec<&'a str> {
    let names = there.properties().map(|(name, _)| name);
    names.filter(|name| not_there.property(name).is_none()).collect()
}

fn constraints(at: &str, released: In<'_>, today: In<'_>, breaks: &mut Vec<String>) {
    let words = |it: In<'_>| it.schema.as_object().cloned().unwrap_or_default();
    let (then, now) = (words(released), words(today));
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    for name in names.into_iter().filter(|name| !APART.contains(&name.as_str())) {
        let (then, now) = (then.get(name), now.get(name));
        if unordered(then) == unordered(now) {
            continue;
        }
        let said = |value: Option<&Value>| value.map_or("not set".to_owned(), Value::to_string);
        let (was, is) = (said(then), said(now));
        breaks.push(match name.as_str() {
            "type" => format!("{at} was of type {was} and is of type {is}"),
            _ => {
                format!("{at} was {} by its {name}: it was {was} and is {is}", way(name, then, now))
            }
        });
    }
}

/// Lists of types and of values mean the same in any order; saying that more is welcome means as
/// much as saying nothing.
fn unordered(value: Option<&Value>) -> Option<Value> {
    match value {
        Some(Value::Array(list)) => {
            let mut sorted: Vec<String> = list.iter().map(Value::to_string).collect();
            sorted.sort();
            Some(json!(sorted))
        }
        Some(Value::Bool(true)) => None,
        other => other.cloned(),
    }
}

/// Whether a bound got narrower or wider, as far as that can be told.
fn way(keyword: &str, then: Option<&Value>, now: Option<&Value>) -> &'static str {
    let narrower = match (then, now) {
        (None, Some(_)) => Some(true),
        (Some(_), None) => Some(false),
        (Some(Value::Array(then)), Some(Value::Array(now))) if keyword == "enum" => {
            Some(!then.iter().all(|value| now.contains(value)))
        }
        (Some(then), Some(now)) => match (then.as_f64(), now.as_f64()) {
            (Some(then), Some(now)) if keyword.starts_with("min") => Some(now > then),
            (Some(then), Some(now)) if keyword.starts_with("max") => Some(now < then),
            _ => None,
        },
        (None, None) => None,
    };
    match narrower {
        Some(true) => "narrowed",
        Some(false) => "widened",
        None => "changed",
    }
}

/// What of the routes is no addition to the released ones.
pub(crate) fn routes(released: &Value, today: &Value) -> Vec<String> {
    let mut breaks = Vec::new();
    let kinds = [("exchanges", "exchange"), ("messages", "message"), ("queues", "queue")];
    for (section, one) in kinds {
        for (name, then) in released[section].as_object().into_iter().flatten() {
            let at = format!("the {one} {name}");
            match today[section].get(name) {
                None => breaks.push(format!("{at} was removed")),
                Some(now) => route(&at, then, now, &mut breaks),
            }
        }
    }
    breaks
}

fn route(at: &str, released: &Value, today: &Value, breaks: &mut Vec<String>) {
    for (name, then) in released.as_object().into_iter().flatten() {
        let now = &today[name];
        match (then.as_array(), now.as_array()) {
            (Some(then), Some(now)) => {
                let gone = then.iter().filter(|key| !now.contains(key));
                breaks.extend(gone.map(|key| format!("{at} is no longer bound by {key}")));
            }
            _ if then != now => {
                breaks.push(format!("{at} was rerouted: its {name} was {then} and is {now}"));
            }
            _ => {}
        }
    }
}

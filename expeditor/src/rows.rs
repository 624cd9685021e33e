//! What the operator API answers, as rows that people read: units are named, columns that do not
//! fit go, and events are told in words. Programs are given the answer as it came.

use serde_json::{Map, Value};

use crate::tables;

/// The columns of a list of sagas.
const LIST: [&str; 11] = [
    "id",
    "definition",
    "status",
    "waiting_on",
    "waiting_since",
    "next_attempt_at",
    "stalled",
    AGE,
    "customer_id",
    "store_id",
    "order_id",
];
/// Those that a list can do without, the most dispensable first.
const DISPENSABLE: [&str; 6] =
    ["next_attempt_at", "waiting_since", "definition", "store_id", "customer_id", "order_id"];
/// An age with its unit.
const AGE: &str = "age (s)";

/// A table of sagas, no wider than the terminal where that can be had.
pub fn list(sagas: &[Value], width: Option<usize>) -> String {
    if sagas.is_empty() {
        return "no sagas".to_owned();
    }
    let sagas: Vec<Value> = sagas.iter().map(with_unit).collect();
    let mut columns = LIST.to_vec();
    let mut table = tables::objects(&sagas, &columns);
    for name in DISPENSABLE {
        let widest = table.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        if width.is_none_or(|width| widest <= width) {
            break;
        }
        columns.retain(|column| *column != name);
        table = tables::objects(&sagas, &columns);
    }
    table
}

/// The same, its age in whole seconds under a name that says so.
pub fn with_unit(saga: &Value) -> Value {
    let mut saga = saga.clone();
    if let Some(fields) = saga.as_object_mut()
        && let Some(age) = fields.remove("age").and_then(|age| age.as_f64())
    {
        fields.insert(AGE.to_owned(), format!("{age:.0}").into());
    }
    saga
}

/// A line an event: version, time, what, which step, and its particulars in words.
pub fn history(entries: &[Value]) -> String {
    const COLUMNS: [&str; 5] = ["version", "at", "event", "step", "particulars"];
    let rows: Vec<Value> = entries
        .iter()
        .filter_map(Value::as_object)
        .map(|entry| {
            let mut row = Map::new();
            for name in ["version", "at", "step"] {
                row.insert(name.to_owned(), entry.get(name).cloned().unwrap_or_else(|| "".into()));
            }
            let event = entry.get("event").and_then(Value::as_str).unwrap_or_default();
            row.insert("event".to_owned(), event.replace('_', " ").into());
            row.insert("particulars".to_owned(), particulars(entry).into());
            Value::Object(row)
        })
        .collect();
    tables::objects(&rows, &COLUMNS)
}

/// What an event says beyond what it is; ids and settings are for programs.
fn particulars(entry: &Map<String, Value>) -> String {
    const LEFT_OUT: [&str; 10] = [
        "version",
        "at",
        "event",
        "step",
        "command",
        "to",
        "command_id",
        "saga_id",
        "kind",
        "source",
    ];
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let mut parts = Vec::new();
    match (text("command"), text("to")) {
        (Some(command), Some(to)) => parts.push(format!("{command} to {to}")),
        (Some(command), None) => parts.push(command.to_owned()),
        _ => {}
    }
    if let (Some(kind), Some(source)) = (text("kind"), text("source")) {
        parts.push(format!("{kind} from {source}"));
    }
    let day = text("at").and_then(|at| at.split_once('T')).map_or("", |(day, _)| day);
    for (name, value) in entry {
        let first = name == "generation" && value == 1;
        if LEFT_OUT.contains(&name.as_str()) || value.is_null() || value.is_object() || first {
            continue;
        }
        let words = name.replace('_', " ");
        let value = match value {
            Value::Array(items) => items.iter().map(tables::cell).collect::<Vec<_>>().join(", "),
            other => tables::cell(other),
        };
        // On the same day the time is enough.
        let time = value.split_once('T').filter(|(its_day, _)| *its_day == day);
        let value = time.map_or(value.as_str(), |(_, time)| time);
        if !value.is_empty() {
            parts.push(format!("{words} {value}"));
        }
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_names_units_and_drops_columns_that_do_not_fit() {
        let sagas = [json!({
            "id": "019f0000", "definition": "order", "status": "running", "age": 12.345,
            "customer_id": "mina", "store_id": "noodle-house", "order_id": "019e0000",
        })];
        let wide = list(&sagas, None);
        for part in ["age (s)", "12", "mina", "noodle-house", "definition"] {
            assert!(wide.contains(part), "{part} is missing in\n{wide}");
        }
        assert!(!wide.contains("12.3"), "{wide}");
        let narrow = list(&sagas, Some(60));
        assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
        assert!(narrow.contains("mina") && !narrow.contains("definition"), "{narrow}");
        assert_eq!(list(&[], None), "no sagas");
    }

    #[test]
    fn a_history_is_a_line_an_event_in_words() {
        let table = history(&[json!({
            "version": 2, "at": "2026-01-02T03:04:05.000Z", "event": "step_requested",
            "step": "pay", "generation": 1, "command": "authorize-payment", "to": "payment",
            "command_id": "019f0000-0000-7000-8000-0000000000aa",
            "deadline": "2026-01-02T03:04:35.000Z", "next_attempt_at": "2026-01-03T00:00:00.000Z",
            "blocked": ["pickup", "deliver"],
        })]);
        let told = "authorize-payment to payment, blocked pickup, deliver, deadline 03:04:35.000Z, \
                    next attempt at 2026-01-03T00:00:00.000Z";
        assert!(table.contains("step requested") && table.contains(told), "{table}");
        assert!(!table.contains("generation") && !table.contains("019f"), "{table}");
    }
}

//! Tables for people, JSON for programs.

use std::{collections::BTreeMap, time::Duration};

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use crate::{
    audit::Report,
    fleet::{Member, Toll},
    people::plan::Ending,
};

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header.iter().copied());
    table
}

/// How orders were planned to end, and how they ended.
pub fn endings(planned: &BTreeMap<Ending, u64>, ended: &BTreeMap<Ending, u64>) -> String {
    let mut table = table(&["ending", "planned", "ended"]);
    let count = |counts: &BTreeMap<Ending, u64>, ending| counts.get(&ending).copied().unwrap_or(0);
    for ending in Ending::ALL {
        table.add_row([
            ending.to_string(),
            count(planned, ending).to_string(),
            count(ended, ending).to_string(),
        ]);
    }
    let sum = |counts: &BTreeMap<Ending, u64>| counts.values().sum::<u64>().to_string();
    table.add_row(["in all".to_owned(), sum(planned), sum(ended)]);
    table.to_string()
}

/// Which processes run where.
pub fn processes(members: &[Member]) -> String {
    let mut table = table(&["process", "id", "listens on"]);
    for member in members {
        let told = |it: Option<String>| it.unwrap_or_else(|| "–".to_owned());
        let address = member.address.map(|address| format!("http://{address}"));
        table.add_row([
            member.name.clone(),
            told(member.id.map(|id| id.to_string())),
            told(address),
        ]);
    }
    table.to_string()
}

/// What processes have gone through that were killed, in seconds.
pub fn deaths(toll: &Toll) -> String {
    let mut table = table(&["process", "killed", "worked again after", "next order ended after"]);
    let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
    for (name, deaths) in toll.by_name().chain([("in all, at the longest", toll.in_all())]) {
        table.add_row([
            name.to_owned(),
            deaths.killed.to_string(),
            seconds(deaths.back),
            deaths.went_on.map_or_else(|| "–".to_owned(), seconds),
        ]);
    }
    table.to_string()
}

/// What the audit found.
pub fn audit(report: &Report) -> String {
    let mut table =
        table(&["", "invariant", "checked", "in flight", "violations", "first offender"]);
    for finding in report.findings() {
        table.add_row([
            finding.invariant.clone(),
            finding.says.to_owned(),
            finding.checked.to_string(),
            finding.in_flight.to_string(),
            finding.violations.to_string(),
            finding.first_offender.clone().unwrap_or_default(),
        ]);
    }
    let kept: Vec<String> = report
        .dead_letters()
        .iter()
        .filter(|(_, number)| **number > 0)
        .map(|(service, number)| format!("{service} {number}"))
        .collect();
    if kept.is_empty() {
        return table.to_string();
    }
    format!("{table}\ndead letters: {} (GET /SERVICE/dead-letters shows them)", kept.join(", "))
}

/// Objects as rows, with those of the columns that any of them has.
pub fn objects(items: &[Value], columns: &[&str]) -> String {
    let has = |column: &&&str| items.iter().any(|item| item.get(**column).is_some());
    let columns: Vec<&str> = columns.iter().filter(has).copied().collect();
    let mut table = table(&columns);
    for item in items {
        table
            .add_row(columns.iter().map(|column| item.get(*column).map_or_else(String::new, cell)));
    }
    table.to_string()
}

/// One object as lines of name and value; what is itself an object or a list of them is left out.
pub fn object(object: &Value) -> String {
    let fields = object.as_object().into_iter().flatten();
    let plain = |value: &Value| match value {
        Value::Object(_) => false,
        Value::Array(items) => !items.iter().any(Value::is_object),
        _ => true,
    };
    let shown: Vec<(&String, &Value)> = fields.filter(|(_, value)| plain(value)).collect();
    let width = shown.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut lines = String::new();
    for (name, value) in shown {
        lines.extend([format!("{name:width$}  ").as_str(), &cell(value), "\n"]);
    }
    lines
}

/// A value in one cell.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => printable(text),
        other => other.to_string(),
    }
}

/// Text of others on a terminal: control characters are shown, not obeyed.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_has_the_columns_that_there_is_something_for() {
        let items =
            [json!({ "a": "x", "b": null, "c": 3 }), json!({ "a": "y\u{1b}[2J", "b": true })];
        let table = objects(&items, &["a", "none", "b"]);
        assert!(table.contains('a') && !table.contains("none") && !table.contains('3'));
        assert!(table.contains('–') && table.contains("true"));
        assert!(!table.contains('\u{1b}'), "control characters are not obeyed");
    }

    #[test]
    fn an_object_shows_its_plain_fields() {
        let shown = object(&json!({ "status": "running", "steps": [{ "name": "pay" }], "n": 1 }));
        assert_eq!(shown, "n       1\nstatus  running\n");
    }
}

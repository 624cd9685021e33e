//! `saga list|show|history`: the operator API of a running system, from a terminal.

use std::time::Duration;

use runtime::ports::Ports;
use serde_json::Value;

use crate::{
    cli::{Output, Remote, SagaCommand, SagaListArgs},
    config::{File, URL},
    exit::Failure,
    people::client::{Answer, Client, Trouble},
    print, tables,
};

const LIST: [&str; 9] = [
    "id",
    "definition",
    "status",
    "waiting_on",
    "waiting_since",
    "next_attempt_at",
    "stalled",
    "age",
    "order_id",
];
const STEPS: [&str; 8] =
    ["name", "state", "participant", "attempts", "since", "next_attempt_at", "deadline", "reason"];

/// Asks and prints.
pub async fn run(command: SagaCommand, file: File) -> Result<(), Failure> {
    match command {
        SagaCommand::List(options) => {
            let path = list_path(&options);
            let (answer, output) = ask(&options.remote, &file, &path).await?;
            print(&answer, output, |answer| tables::objects(items(answer), &LIST));
        }
        SagaCommand::Show(options) => {
            let path = format!("/operator/sagas/{}", options.saga);
            let (answer, output) = ask(&options.remote, &file, &path).await?;
            print(&answer, output, |answer| {
                let steps = answer.get("steps").and_then(Value::as_array);
                let steps = steps.map_or(&[][..], Vec::as_slice);
                format!("{}\n{}", tables::object(answer), tables::objects(steps, &STEPS))
            });
        }
        SagaCommand::History(options) => {
            let path = format!("/operator/sagas/{}/history?limit=500", options.saga);
            let (mut answer, output) = ask(&options.remote, &file, &path).await?;
            // Page after page, into the first one.
            while let Some(cursor) = answer.get("next_cursor").and_then(Value::as_str) {
                let (mut next, _) =
                    ask(&options.remote, &file, &format!("{path}&cursor={cursor}")).await?;
                let mut all = take_items(&mut answer);
                all.extend(take_items(&mut next));
                next["items"] = Value::Array(all);
                answer = next;
            }
            print(&answer, output, |answer| history(items(answer)));
        }
    }
    Ok(())
}

fn list_path(options: &SagaListArgs) -> String {
    let mut path = format!("/operator/sagas?limit={}", options.limit.unwrap_or(50));
    let filters = [
        ("status", &options.status),
        ("step", &options.step),
        ("customer_id", &options.customer),
        ("store_id", &options.store),
        ("q", &options.query),
    ];
    for (name, value) in filters {
        if let Some(value) = value {
            path.extend(["&", name, "=", &encode(value)]);
        }
    }
    if options.stalled {
        path.push_str("&stalled=true");
    }
    path
}

/// Percent-encodes what does not stand for itself in a query.
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

async fn ask(remote: &Remote, file: &File, path: &str) -> Result<(Value, Output), Failure> {
    let url =
        remote.url.clone().or_else(|| file.saga.url.clone()).unwrap_or_else(|| URL.to_owned());
    let output = remote.output.or(file.saga.output).unwrap_or_default();
    let client = Client::new(url, Ports::system(), Duration::ZERO);
    let answer = client.get(path).await.map_err(|trouble| match trouble {
        Trouble::Down(text) | Trouble::Odd(text) => Failure::Environment(text),
    })?;
    check(&answer)?;
    Ok((answer.body, output))
}

fn check(answer: &Answer) -> Result<(), Failure> {
    match answer.status {
        200..=299 => Ok(()),
        400..=499 if answer.status != 404 => Err(Failure::Usage(with_fields(answer))),
        404 => Err(Failure::No(answer.brief())),
        _ => Err(Failure::Environment(answer.brief())),
    }
}

fn with_fields(answer: &Answer) -> String {
    let errors = answer.body.get("errors").and_then(Value::as_array);
    let fields: Vec<String> = errors
        .into_iter()
        .flatten()
        .map(|error| {
            let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or("");
            format!("{} {}", text("field"), text("detail"))
        })
        .collect();
    if fields.is_empty() {
        answer.brief()
    } else {
        format!("{} ({})", answer.brief(), fields.join("; "))
    }
}

fn items(answer: &Value) -> &[Value] {
    answer.get("items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn take_items(answer: &mut Value) -> Vec<Value> {
    match answer.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn print(answer: &Value, output: Output, table: impl Fn(&Value) -> String) {
    match output {
        Output::Table => print::line(table(answer).trim_end()),
        Output::Json => print::line(answer),
    }
}

/// A line an event: version, time, what, and its particulars in short.
fn history(entries: &[Value]) -> String {
    const TAKEN: [&str; 4] = ["version", "at", "event", "step"];
    let rows: Vec<Value> = entries
        .iter()
        .map(|entry| {
            let rest: Vec<String> = entry
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(name, value)| {
                    !TAKEN.contains(&name.as_str()) && !value.is_null() && !value.is_object()
                })
                .map(|(name, value)| format!("{name}={}", tables::cell(value)))
                .collect();
            let mut row = serde_json::Map::new();
            for name in TAKEN {
                row.insert(name.to_owned(), entry.get(name).cloned().unwrap_or_default());
            }
            row.insert("details".to_owned(), rest.join(" ").into());
            Value::Object(row)
        })
        .collect();
    tables::objects(&rows, &["version", "at", "event", "step", "details"])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filters_become_a_query() {
        let options = SagaListArgs {
            status: Some("stuck".into()),
            query: Some("a b&c".into()),
            stalled: true,
            limit: Some(7),
            ..SagaListArgs::default()
        };
        assert_eq!(
            list_path(&options),
            "/operator/sagas?limit=7&status=stuck&q=a%20b%26c&stalled=true"
        );
    }

    #[test]
    fn an_answer_that_is_no_becomes_an_exit_status() {
        for (status, exit) in [(404, 1), (422, 2), (500, 3)] {
            let answer = Answer { status, body: json!({}), replayed: false };
            assert_eq!(check(&answer).unwrap_err().status(), exit, "{status}");
        }
    }

    #[test]
    fn a_history_is_a_line_an_event() {
        let table = history(&[
            json!({ "version": 1, "at": "t", "event": "step_requested", "step": "pay", "attempt": 2 }),
        ]);
        assert!(table.contains("step_requested") && table.contains("attempt=2"), "{table}");
    }
}

//! `saga list|show|history`: the operator API of a running system, from a terminal.

use std::time::Duration;

use runtime::ports::Ports;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    cli::{Output, Remote, SagaCommand, SagaListArgs},
    config::{File, URL},
    exit::Failure,
    people::client::{Answer, Client, Trouble},
    print, rows, tables,
};

/// The most characters of an id.
const MAX_ID: usize = 36;
const STEPS: [&str; 8] =
    ["name", "state", "participant", "attempts", "since", "next_attempt_at", "deadline", "reason"];

/// Asks and prints.
pub async fn run(command: SagaCommand, file: File) -> Result<(), Failure> {
    match command {
        SagaCommand::List(options) => {
            let server = Server::new(&options.remote, &file)?;
            let answer = server.ask(&list_path(&options)).await?;
            let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
            server.print(&answer, |answer| rows::list(items(answer), width));
        }
        SagaCommand::Show(options) => {
            let server = Server::new(&options.remote, &file)?;
            let saga = server.find(&options.saga).await?;
            let answer = server.ask(&format!("/operator/sagas/{saga}")).await?;
            server.print(&answer, |answer| {
                let steps = answer.get("steps").and_then(Value::as_array);
                let steps = steps.map_or(&[][..], Vec::as_slice);
                let saga = tables::object(&rows::with_unit(answer));
                format!("{saga}\n{}", tables::objects(steps, &STEPS))
            });
        }
        SagaCommand::History(options) => {
            let server = Server::new(&options.remote, &file)?;
            let saga = server.find(&options.saga).await?;
            let path = format!("/operator/sagas/{saga}/history?limit=500");
            let mut answer = server.ask(&path).await?;
            // Page after page, into the first one.
            while let Some(cursor) = answer.get("next_cursor").and_then(Value::as_str) {
                let mut next = server.ask(&format!("{path}&cursor={cursor}")).await?;
                let mut all = take_items(&mut answer);
                all.extend(take_items(&mut next));
                next["items"] = Value::Array(all);
                answer = next;
            }
            server.print(&answer, |answer| rows::history(items(answer)));
        }
    }
    Ok(())
}

/// The running system that is asked, and how its answers are printed.
struct Server {
    client: Client,
    output: Output,
}

impl Server {
    fn new(remote: &Remote, file: &File) -> Result<Self, Failure> {
        // Said here and not by the parser of options, which would print the value.
        if remote.token.as_ref().is_some_and(|token| !token.bytes().all(|it| it.is_ascii_graphic()))
        {
            return Err(Failure::Usage("--token (EXPEDITOR_TOKEN) is no token".to_owned()));
        }
        let url = remote.url.as_ref().or(file.saga.url.as_ref()).map_or(URL, String::as_str);
        let client = Client::new(url, Ports::system(), Duration::ZERO);
        Ok(Self {
            client: client.with_token(remote.token.clone()),
            output: remote.output.or(file.saga.output).unwrap_or_default(),
        })
    }

    async fn ask(&self, path: &str) -> Result<Value, Failure> {
        let answer = self.client.get(path).await.map_err(|trouble| match trouble {
            Trouble::Down(text) | Trouble::Odd(text) => Failure::Environment(text),
        })?;
        check(&answer)?;
        Ok(answer.body)
    }

    /// The saga that is named by its id, by its order's, or by the beginning of one of them.
    async fn find(&self, named: &str) -> Result<String, Failure> {
        let named = beginning(named)?;
        let found = self.ask(&format!("/operator/sagas?limit=500&q={named}")).await?;
        choose(&named, items(&found))
    }

    fn print(&self, answer: &Value, table: impl Fn(&Value) -> String) {
        match self.output {
            Output::Table => print::line(table(answer).trim_end()),
            Output::Json => print::line(answer),
        }
    }
}

/// What an id may begin with, as ids are written.
fn beginning(named: &str) -> Result<String, Failure> {
    if let Ok(id) = named.parse::<Uuid>() {
        return Ok(id.to_string());
    }
    let written = |c: char| c.is_ascii_hexdigit() || c == '-';
    if named.is_empty() || named.len() > MAX_ID || !named.chars().all(written) {
        let text = format!("SAGA is a saga's id or an order's, or its beginning: not {named:?}");
        return Err(Failure::Usage(text));
    }
    Ok(named.to_ascii_lowercase())
}

/// The one saga that is meant, of those whose id or whose order's id begins so, newest first.
fn choose(named: &str, found: &[Value]) -> Result<String, Failure> {
    let text = |saga: &Value, name: &str| {
        saga.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let by_id: Vec<&Value> =
        found.iter().filter(|saga| text(saga, "id").starts_with(named)).collect();
    let mut orders: Vec<String> = found.iter().map(|saga| text(saga, "order_id")).collect();
    orders.dedup();
    match (&by_id[..], &orders[..]) {
        ([one], [_]) => Ok(text(one, "id")),
        // An order with its sagas: the newest is the one that goes on.
        ([], [_]) => Ok(text(&found[0], "id")),
        (_, []) => Err(Failure::No(format!("there is no saga and no order with the id {named}"))),
        _ => Err(Failure::Usage(format!(
            "several sagas or orders have an id that begins with {named}; `saga list -q {named}` \
             shows them"
        ))),
    }
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

fn check(answer: &Answer) -> Result<(), Failure> {
    match answer.status {
        200..=299 => Ok(()),
        401 => Err(Failure::Usage(format!(
            "{}; --token (or EXPEDITOR_TOKEN) takes what `expeditor token` prints",
            answer.brief().trim_end_matches('.')
        ))),
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
    fn a_saga_is_named_by_its_id_its_orders_or_a_beginning() {
        let saga = |id: &str, order: &str| json!({ "id": id, "order_id": order });
        let order = [saga("0192-b", "0191-o"), saga("0192-a", "0191-o")];
        let two = [saga("0192-b", "0191-o"), saga("0192-a", "0191-p")];
        for (named, found, chosen) in [
            ("0192-a", &order[1..], Ok("0192-a")),
            ("0191-o", &order, Ok("0192-b")),
            ("0191", &order, Ok("0192-b")),
            ("0192", &order[..1], Ok("0192-b")),
            ("0192", &order, Err(2)),
            ("0191", &two, Err(2)),
            ("0193", &[], Err(1)),
        ] {
            let got = choose(named, found).map_err(|failure| failure.status());
            assert_eq!(got.as_deref(), chosen.as_ref().map(|it| *it), "{named} in {found:?}");
        }
    }

    #[test]
    fn what_is_no_id_is_a_matter_of_usage() {
        for (named, good) in [
            ("0192AB-", Some("0192ab-")),
            ("019f00000000700080000000000000aa", Some("019f0000-0000-7000-8000-0000000000aa")),
            ("lunch", None),
            ("", None),
            ("../0192", None),
        ] {
            let got = beginning(named);
            assert_eq!(got.as_deref().ok(), good, "{named}");
            assert!(got.is_ok() || got.unwrap_err().status() == 2);
        }
    }
}

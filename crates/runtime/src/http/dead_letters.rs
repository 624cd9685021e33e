//! The dead letters of a service over HTTP, to read. Each is a message that can never be processed
//! as it is; its bytes are kept as they came.

use axum::{extract::State, response::Response};
use contracts::{ServiceName, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Guarded, Handle, Operation, Page, Who, list_response};
use crate::{Cause, Problem, Service, db::KeptDeadLetter, http::handle::read_problem};

/// A dead letter as people see it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DeadLetter")]
struct DeadLetterView {
    /// By which it is known.
    id: i64,
    /// Where it came from.
    queue: String,
    /// The message's id, where it could be read.
    message_id: Option<String>,
    /// Why, as a slug: `/problems/<slug>` says what it means. None where it was not told.
    #[schemars(extend("examples" = Cause::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>()))]
    cause: Option<&'static str>,
    /// Why it can never be processed, for people.
    error: String,
    /// How often it was tried.
    attempts: u32,
    /// When it was given up.
    at: Timestamp,
    /// The bytes as text; what is not UTF-8 is replaced.
    payload: String,
}

/// `GET /{service}/dead-letters`: oldest first, in pages.
pub fn routes<S: Service>(service: ServiceName) -> Guarded<Handle<S>> {
    let list_them = Operation::new(
        format!("{service}_dead_letters"),
        "Lists what the service could not process, oldest first.",
    )
    .list::<DeadLetterView>("Messages, with their bytes as they came.");
    let path = format!("/{service}/dead-letters");
    Guarded::new().get(&path, Who::OVERSEERS, list_them, list)
}

async fn list<S: Service>(
    State(handle): State<Handle<S>>,
    page: Page,
) -> Result<Response, Problem> {
    let service = handle.service().name();
    let after = page.after_number()?;
    let kept = handle.reader().dead_letters(after, page.limit).await;
    let kept = kept.map_err(|error| read_problem(&error))?;
    let view = |KeptDeadLetter { id, letter }| DeadLetterView {
        id,
        queue: contracts::routes::queue(service, letter.consumer),
        message_id: letter.message_id.map(|id| id.to_string()),
        cause: Cause::of(&letter.error).map(Cause::as_str),
        error: letter.error,
        attempts: letter.attempts,
        at: letter.at,
        payload: String::from_utf8_lossy(&letter.bytes).into_owned(),
    };
    let items: Vec<_> = kept.into_iter().map(view).collect();
    Ok(list_response(items, page.limit, |last| last.id.to_string()))
}

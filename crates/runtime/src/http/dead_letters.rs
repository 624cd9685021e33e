//! The dead letters of a service over HTTP, to read. Each is a message that can never be processed
//! as it is; its bytes are kept as they came.

use axum::response::{IntoResponse, Response};
use contracts::Timestamp;
use serde::Serialize;

use super::{Guarded, Handle, Page, Who, list_response};
use crate::{Problem, Service, db::KeptDeadLetter, http::handle::read_problem};

/// A dead letter as people see it.
#[derive(Debug, Serialize)]
struct DeadLetterView {
    id: i64,
    queue: String,
    message_id: Option<String>,
    error: String,
    attempts: u32,
    at: Timestamp,
    /// The bytes as text; what is not UTF-8 is replaced.
    payload: String,
}

/// `GET /{service}/dead-letters`: oldest first, in pages.
pub fn routes<S: Service>(handle: Handle<S>) -> Guarded {
    let path = format!("/{}/dead-letters", handle.service().name());
    Guarded::new().get(&path, Who::OVERSEERS, move |page: Page| {
        let handle = handle.clone();
        async move { list(&handle, page).await.unwrap_or_else(IntoResponse::into_response) }
    })
}

async fn list<S: Service>(handle: &Handle<S>, page: Page) -> Result<Response, Problem> {
    let service = handle.service().name();
    let after = page.after_number()?;
    let kept = handle.reader().dead_letters(after, page.limit).await;
    let kept = kept.map_err(|error| read_problem(&error))?;
    let view = |KeptDeadLetter { id, letter }| DeadLetterView {
        id,
        queue: contracts::routes::queue(service, letter.consumer),
        message_id: letter.message_id.map(|id| id.to_string()),
        error: letter.error,
        attempts: letter.attempts,
        at: letter.at,
        payload: String::from_utf8_lossy(&letter.bytes).into_owned(),
    };
    let items: Vec<_> = kept.into_iter().map(view).collect();
    Ok(list_response(items, page.limit, |last| last.id.to_string()))
}

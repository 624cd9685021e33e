//! The messages that a relay has given up since the broker does not take them, over HTTP: to read,
//! and to send again once the cause is mended.

use axum::{
    Json,
    extract::Path,
    response::{IntoResponse, Response},
};
use contracts::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::{Guarded, Handle, Page, Who, list_response};
use crate::{Problem, Service, db::Parked, http::handle::read_problem};

/// A parked message as people see it.
#[derive(Debug, Serialize)]
struct ParkedView {
    id: i64,
    /// The aggregate that speaks, and which of its messages this is.
    key: String,
    seq: u64,
    message_id: String,
    exchange: String,
    routing_key: String,
    error: String,
    attempts: u32,
    parked_at: Timestamp,
    payload: String,
}

impl ParkedView {
    fn of(parked: Parked) -> Self {
        Self {
            id: parked.id,
            key: parked.key,
            seq: parked.seq,
            message_id: parked.message_id.to_string(),
            exchange: parked.exchange,
            routing_key: parked.routing_key,
            error: parked.error,
            attempts: parked.attempts,
            parked_at: parked.parked_at,
            payload: parked.payload,
        }
    }
}

/// `GET /{service}/parked`: oldest first, in pages. `POST /{service}/parked/{id}/redrive`: puts it at
/// the end of the outbox.
pub fn routes<S: Service>(handle: Handle<S>) -> Guarded {
    let path = format!("/{}/parked", handle.service().name());
    let reading = handle.clone();
    let list = move |page: Page| {
        let handle = reading.clone();
        async move { list(&handle, page).await.unwrap_or_else(IntoResponse::into_response) }
    };
    let redrive = move |Path(id): Path<String>| {
        let handle = handle.clone();
        async move { redrive(&handle, &id).await.unwrap_or_else(IntoResponse::into_response) }
    };
    let one = format!("{path}/{{id}}/redrive");
    Guarded::new().get(&path, Who::OVERSEERS, list).post(&one, Who::OPERATOR, redrive)
}

async fn list<S: Service>(handle: &Handle<S>, page: Page) -> Result<Response, Problem> {
    let after = page.after_number()?;
    // Where relays do not share the outbox, nothing is ever parked.
    let parked = match handle.shared_outbox() {
        Some(outbox) => outbox.parked(after, page.limit).await,
        None => Ok(Vec::new()),
    };
    let parked = parked.map_err(|error| read_problem(&error))?;
    let items: Vec<_> = parked.into_iter().map(ParkedView::of).collect();
    Ok(list_response(items, page.limit, |last| last.id.to_string()))
}

async fn redrive<S: Service>(handle: &Handle<S>, id: &str) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("parked message");
    let id: i64 = id.parse().map_err(|_| unknown())?;
    let outbox = handle.shared_outbox().ok_or_else(unknown)?;
    match outbox.redrive(&[id]).await.map_err(|error| read_problem(&error))? {
        0 => Err(unknown()),
        _ => {
            tracing::info!(service = %handle.service().name(), id, "a parked message is sent again");
            Ok(Json(json!({"id": id, "redriven": true})).into_response())
        }
    }
}

//! The messages that a relay has given up since the broker does not take them, over HTTP: to read,
//! and to send again once the cause is mended.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use contracts::{ServiceName, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Guarded, Handle, Operation, Page, Who, list_response};
use crate::{Problem, Service, db::Parked, http::handle::read_problem};

/// A parked message as people see it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Parked")]
struct ParkedView {
    /// By which it is known.
    id: i64,
    /// The aggregate that speaks.
    key: String,
    /// Which of its messages this is.
    seq: u64,
    /// The message's id.
    message_id: String,
    /// Where it is published.
    exchange: String,
    /// With which routing key.
    routing_key: String,
    /// Why the broker does not take it.
    error: String,
    /// How often it was tried.
    attempts: u32,
    /// When it was given up.
    parked_at: Timestamp,
    /// The message.
    payload: String,
}

/// What became of it.
#[derive(Debug, Serialize, JsonSchema)]
struct Redriven {
    /// Which message.
    id: i64,
    /// That it lies in the outbox again.
    redriven: bool,
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
pub fn routes<S: Service>(service: ServiceName) -> Guarded<Handle<S>> {
    let list_them = Operation::new(
        format!("{service}_parked"),
        "Lists the messages that the broker does not take, oldest first.",
    )
    .list::<ParkedView>("Messages; none where relays do not share the outbox.");
    let redrive_one = Operation::new(format!("{service}_redrive"), "Sends a parked message again.")
        .path::<i64>("id")
        .answer::<Redriven>(200, "It lies in the outbox again.")
        .not_found();
    let path = format!("/{service}/parked");
    let one = format!("{path}/{{id}}/redrive");
    Guarded::new().get(&path, Who::OVERSEERS, list_them, list).post(
        &one,
        Who::OPERATOR,
        redrive_one,
        redrive,
    )
}

async fn list<S: Service>(
    State(handle): State<Handle<S>>,
    page: Page,
) -> Result<Response, Problem> {
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

async fn redrive<S: Service>(
    State(handle): State<Handle<S>>,
    Path(id): Path<String>,
) -> Result<Json<Redriven>, Problem> {
    let unknown = || Problem::not_found("parked message");
    let id: i64 = id.parse().map_err(|_| unknown())?;
    let outbox = handle.shared_outbox().ok_or_else(unknown)?;
    match outbox.redrive(&[id]).await.map_err(|error| read_problem(&error))? {
        0 => Err(unknown()),
        _ => {
            tracing::info!(service = %handle.service().name(), id, "a parked message is sent again");
            Ok(Json(Redriven { id, redriven: true }))
        }
    }
}

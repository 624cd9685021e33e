//! `GET /orders/{order_id}/events`: an order as its customer sees it, whenever it has changed.

use async_trait::async_trait;
use axum::{
    extract::{Path, State},
    response::Response,
};
use contracts::OrderId;
use runtime::{
    Problem,
    http::{Handle, Operation, Show, Streaming, path_id},
    live::{Shown, Subject, Watch},
};

use crate::{
    Orchestrator,
    aggregates::{self, order_key},
    views::OrderView,
};

/// The name of its events.
const STATUS: &str = "status";

/// What is asked by [`stream`].
pub(super) fn streamed() -> Operation {
    Operation::new("order_events", "Streams an order, at once and whenever it has changed.")
        .path::<OrderId>("order_id")
        .stream(
            "Events `status`, each with the order as `show_order` answers it for data and its \
             version for an id. The stream ends behind the last one.",
        )
        .empty(204, "The order has ended, and its last event was seen.")
        .not_found()
}

/// `GET /orders/{order_id}/events`
pub(super) async fn stream(
    State(handle): State<Handle<Orchestrator>>,
    Path(order_id): Path<String>,
    streaming: Streaming,
) -> Result<Response, Problem> {
    let order_id = path_id::<OrderId>(&order_id, "order_id")?;
    let (ports, live) = (handle.ports().clone(), handle.live().clone());
    streaming.open(STATUS, &ports, &live, Status { handle, order_id }).await
}

/// An order that somebody looks at.
struct Status {
    handle: Handle<Orchestrator>,
    order_id: OrderId,
}

#[async_trait]
impl Show for Status {
    async fn show(&self, watch: &mut Watch) -> Result<Shown, Problem> {
        let key = order_key(&self.order_id);
        watch.also(Subject::One(key.clone()));
        let read = || async {
            let state = self.handle.get(&key).await?;
            let order = state.as_ref().and_then(aggregates::State::as_order);
            let order = order.ok_or_else(|| Problem::not_found("order"))?;
            Ok(Shown::numbered(order.version, &OrderView::of(order), order.is_finished()))
        };
        let shown = watch.shared(&key, read).await?;
        watch.saw(&key, shown.version.unwrap_or_default());
        Ok(shown)
    }
}

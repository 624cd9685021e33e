//! `GET /orchestrator/holdings`: what is held for each order, in order of order id; read by the
//! auditor.

use axum::{extract::State, response::Response};
use runtime::{
    Problem,
    db::ListQuery,
    http::{Handle, Page, list_response},
};

use crate::{
    Orchestrator,
    aggregates::{self, ORDER},
    views::Holding,
};

pub(super) async fn list(
    State(handle): State<Handle<Orchestrator>>,
    page: Page,
) -> Result<Response, Problem> {
    let query = ListQuery {
        kind: ORDER.name,
        owner: None,
        states: Vec::new(),
        after: page.cursor,
        descending: false,
        limit: page.limit,
    };
    let found = handle.list(&query).await?;
    let orders = found.iter().filter_map(|(_, state)| aggregates::State::as_order(state));
    let holdings: Vec<Holding> = orders.map(Holding::of).collect();
    Ok(list_response(holdings, page.limit, |holding| holding.order_id.to_string()))
}

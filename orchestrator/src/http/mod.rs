//! How customers and operators reach the orchestrator. Requests that change something go through
//! the path; reads show what was committed. Nothing is decided here.

mod catalog;
mod holdings;
pub(crate) mod operator;
pub(crate) mod orders;

use axum::{
    Router,
    routing::{get, post},
};
use runtime::http::Handle;

use crate::Orchestrator;

/// Every route of the orchestrator.
pub fn routes(handle: Handle<Orchestrator>) -> Router {
    Router::new()
        .route("/orders", post(orders::place))
        .route("/orders/{order_id}", get(orders::show).delete(orders::cancel))
        .route("/catalog/stores/{store_id}", get(catalog::of_store))
        .route("/operator/sagas", get(operator::list))
        .route("/operator/sagas/{saga_id}", get(operator::show))
        .route("/operator/sagas/{saga_id}/history", get(operator::history))
        .route("/orchestrator/holdings", get(holdings::list))
        .with_state(handle)
}

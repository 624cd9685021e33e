//! How customers and operators reach the orchestrator. Requests that change something go through
//! the path; reads show what was committed. Nothing is decided here.

mod catalog;
mod holdings;
pub(crate) mod operator;
pub(crate) mod orders;

use runtime::{
    auth::Role,
    http::{Guarded, Handle, Who},
};

use crate::Orchestrator;

/// Who orders, and who does it for them on the telephone.
const CUSTOMERS: Who = Who::Only(&[Role::Customer, Role::Operator]);
/// Who looks at an order.
const READERS: Who = Who::Only(&[Role::Customer, Role::Operator, Role::Auditor]);

/// Every route of the orchestrator.
pub fn routes(handle: Handle<Orchestrator>) -> Guarded {
    Guarded::new()
        .post("/orders", CUSTOMERS, orders::place)
        .get("/orders/{order_id}", READERS, orders::show)
        .delete("/orders/{order_id}", CUSTOMERS, orders::cancel)
        .get("/catalog/stores/{store_id}", Who::ANYBODY, catalog::of_store)
        .get("/operator/sagas", Who::OVERSEERS, operator::list)
        .get("/operator/sagas/{saga_id}", Who::OVERSEERS, operator::show)
        .get("/operator/sagas/{saga_id}/history", Who::OVERSEERS, operator::history)
        .get("/orchestrator/holdings", Who::AUDIT, holdings::list)
        .with_state(handle)
}

//! How customers and operators reach the orchestrator. Requests that change something go through
//! the path; reads show what was committed. Nothing is decided here.

mod catalog;
mod events;
mod holdings;
pub(crate) mod operator;
pub(crate) mod orders;

use contracts::{ServiceName, StoreId};
use runtime::{
    auth::Role,
    http::{Guarded, Handle, Operation, Who},
};

use crate::{Orchestrator, catalog::CatalogItem, views::Holding};

/// Who orders, and who does it for them on the telephone.
const CUSTOMERS: Who = Who::Only(&[Role::Customer, Role::Operator]);
/// Who looks at an order.
const READERS: Who = Who::Only(&[Role::Customer, Role::Operator, Role::Auditor]);

/// Every route of the orchestrator.
pub fn routes() -> Guarded<Handle<Orchestrator>> {
    let dishes = Operation::new("show_catalog", "Lists what can be ordered of a store.")
        .path::<StoreId>("store_id")
        .list::<CatalogItem>("Items.");
    let held =
        Operation::new("orchestrator_holdings", "Lists what is held for each order, by order id.")
            .list::<Holding>("What is held.");
    Guarded::new()
        .post("/orders", CUSTOMERS, orders::placed(), orders::place)
        .get("/orders/{order_id}", READERS, orders::shown(), orders::show)
        .get("/orders/{order_id}/events", READERS, events::streamed(), events::stream)
        .patch("/orders/{order_id}", CUSTOMERS, orders::revised(), orders::revise)
        .delete("/orders/{order_id}", CUSTOMERS, orders::cancelled(), orders::cancel)
        .get("/catalog/stores/{store_id}", Who::ANYBODY, dishes, catalog::of_store)
        .get("/operator/sagas", Who::OVERSEERS, operator::listed(), operator::list)
        .get("/operator/sagas/{saga_id}", Who::OVERSEERS, operator::shown(), operator::show)
        .get(
            "/operator/sagas/{saga_id}/history",
            Who::OVERSEERS,
            operator::told(),
            operator::history,
        )
        .get("/orchestrator/holdings", Who::AUDIT, held, holdings::list)
        .of(ServiceName::Orchestrator)
}

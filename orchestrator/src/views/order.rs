//! An order as its customer sees it, and as the auditor reads it.

use contracts::{Address, CustomerId, Line, Money, OrderId, RiderId, StoreId, Timestamp};
use saga::Cancellation;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    order::Order,
    revise::revisable,
    revision::{Revision, RevisionState},
    status::OrderStatus,
};

/// An order as its customer sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Order")]
pub struct OrderView {
    /// Its id.
    pub order_id: OrderId,
    /// The saga that it began with; none before it starts.
    pub saga_id: Option<Uuid>,
    /// How it stands.
    pub status: OrderStatus,
    /// Why it is being cancelled, was cancelled or came back, as a slug.
    pub reason: Option<String>,
    /// What became of a wish to cancel it.
    #[schemars(with = "Option<String>", extend("examples" = ["requested", "refused"]))]
    pub cancellation: Option<Cancellation>,
    /// Whose it is.
    pub customer_id: CustomerId,
    /// From whom.
    pub store_id: StoreId,
    /// What, as priced when it was ordered and as it was changed since.
    pub items: Vec<Line>,
    /// What it costs in all.
    pub total: Money,
    /// Where it goes.
    pub address: Address,
    /// Who delivers it.
    pub rider_id: Option<RiderId>,
    /// Whether it could still be cancelled.
    pub cancellable: bool,
    /// Whether it could be changed now.
    pub revisable: bool,
    /// The change that was asked for last.
    pub revision: Option<RevisionView>,
    /// When it starts, or has started, where it was ordered for later.
    pub scheduled_for: Option<Timestamp>,
    /// When it was ordered.
    pub placed_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts its changes.
    pub version: u64,
}

impl OrderView {
    /// That order as it stands.
    pub fn of(order: &Order) -> Self {
        Self {
            order_id: order.order_id.clone(),
            saga_id: order.sagas.first().map(saga::Instance::saga_id),
            status: OrderStatus::of(order),
            reason: order.reason().map(str::to_owned),
            cancellation: order.cancellation(),
            customer_id: order.customer_id.clone(),
            store_id: order.store_id.clone(),
            items: order.items.clone(),
            total: order.total,
            address: order.address.clone(),
            rider_id: order.rider_id.clone(),
            cancellable: order.cancellable(),
            revisable: revisable(order),
            revision: order.revisions.last().map(RevisionView::of),
            scheduled_for: order.schedule.as_ref().map(|schedule| schedule.starts_at),
            placed_at: order.placed_at,
            updated_at: order.updated_at,
            version: order.version,
        }
    }
}

/// A change of an order, as its customer sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Revision")]
pub struct RevisionView {
    /// Which one, counted from 1.
    pub number: u32,
    /// How it stands.
    pub status: RevisionState,
    /// Why it was refused, as a slug.
    pub reason: Option<String>,
    /// What was asked for.
    pub items: Vec<Line>,
    /// What that costs in all.
    pub total: Money,
    /// Where it was to go.
    pub address: Address,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When it was made or refused.
    pub decided_at: Option<Timestamp>,
}

impl RevisionView {
    fn of(revision: &Revision) -> Self {
        Self {
            number: revision.number,
            status: revision.state,
            reason: revision.reason.clone(),
            items: revision.wanted.items.clone(),
            total: revision.wanted.total,
            address: revision.wanted.address.clone(),
            asked_at: revision.asked_at,
            decided_at: revision.decided_at,
        }
    }
}

/// What the orchestrator holds for an order, as the auditor compares it with the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "OrchestratorHolding")]
pub struct Holding {
    /// The order.
    pub order_id: OrderId,
    /// Whose it is.
    pub customer_id: CustomerId,
    /// From whom.
    pub store_id: StoreId,
    /// How it stands.
    pub status: OrderStatus,
    /// Why, as a slug.
    pub reason: Option<String>,
    /// Whether all its sagas have ended.
    pub finished: bool,
    /// What was ordered.
    pub items: Vec<Line>,
    /// What it costs in all.
    pub total: Money,
    /// Who delivers it.
    pub rider_id: Option<RiderId>,
    /// Its sagas, oldest first.
    pub sagas: Vec<HeldSaga>,
    /// When it was ordered.
    pub placed_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts its changes.
    pub version: u64,
}

/// A saga as the auditor sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HeldSaga {
    /// Its id.
    pub saga_id: Uuid,
    /// Its definition's name.
    pub definition: String,
    /// Its definition's version.
    pub definition_version: u32,
    /// Its status word.
    pub status: &'static str,
    /// How many entries its history has.
    pub version: u64,
}

impl Holding {
    /// What is held for that order.
    pub fn of(order: &Order) -> Self {
        let held = |saga: &saga::Instance| HeldSaga {
            saga_id: saga.saga_id(),
            definition: saga.definition().to_owned(),
            definition_version: saga.definition_version(),
            status: saga.status().as_str(),
            version: saga.version(),
        };
        Self {
            order_id: order.order_id.clone(),
            customer_id: order.customer_id.clone(),
            store_id: order.store_id.clone(),
            status: OrderStatus::of(order),
            reason: order.reason().map(str::to_owned),
            finished: order.is_finished(),
            items: order.items.clone(),
            total: order.total,
            rider_id: order.rider_id.clone(),
            sagas: order.sagas.iter().map(held).collect(),
            placed_at: order.placed_at,
            updated_at: order.updated_at,
            version: order.version,
        }
    }
}

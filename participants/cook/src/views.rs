//! What is shown of a ticket: to cooks, and to an auditor. Nothing here decides.

use contracts::{Line, OrderId, StoreId, Timestamp};
use runtime::participant;
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::{State, Ticket};

/// A ticket as cooks see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "CookTicket")]
pub struct TicketView {
    /// The order.
    pub order_id: OrderId,
    /// Whose kitchen; none where the order was called off before its ticket came.
    pub store_id: Option<StoreId>,
    /// How it stands.
    #[schemars(with = "State")]
    pub state: &'static str,
    /// What to cook.
    pub items: Vec<Line>,
    /// Why it was declined.
    pub reason: Option<String>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts its changes.
    pub version: u64,
}

impl From<&Ticket> for TicketView {
    fn from(ticket: &Ticket) -> Self {
        Self {
            order_id: ticket.order_id.clone(),
            store_id: ticket.store_id.clone(),
            state: ticket.state.as_str(),
            items: ticket.items.clone(),
            reason: ticket.reason.clone(),
            updated_at: ticket.updated_at,
            version: ticket.record.sequence,
        }
    }
}

/// Whose kitchen has the ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Cook")]
pub struct Kitchen<'a> {
    /// None where the order was called off before its ticket came.
    pub store_id: Option<&'a StoreId>,
}

/// What the service holds for an order, as the auditor reads it.
pub type Holding<'a> = participant::Holding<'a, Kitchen<'a>>;

/// What is held for an order. It is active where the kitchen still has something to do for it.
pub fn holding(ticket: &Ticket) -> Holding<'_> {
    Holding {
        order_id: &ticket.order_id,
        state: ticket.state.as_str(),
        active: matches!(ticket.state, State::Queued | State::Cooking),
        own: Kitchen { store_id: ticket.store_id.as_ref() },
        milestones: &ticket.record.milestones,
        updated_at: ticket.updated_at,
        version: ticket.record.sequence,
    }
}

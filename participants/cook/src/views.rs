//! What is shown of a ticket: to cooks, and to an auditor. Nothing here decides.

use contracts::{Line, Milestone, OrderId, StoreId, Timestamp};
use serde::Serialize;

use crate::domain::{State, Ticket};

/// A ticket as cooks see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TicketView {
    /// The order.
    pub order_id: OrderId,
    /// Whose kitchen; none where the order was called off before its ticket came.
    pub store_id: Option<StoreId>,
    /// `queued`, `cooking`, `finished`, `declined` or `cancelled`.
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

/// What the service holds for an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holding {
    /// The order.
    pub order_id: OrderId,
    /// The ticket's state.
    pub state: &'static str,
    /// Whether the kitchen still has something to do for it.
    pub active: bool,
    /// Whose kitchen, where it is known.
    pub store_id: Option<StoreId>,
    /// The sequence of its latest fact or change.
    pub sequence: u64,
    /// What has happened, oldest first.
    pub milestones: Vec<Milestone>,
}

/// Renders what is held for an order.
pub fn holding(ticket: &Ticket) -> Holding {
    Holding {
        order_id: ticket.order_id.clone(),
        state: ticket.state.as_str(),
        active: matches!(ticket.state, State::Queued | State::Cooking),
        store_id: ticket.store_id.clone(),
        sequence: ticket.record.sequence,
        milestones: ticket.record.milestones.clone(),
    }
}

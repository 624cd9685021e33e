//! How tickets are stored and found.

use contracts::{OrderId, Timestamp};
use runtime::{Aggregate, Key, Kind, Phase, aggregate::DecodeError};

use crate::domain::Ticket;

/// Kitchen tickets, by order id; their owner is the store.
pub const TICKET: Kind = Kind { name: "ticket", phase: Phase::First, rank: 0 };

/// Every kind of aggregate that this service has.
pub const KINDS: &[Kind] = &[TICKET];

/// The key of an order's ticket.
pub fn ticket_key(order_id: &OrderId) -> Key {
    Key::new(TICKET, order_id.as_str())
}

impl Aggregate for Ticket {
    fn kind(&self) -> Kind {
        TICKET
    }

    fn version(&self) -> u64 {
        self.record.sequence
    }

    fn state(&self) -> &str {
        self.state.as_str()
    }

    fn owner(&self) -> Option<&str> {
        self.store_id.as_ref().map(contracts::StoreId::as_str)
    }

    /// A ticket has no time of its own: deadlines are the saga's.
    fn wake_at(&self) -> Option<Timestamp> {
        None
    }

    fn encode(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    fn decode(kind: &str, body: &str) -> Result<Self, DecodeError> {
        if kind != TICKET.name {
            return Err(DecodeError::UnknownKind(kind.to_owned()));
        }
        Ok(serde_json::from_str(body)?)
    }
}

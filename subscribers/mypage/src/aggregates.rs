//! How orders are stored and found.

use contracts::OrderId;
use runtime::{Aggregate, Key, Kind, Phase, aggregate::DecodeError};

use crate::{fold::Order, status::Status};

/// Orders by their id, which sorts by age; their owner is the customer.
pub const ORDER: Kind = Kind { name: "order", phase: Phase::First, rank: 0 };

/// Every kind of aggregate that this service has.
pub const KINDS: &[Kind] = &[ORDER];

/// The key of an order.
pub fn order_key(order_id: &OrderId) -> Key {
    Key::new(ORDER, order_id.as_str())
}

impl Aggregate for Order {
    fn kind(&self) -> Kind {
        ORDER
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn state(&self) -> &str {
        Status::of(self).as_str()
    }

    /// None until it is known what was ordered: nobody is shown half an order.
    fn owner(&self) -> Option<&str> {
        self.ordered().map(|placed| placed.customer_id.as_str())
    }

    fn encode(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    fn decode(kind: &str, body: &str) -> Result<Self, DecodeError> {
        if kind != ORDER.name {
            return Err(DecodeError::UnknownKind(kind.to_owned()));
        }
        Ok(serde_json::from_str(body)?)
    }
}

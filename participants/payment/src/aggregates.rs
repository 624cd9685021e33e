//! How the payment of an order is stored and found.

use contracts::{OrderId, Timestamp};
use runtime::{Aggregate, Key, Kind, Phase, aggregate::DecodeError};

use crate::OrderPayment;

/// The only kind of aggregate here; its id is the order's.
pub const PAYMENT: Kind = Kind { name: "payment", phase: Phase::First, rank: 0 };

/// The key of an order's payment.
pub fn payment_key(order_id: &OrderId) -> Key {
    Key::new(PAYMENT, order_id.as_str())
}

impl Aggregate for OrderPayment {
    fn kind(&self) -> Kind {
        PAYMENT
    }

    fn version(&self) -> u64 {
        self.record.sequence
    }

    fn state(&self) -> &str {
        self.state.as_str()
    }

    fn owner(&self) -> Option<&str> {
        self.authorization.as_ref().map(|authorization| authorization.customer_id.as_str())
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.awaited.map(|awaited| awaited.at)
    }

    fn encode(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    fn decode(kind: &str, body: &str) -> Result<Self, DecodeError> {
        if kind != PAYMENT.name {
            return Err(DecodeError::UnknownKind(kind.to_owned()));
        }
        Ok(serde_json::from_str(body)?)
    }
}

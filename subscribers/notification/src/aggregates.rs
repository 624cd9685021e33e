//! How orders, messages and mailboxes are stored and found.

use contracts::{OrderId, Timestamp};
use runtime::{Aggregate, Key, Kind, Phase, aggregate::DecodeError};

use crate::{mailbox::Mailbox, message::Message, order::Order, recipient::Recipient};

/// Orders by their id.
pub const ORDER: Kind = Kind { name: "order", phase: Phase::First, rank: 0 };
/// Recipients by kind and id; their owner is [`OUTSTANDING`] while something waits for them.
pub const MAILBOX: Kind = Kind { name: "mailbox", phase: Phase::Second, rank: 0 };
/// Messages by order and number; their owner is the order.
pub const MESSAGE: Kind = Kind { name: "message", phase: Phase::Second, rank: 1 };

/// Every kind of aggregate that this service has.
pub const KINDS: &[Kind] = &[ORDER, MAILBOX, MESSAGE];

/// By this owner the mailboxes are found in which something waits: few among many.
pub const OUTSTANDING: &str = "outstanding";

/// The key of an order.
pub fn order_key(order_id: &OrderId) -> Key {
    Key::new(ORDER, order_id.as_str())
}

/// The key of a recipient's mailbox.
pub fn mailbox_key(recipient: &Recipient) -> Key {
    Key::new(MAILBOX, recipient.to_string())
}

/// The id of an order's message. They sort as they were led to.
pub fn message_id(order_id: &OrderId, number: u32) -> String {
    format!("{order_id}/{number:06}")
}

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// An order.
    Order(Box<Order>),
    /// A recipient.
    Mailbox(Mailbox),
    /// A message.
    Message(Box<Message>),
}

impl Kept {
    /// The order that it is.
    pub fn order(&self) -> Option<&Order> {
        if let Self::Order(order) = self { Some(order) } else { None }
    }

    /// The mailbox that it is.
    pub fn mailbox(&self) -> Option<&Mailbox> {
        if let Self::Mailbox(mailbox) = self { Some(mailbox) } else { None }
    }

    /// The message that it is.
    pub fn message(&self) -> Option<&Message> {
        if let Self::Message(message) = self { Some(message) } else { None }
    }
}

impl Aggregate for Kept {
    fn kind(&self) -> Kind {
        match self {
            Self::Order(_) => ORDER,
            Self::Mailbox(_) => MAILBOX,
            Self::Message(_) => MESSAGE,
        }
    }

    fn version(&self) -> u64 {
        match self {
            Self::Order(order) => order.version,
            Self::Mailbox(mailbox) => mailbox.version,
            Self::Message(message) => message.version,
        }
    }

    fn state(&self) -> &str {
        match self {
            Self::Order(order) => order.state(),
            Self::Mailbox(mailbox) => mailbox.state(),
            Self::Message(message) => message.state.as_str(),
        }
    }

    fn owner(&self) -> Option<&str> {
        match self {
            Self::Order(_) => None,
            Self::Mailbox(mailbox) => (mailbox.waiting() > 0).then_some(OUTSTANDING),
            Self::Message(message) => Some(message.order_id.as_str()),
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.mailbox().and_then(Mailbox::wake_at)
    }

    fn encode(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::Order(order) => serde_json::to_string(order),
            Self::Mailbox(mailbox) => serde_json::to_string(mailbox),
            Self::Message(message) => serde_json::to_string(message),
        }
    }

    fn decode(kind: &str, body: &str) -> Result<Self, DecodeError> {
        Ok(match kind {
            "order" => Self::Order(serde_json::from_str(body)?),
            "mailbox" => Self::Mailbox(serde_json::from_str(body)?),
            "message" => Self::Message(serde_json::from_str(body)?),
            _ => return Err(DecodeError::UnknownKind(kind.to_owned())),
        })
    }
}

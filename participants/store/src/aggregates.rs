//! How tickets and menu items are stored and found.

use contracts::{MenuId, OrderId, StoreId};
use runtime::{Aggregate, Key, Kind, Phase, aggregate::DecodeError};

use crate::domain::{MenuItem, Ticket};

/// Tickets; the id is the order's.
pub const TICKET: Kind = Kind { name: "ticket", phase: Phase::First, rank: 0 };

/// Menu items; the id is `<store_id>/<menu_id>`. A ticket names those that it is about.
pub const MENU_ITEM: Kind = Kind { name: "menu_item", phase: Phase::Second, rank: 0 };

/// The key of an order's ticket.
pub fn ticket_key(order_id: &OrderId) -> Key {
    Key::new(TICKET, order_id.as_str())
}

/// The key of a menu item.
pub fn menu_item_key(store_id: &StoreId, menu_id: &MenuId) -> Key {
    Key::new(MENU_ITEM, format!("{store_id}/{menu_id}"))
}

/// What the store keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreAggregate {
    /// A ticket.
    Ticket(Box<Ticket>),
    /// A menu item.
    MenuItem(Box<MenuItem>),
}

impl StoreAggregate {
    /// The ticket, if it is one.
    pub fn ticket(&self) -> Option<&Ticket> {
        match self {
            Self::Ticket(ticket) => Some(ticket),
            Self::MenuItem(_) => None,
        }
    }

    /// The menu item, if it is one.
    pub fn menu_item(&self) -> Option<&MenuItem> {
        match self {
            Self::MenuItem(item) => Some(item),
            Self::Ticket(_) => None,
        }
    }
}

impl Aggregate for StoreAggregate {
    fn kind(&self) -> Kind {
        match self {
            Self::Ticket(_) => TICKET,
            Self::MenuItem(_) => MENU_ITEM,
        }
    }

    fn version(&self) -> u64 {
        match self {
            Self::Ticket(ticket) => ticket.record.sequence,
            Self::MenuItem(item) => item.version,
        }
    }

    fn state(&self) -> &str {
        match self {
            Self::Ticket(ticket) => ticket.state.as_str(),
            Self::MenuItem(item) if item.on_hand == 0 => "sold_out",
            Self::MenuItem(_) => "available",
        }
    }

    fn owner(&self) -> Option<&str> {
        match self {
            Self::Ticket(ticket) => ticket.store_id().map(StoreId::as_str),
            Self::MenuItem(item) => Some(item.store_id.as_str()),
        }
    }

    fn encode(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::Ticket(ticket) => serde_json::to_string(ticket),
            Self::MenuItem(item) => serde_json::to_string(item),
        }
    }

    fn decode(kind: &str, body: &str) -> Result<Self, DecodeError> {
        if kind == TICKET.name {
            Ok(Self::Ticket(serde_json::from_str(body)?))
        } else if kind == MENU_ITEM.name {
            Ok(Self::MenuItem(serde_json::from_str(body)?))
        } else {
            Err(DecodeError::UnknownKind(kind.to_owned()))
        }
    }
}

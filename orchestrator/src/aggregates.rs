//! What the orchestrator keeps, as the database sees it: kinds, ids, columns.

use contracts::{CustomerId, MenuId, OrderId, StoreId, Timestamp};
use runtime::{Aggregate, Key, Kind, Phase, aggregate::DecodeError};

use crate::{
    catalog::{self, CatalogItem},
    idempotency::UsedKey,
    order::Order,
    status::OrderStatus,
};

/// Keys that requests were made under. Locked before the order, so that a second use waits for
/// the first.
pub const IDEMPOTENCY_KEY: Kind = Kind { name: "idempotency_key", phase: Phase::First, rank: 0 };
/// Orders with their sagas.
pub const ORDER: Kind = Kind { name: "order", phase: Phase::First, rank: 1 };
/// Items of the catalog. Orders only look at them.
pub const CATALOG_ITEM: Kind = Kind { name: "catalog_item", phase: Phase::Second, rank: 0 };

/// Every kind.
pub const KINDS: &[Kind] = &[IDEMPOTENCY_KEY, ORDER, CATALOG_ITEM];

/// The order's key.
pub fn order_key(id: &OrderId) -> Key {
    Key::new(ORDER, id.as_str())
}

/// The key of a customer's idempotency key.
pub fn used_key(customer: &CustomerId, key: &str) -> Key {
    Key::new(IDEMPOTENCY_KEY, format!("{customer}/{key}"))
}

/// The key of an item of the catalog.
pub fn item_key(store: &StoreId, menu: &MenuId) -> Key {
    Key::new(CATALOG_ITEM, catalog::item_id(store, menu))
}

/// One aggregate of the orchestrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// A key that was used. Written once.
    UsedKey(Box<UsedKey>),
    /// An order.
    Order(Box<Order>),
    /// An item of the catalog.
    CatalogItem(Box<CatalogItem>),
}

impl State {
    /// The order, if it is one.
    pub fn as_order(&self) -> Option<&Order> {
        match self {
            Self::Order(order) => Some(order),
            Self::UsedKey(_) | Self::CatalogItem(_) => None,
        }
    }

    /// The item of the catalog, if it is one.
    pub fn as_item(&self) -> Option<&CatalogItem> {
        match self {
            Self::CatalogItem(item) => Some(item),
            Self::UsedKey(_) | Self::Order(_) => None,
        }
    }

    /// The used key, if it is one.
    pub fn as_used_key(&self) -> Option<&UsedKey> {
        match self {
            Self::UsedKey(used) => Some(used),
            Self::Order(_) | Self::CatalogItem(_) => None,
        }
    }
}

impl Aggregate for State {
    fn kind(&self) -> Kind {
        match self {
            Self::UsedKey(_) => IDEMPOTENCY_KEY,
            Self::Order(_) => ORDER,
            Self::CatalogItem(_) => CATALOG_ITEM,
        }
    }

    fn version(&self) -> u64 {
        match self {
            Self::UsedKey(_) => 1,
            Self::Order(order) => order.version,
            Self::CatalogItem(item) => item.version,
        }
    }

    fn state(&self) -> &str {
        match self {
            Self::UsedKey(_) => "used",
            Self::Order(order) => OrderStatus::of(order).as_str(),
            Self::CatalogItem(_) => "offered",
        }
    }

    fn owner(&self) -> Option<&str> {
        match self {
            Self::UsedKey(_) => None,
            Self::Order(order) => Some(order.customer_id.as_str()),
            Self::CatalogItem(item) => Some(item.store_id.as_str()),
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::Order(order) => order.wake_at(),
            Self::UsedKey(_) | Self::CatalogItem(_) => None,
        }
    }

    fn encode(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::UsedKey(used) => serde_json::to_string(used),
            Self::Order(order) => serde_json::to_string(order),
            Self::CatalogItem(item) => serde_json::to_string(item),
        }
    }

    fn decode(kind: &str, body: &str) -> Result<Self, DecodeError> {
        if kind == ORDER.name {
            Ok(Self::Order(serde_json::from_str(body)?))
        } else if kind == IDEMPOTENCY_KEY.name {
            Ok(Self::UsedKey(serde_json::from_str(body)?))
        } else if kind == CATALOG_ITEM.name {
            Ok(Self::CatalogItem(serde_json::from_str(body)?))
        } else {
            Err(DecodeError::UnknownKind(kind.to_owned()))
        }
    }
}

//! An order as it is stored, with what was changed of it: only what the audit judges by.

use contracts::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Money {
    /// In minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
}

/// A line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Line {
    /// Which item.
    pub menu_id: String,
    /// What it was called.
    pub name: String,
    /// What one piece cost.
    pub unit_price: Money,
    /// How many pieces.
    pub quantity: u64,
}

/// An order with its sagas.
#[derive(Clone, Debug, Deserialize)]
pub struct Order {
    /// Which.
    pub order_id: String,
    /// Whose.
    pub customer_id: String,
    /// From whom.
    pub store_id: String,
    /// What.
    pub items: Vec<Line>,
    /// What it costs.
    pub total: Money,
    /// Counts its changes.
    pub version: u64,
    /// Its sagas, as they are stored.
    pub sagas: Vec<Value>,
    /// Where it goes.
    pub address: Option<Address>,
    /// When it starts, where it was ordered for later.
    pub schedule: Option<Schedule>,
    /// The changes that were asked for, oldest first.
    #[serde(default)]
    pub revisions: Vec<Revision>,
}

/// When an order starts that was placed for later.
#[derive(Clone, Debug, Deserialize)]
pub struct Schedule {
    /// When.
    pub starts_at: Timestamp,
    /// Why it was cancelled before.
    pub cancelled: Option<String>,
}

/// A change of an order.
#[derive(Clone, Debug, Deserialize)]
pub struct Revision {
    /// Which one, counted from 1.
    pub number: u64,
    /// Its saga; none where it was made before the order started.
    pub saga_id: Option<Uuid>,
    /// `pending`, `made`, `refused`.
    pub state: String,
    /// What the order was.
    pub before: Content,
    /// What it was to be.
    pub wanted: Content,
}

/// What can be changed of an order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Content {
    /// What is ordered.
    pub items: Vec<Line>,
    /// What it costs in all.
    pub total: Money,
    /// Where it goes.
    pub address: Address,
}

/// Where something goes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Address {
    /// Its district.
    pub district: String,
    /// Street, house, door.
    pub line: String,
}

//! What is stored, read with the audit's own structures: only what it judges by. Fields that it
//! does not know are left alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, de::DeserializeOwned};
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
#[derive(Clone, Debug, Deserialize)]
pub struct Line {
    /// Which item.
    pub menu_id: String,
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
    /// What it costs.
    pub total: Money,
    /// Counts its changes.
    pub version: u64,
    /// Its sagas, as they are stored.
    pub sagas: Vec<Value>,
}

/// What the audit reads of a saga.
#[derive(Clone, Debug, Deserialize)]
pub struct Saga {
    /// Which.
    pub saga_id: Uuid,
    /// `order`, `return`.
    pub definition: String,
    /// The version of the definition.
    pub definition_version: u32,
    /// How many events it is the fold of.
    pub version: u64,
    /// `running`, `compensating`, `completed`, `cancelled`, `returned`.
    pub phase: String,
    /// Set while an operator has halted it.
    pub suspended_at: Option<Value>,
    /// Its steps.
    pub steps: Vec<Step>,
    /// How far each participant was heard.
    pub cursors: BTreeMap<String, Cursor>,
}

/// A step of a saga.
#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    /// Which.
    pub name: String,
    /// `blocked`, `requested`, `done`, `failed`, `undoing`, `undone`, `skipped`.
    pub status: String,
    /// Whether its command was sent too often without an answer.
    pub exhausted: bool,
}

/// How far a participant was heard.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Cursor {
    /// The highest sequence heard.
    pub sequence: u64,
}

impl Saga {
    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        matches!(self.phase.as_str(), "completed" | "cancelled" | "returned")
    }

    /// Whether a participant does not answer.
    pub fn is_stuck(&self) -> bool {
        self.steps.iter().any(|step| step.exhausted)
    }

    /// The status as people search by it.
    pub fn status(&self) -> &str {
        match self.phase.as_str() {
            ended @ ("completed" | "cancelled" | "returned") => ended,
            _ if self.suspended_at.is_some() => "suspended",
            _ if self.is_stuck() => "stuck",
            phase => phase,
        }
    }
}

/// What every participant keeps for an order.
#[derive(Clone, Debug, Deserialize)]
pub struct Holding {
    /// The order.
    pub order_id: String,
    /// The participant's own word.
    pub state: String,
    /// Sequence and milestones.
    pub record: Record,
    /// Who carries it; deliveries have it.
    pub rider_id: Option<String>,
    /// What was asked; the stores' tickets have it.
    pub asked: Option<Asked>,
}

/// Sequence and milestones.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Record {
    /// The aggregate's version.
    pub sequence: u64,
    /// What has happened, oldest first.
    pub milestones: Vec<Milestone>,
}

/// One thing that has happened.
#[derive(Clone, Debug, Deserialize)]
pub struct Milestone {
    /// What.
    #[serde(rename = "type")]
    pub kind: String,
    /// Particulars.
    #[serde(default)]
    pub data: Detail,
}

/// Particulars of a milestone.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Detail {
    /// How much was held, taken or given back.
    pub amount: Option<Money>,
    /// Which rider.
    pub rider_id: Option<String>,
}

impl Record {
    /// How often that has happened.
    pub fn count(&self, kind: &str) -> usize {
        self.milestones.iter().filter(|milestone| milestone.kind == kind).count()
    }

    /// Whether that has happened.
    pub fn has(&self, kind: &str) -> bool {
        self.count(kind) > 0
    }

    /// The first milestone of that kind.
    pub fn find(&self, kind: &str) -> Option<&Milestone> {
        self.milestones.iter().find(|milestone| milestone.kind == kind)
    }
}

/// What was asked of a store.
#[derive(Clone, Debug, Deserialize)]
pub struct Asked {
    /// Of which store.
    pub store_id: String,
    /// What is ordered.
    pub items: Vec<Line>,
}

/// An item of a menu.
#[derive(Clone, Debug, Deserialize)]
pub struct MenuItem {
    /// Can be reserved.
    pub on_hand: u64,
    /// Held by accepted tickets.
    pub reserved: u64,
    /// Gone for good.
    pub sold: u64,
    /// Ever put in, where the store keeps it beside the others.
    #[serde(default)]
    pub stock: u64,
}

/// A rider.
#[derive(Clone, Debug, Deserialize)]
pub struct Rider {
    /// How many deliveries they may carry at once.
    pub capacity: usize,
}

/// What a rider carries.
#[derive(Clone, Debug, Deserialize)]
pub struct Load {
    /// The orders.
    pub orders: BTreeSet<String>,
}

/// A used idempotency key.
#[derive(Clone, Debug, Deserialize)]
pub struct UsedKey {
    /// The order that it made.
    pub order_id: String,
}

/// An item of the catalog, or what `menu-item-changed` says of one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Offered {
    /// What it is called.
    pub name: String,
    /// What one piece costs.
    pub price: Money,
}

/// An item of the catalog.
#[derive(Clone, Debug, Deserialize)]
pub struct CatalogItem {
    /// The store's version that it is a copy of.
    pub sequence: u64,
    /// What it says.
    #[serde(flatten)]
    pub offered: Offered,
}

/// Reads a body. What cannot be read is named by its place, so that it can be an offender.
pub fn read<T: DeserializeOwned>(what: &str, id: &str, body: &str) -> Result<T, String> {
    serde_json::from_str(body).map_err(|error| format!("{what} {id} cannot be read: {error}"))
}

//! What is stored, read with the audit's own structures: only what it judges by. Fields that it
//! does not know are left alone.

use std::collections::{BTreeMap, BTreeSet};

use contracts::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

pub use super::ordered::{Address, Content, Line, Money, Order, Revision, Schedule};

/// What a participant has decided about the last change that it was told of.
#[derive(Clone, Debug, Deserialize)]
pub struct Decided {
    /// Which change, counted from 1.
    pub number: u64,
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
    /// Whether nothing can be undone any more.
    pub past_pivot: bool,
    /// `requested`, `refused`.
    pub cancellation: Option<String>,
    /// When it started, in milliseconds.
    pub started_at: i64,
    /// What was pinned when it started.
    pub settings: Settings,
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
    /// Whether its command was sent too often without an answer; left out where it was not.
    #[serde(default)]
    pub exhausted: bool,
    /// Whether its deadline has called for people; left out where it has not.
    #[serde(default)]
    pub escalated: bool,
    /// Since when it has this status, in milliseconds.
    pub since: i64,
    /// When its command is sent again, in milliseconds.
    pub next_attempt_at: Option<i64>,
    /// When it is overdue, in milliseconds.
    pub deadline: Option<i64>,
}

impl Step {
    /// Whether an answer is awaited.
    pub fn in_flight(&self) -> bool {
        matches!(self.status.as_str(), "requested" | "undoing")
    }

    /// Whether the saga may go on from it.
    pub fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "done" | "skipped")
    }
}

/// What was pinned in a saga when it started.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// How long each step may take, in milliseconds.
    pub deadlines: BTreeMap<String, i64>,
    /// How commands are sent again.
    pub retry: Retry,
}

/// How commands are sent again.
#[derive(Clone, Debug, Deserialize)]
pub struct Retry {
    /// The longest pause, in milliseconds.
    pub cap: i64,
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

    /// The step whose answer is awaited: one that is not answered, else the one that has been
    /// awaited longest.
    pub fn awaited(&self) -> Option<&Step> {
        let in_flight = self.steps.iter().filter(|step| !self.has_ended() && step.in_flight());
        in_flight.min_by_key(|step| (!step.exhausted, !step.escalated, step.since))
    }

    /// Whether a deadline after the start of cooking has passed.
    pub fn stalled(&self) -> bool {
        !self.has_ended() && self.steps.iter().any(|step| step.escalated && step.in_flight())
    }

    /// When the next command is sent again, in milliseconds.
    pub fn next_attempt_at(&self) -> Option<i64> {
        let halted = self.suspended_at.is_some();
        self.steps.iter().filter(|_| !halted).filter_map(|step| step.next_attempt_at).min()
    }

    /// When it wants to be woken, in milliseconds.
    pub fn wake_at(&self) -> Option<i64> {
        if self.has_ended() || self.suspended_at.is_some() {
            return None;
        }
        let deadline = self.steps.iter().filter_map(|step| step.deadline).min();
        self.next_attempt_at().into_iter().chain(deadline).min()
    }

    /// The longest that it may ever wait for anything, in milliseconds.
    pub fn longest_wait(&self) -> i64 {
        let deadlines = self.settings.deadlines.values().copied();
        deadlines.chain([self.settings.retry.cap]).max().unwrap_or(0)
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
    /// From whom; kitchen tickets and deliveries have it.
    pub store_id: Option<String>,
    /// What to cook; kitchen tickets have it.
    #[serde(default)]
    pub items: Vec<Line>,
    /// Where it goes; deliveries have it.
    pub address: Option<Address>,
    /// The hold; payments have it.
    pub authorization: Option<Authorization>,
    /// The money taken; payments have it.
    pub capture: Option<Taken>,
    /// What was given back; payments have it.
    pub refund: Option<Taken>,
    /// The gateway's answer that is still to come; payments have it.
    pub awaited: Option<Awaited>,
    /// The last change of the order; payments and the stores' tickets may have it.
    #[serde(default, deserialize_with = "decided")]
    pub revision: Option<Decided>,
}

/// A delivery has only the number there, of the address that it has.
fn decided<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Decided>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

/// A hold on money.
#[derive(Clone, Debug, Deserialize)]
pub struct Authorization {
    /// `pending`, `authorized`, `declined`, `voided`, `captured`.
    pub state: String,
    /// Whose money.
    pub customer_id: String,
    /// How much.
    pub amount: Money,
}

/// Money taken or given back.
#[derive(Clone, Debug, Deserialize)]
pub struct Taken {
    /// Of a capture: `captured`, `refunded`; of a refund: `refunded`, `released`, `nothing`.
    pub state: String,
    /// How much; a refund may have found nothing.
    pub amount: Option<Money>,
}

/// An answer of the gateway that is still to come.
#[derive(Clone, Debug, Deserialize)]
pub struct Awaited {
    /// When.
    pub at: Timestamp,
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
    /// What it costs in all.
    pub total: Money,
}

/// An item of a menu.
#[derive(Clone, Debug, Deserialize)]
pub struct MenuItem {
    /// Whose menu.
    pub store_id: String,
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
    /// Where they work.
    pub district: String,
    /// Whether they are at work.
    pub on_duty: bool,
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
    /// The order that it made or changed.
    pub order_id: String,
    /// The status that answered it: 201 for one that was made.
    #[serde(default = "created")]
    pub status: u16,
}

const fn created() -> u16 {
    201
}

impl UsedKey {
    /// Whether it made the order.
    pub const fn made(&self) -> bool {
        self.status == created()
    }
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

//! Sagas as operators see them: in a list, one with every step, and the history.

use contracts::{CustomerId, OrderId, StoreId, Timestamp};
use runtime::{HistoryEntry, SagaRow};
use saga::{Cancellation, Instance, Kind, Request, Step, StepState};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    order::{Order, timestamp},
    sagas,
};

/// A saga in a list.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SagaSummary {
    /// Its id.
    pub id: Uuid,
    /// The order that it belongs to.
    pub order_id: String,
    /// Its definition's name.
    pub definition: String,
    /// Its definition's version.
    pub version: u32,
    /// Its status word.
    pub status: String,
    /// The step that it waits on.
    pub waiting_on: Option<String>,
    /// Since when.
    pub waiting_since: Option<Timestamp>,
    /// When a command is sent again.
    pub next_attempt_at: Option<Timestamp>,
    /// Whether a person should look: a deadline after the pivot has passed.
    pub stalled: bool,
    /// Seconds from its start until now, or until its end.
    pub age: f64,
    /// The order's customer.
    pub customer_id: String,
    /// The order's store.
    pub store_id: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// How many entries its history has.
    pub events: u64,
}

impl SagaSummary {
    /// That row, seen now.
    pub fn of(row: SagaRow, now: Timestamp) -> Self {
        let ended = matches!(row.status.as_str(), "completed" | "cancelled" | "returned");
        Self {
            id: row.saga_id,
            order_id: row.order_id,
            definition: row.definition,
            version: row.definition_version,
            status: row.status,
            waiting_on: row.waiting_on,
            waiting_since: row.waiting_since,
            next_attempt_at: row.next_attempt_at,
            stalled: row.stalled,
            age: age(row.started_at, row.updated_at, ended, now),
            customer_id: row.customer_id,
            store_id: row.store_id,
            started_at: row.started_at,
            updated_at: row.updated_at,
            events: row.version,
        }
    }
}

fn age(started_at: Timestamp, updated_at: Timestamp, ended: bool, now: Timestamp) -> f64 {
    let until = if ended { updated_at } else { now };
    until.since(started_at).as_secs_f64()
}

/// One saga with every step.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Saga")]
pub struct SagaView {
    /// Its id.
    pub saga_id: Uuid,
    /// The order that it belongs to.
    pub order_id: OrderId,
    /// The order's customer.
    pub customer_id: CustomerId,
    /// The order's store.
    pub store_id: StoreId,
    /// Its definition's name.
    pub definition: String,
    /// Its definition's version.
    pub version: u32,
    /// Its status word.
    pub status: &'static str,
    /// Why it is being cancelled, was cancelled or has handed over, as a slug.
    pub reason: Option<String>,
    /// What became of a wish to cancel.
    #[schemars(with = "Option<String>", extend("examples" = ["requested", "refused"]))]
    pub cancellation: Option<Cancellation>,
    /// Whether the point of no return has passed.
    pub past_pivot: bool,
    /// Whether a person should look.
    pub stalled: bool,
    /// The step that it waits on.
    pub waiting_on: Option<String>,
    /// The service that is waited for.
    pub waiting_for: Option<&'static str>,
    /// Since when.
    pub waiting_since: Option<Timestamp>,
    /// When a command is sent again.
    pub next_attempt_at: Option<Timestamp>,
    /// When it is next looked at: the earliest resend or deadline.
    pub next_wake_at: Option<Timestamp>,
    /// Seconds from its start until now, or until its end.
    pub age: f64,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// How many entries its history has.
    pub events: u64,
    /// Its steps, in the order of the definition.
    pub steps: Vec<StepView>,
}

/// One step of a saga.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "SagaStep")]
pub struct StepView {
    /// Its name.
    pub name: String,
    /// `compensatable`, `pivot` or `retriable`.
    pub kind: Option<&'static str>,
    /// The steps that must be done before it.
    pub after: Vec<&'static str>,
    /// Where it stands.
    pub state: &'static str,
    /// The service that it is asked of.
    pub participant: Option<&'static str>,
    /// The command that it sends, or that it waits on a further fact about.
    pub command: Option<&'static str>,
    /// Whether it sends that command itself.
    pub sends: bool,
    /// Counted from 1; a step that is reopened is asked for anew.
    pub generation: u32,
    /// How often its command (or its undo) was sent.
    pub attempts: u32,
    /// Since when it stands so.
    pub since: Timestamp,
    /// When it was asked for.
    pub requested_at: Option<Timestamp>,
    /// When its command was last sent.
    pub sent_at: Option<Timestamp>,
    /// When its command is sent again.
    pub next_attempt_at: Option<Timestamp>,
    /// When it is overdue.
    pub deadline: Option<Timestamp>,
    /// Whether its deadline has called for people.
    pub escalated: bool,
    /// Why it failed, as a slug.
    pub reason: Option<String>,
}

impl SagaView {
    /// That saga of that order, seen now.
    pub fn of(order: &Order, saga: &Instance, now: Timestamp) -> Self {
        let definition = sagas::of(saga);
        let (started_at, updated_at) = (timestamp(saga.started_at()), timestamp(saga.updated_at()));
        let step = |state: &StepState| {
            let participant = definition.and_then(|it| it.participant(&state.name));
            step_view(state, definition.and_then(|it| it.step(&state.name)), participant)
        };
        Self {
            saga_id: saga.saga_id(),
            order_id: order.order_id.clone(),
            customer_id: order.customer_id.clone(),
            store_id: order.store_id.clone(),
            definition: saga.definition().to_owned(),
            version: saga.definition_version(),
            status: saga.status().as_str(),
            reason: saga.reason().map(str::to_owned),
            cancellation: saga.cancellation(),
            past_pivot: saga.past_pivot(),
            stalled: saga.stalled(),
            waiting_on: saga.waiting_on().map(str::to_owned),
            waiting_for: definition.and_then(|it| it.participant(saga.waiting_on()?)),
            waiting_since: saga.waiting_since().map(timestamp),
            next_attempt_at: saga.next_attempt_at().map(timestamp),
            next_wake_at: saga.next_wake().filter(|_| !saga.is_terminal()).map(timestamp),
            age: age(started_at, updated_at, saga.is_terminal(), now),
            started_at,
            updated_at,
            events: saga.version(),
            steps: saga.steps().iter().map(step).collect(),
        }
    }
}

/// Every saga of an order, seen when the order last changed.
pub fn saga_views(order: &Order) -> Vec<SagaView> {
    order.sagas.iter().map(|saga| SagaView::of(order, saga, order.updated_at)).collect()
}

fn step_view(state: &StepState, row: Option<&Step>, participant: Option<&'static str>) -> StepView {
    let (command, sends) = match row.map(|row| row.request) {
        Some(Request::Command { command, .. }) => (Some(command), true),
        Some(Request::WaitsOn { command }) => (Some(command), false),
        None => (None, false),
    };
    StepView {
        name: state.name.clone(),
        kind: row.map(|row| match row.kind {
            Kind::Compensatable => "compensatable",
            Kind::Pivot => "pivot",
            Kind::Retriable => "retriable",
        }),
        after: row.map(|row| row.after.clone()).unwrap_or_default(),
        state: state.status.as_str(),
        participant,
        command,
        sends,
        generation: state.generation,
        attempts: state.attempts,
        since: timestamp(state.since),
        requested_at: state.requested_at.map(timestamp),
        sent_at: state.sent_at.map(timestamp),
        next_attempt_at: state.next_attempt_at.map(timestamp),
        deadline: state.deadline.map(timestamp),
        escalated: state.escalated,
        reason: state.reason.clone(),
    }
}

/// An entry of a history: its version, and the event with its times as people read them. What an
/// event says beside its name and time depends on the event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "HistoryEntry")]
pub struct EntryView {
    /// The version that the saga had after it.
    pub version: u64,
    /// When it happened.
    #[schemars(with = "Timestamp")]
    pub at: Value,
    /// What happened, as a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub event: Option<Value>,
    /// What is stored instead of an event, where it is damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// What it says besides.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// An entry as operators see it.
pub fn entry_view(entry: &HistoryEntry) -> EntryView {
    const TIMES: [&str; 3] = ["at", "deadline", "next_attempt_at"];
    let mut view = EntryView {
        version: entry.version,
        at: entry.at.to_string().into(),
        event: None,
        unreadable: None,
        more: Map::new(),
    };
    match serde_json::from_str(&entry.body) {
        Ok(Value::Object(event)) => {
            for (name, value) in event {
                let time = value.as_i64().filter(|_| TIMES.contains(&name.as_str()));
                let value = match time {
                    Some(millis) => Timestamp::from_millis(millis).to_string().into(),
                    None => value,
                };
                match name.as_str() {
                    "at" => view.at = value,
                    "event" => view.event = Some(value),
                    "version" | "unreadable" => {}
                    _ => drop(view.more.insert(name, value)),
                }
            }
        }
        // What cannot be read is shown as it is: an operator must be able to see damage.
        _ => view.unreadable = Some(entry.body.clone()),
    }
    view
}

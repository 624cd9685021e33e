//! A kitchen ticket, and what may happen to it.
//!
//! Pure: no IO, no clock, nothing of HTTP. A refusal is a value. A ticket that was cancelled stays
//! so for ever, also where it was cancelled before it came: that is what keeps a command that was
//! overtaken by its undo from being cooked.

use contracts::{Detail, EventType, Line, OrderId, Record, SagaId, StoreId, Timestamp};
use mutants::mutant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a ticket has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CookTicketState")]
pub enum State {
    /// Waits for a cook.
    Queued,
    /// A cook has started: it goes forward only.
    Cooking,
    /// The food is ready.
    Finished,
    /// The kitchen said no.
    Declined,
    /// Called off before cooking started.
    Cancelled,
}

impl State {
    /// Every state that there is.
    pub const ALL: [Self; 5] =
        [Self::Queued, Self::Cooking, Self::Finished, Self::Declined, Self::Cancelled];

    /// The word for it: `queued`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Cooking => "cooking",
            Self::Finished => "finished",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A kitchen ticket; its id is the order's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The order.
    pub order_id: OrderId,
    /// Whose kitchen; none where the ticket was cancelled before it came.
    pub store_id: Option<StoreId>,
    /// What to cook.
    pub items: Vec<Line>,
    /// How far it has come.
    pub state: State,
    /// Why it was declined, in the cook's words.
    pub reason: Option<String>,
    /// The saga that asked, for tracing its answers.
    pub saga: Option<SagaId>,
    /// What has happened, as it is told.
    pub record: Record,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a ticket is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// `prepare-food`: put the ticket before the cook.
    Prepare {
        /// Whose kitchen.
        store_id: StoreId,
        /// What to cook.
        items: Vec<Line>,
    },
    /// `cancel-cooking`: call it off, if cooking has not started.
    Cancel,
    /// A cook starts.
    Start,
    /// A cook has finished.
    Finish,
    /// A cook declines, before start.
    Decline {
        /// Why.
        reason: String,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A new version of the ticket. Where it has `news`, its latest milestone is to be told.
    Changed {
        /// The ticket as it is now.
        ticket: Box<Ticket>,
        /// Whether something has happened that others should know.
        news: bool,
    },
    /// Nothing changes. A request is answered with the ticket as it is; a command is answered with
    /// the latest fact, or not at all where none has happened: a person's decision is pending.
    Unchanged,
    /// A person asked for what cannot be.
    Refused(Refusal),
}

/// Why a person's request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no ticket for that order.
    NoTicket,
    /// Finished before started.
    NotStarted,
    /// Declined after started.
    AlreadyStarted,
    /// Declined before, for another reason.
    AlreadyDeclined,
    /// The kitchen has said no.
    CookingDeclined,
    /// The order was called off.
    CookingCancelled,
}

/// Decides what an ask does to a ticket. `auto` takes the cook's decisions at once.
pub fn decide(
    ticket: Option<&Ticket>,
    order_id: &OrderId,
    saga: Option<SagaId>,
    ask: &Ask,
    auto: bool,
    now: Timestamp,
) -> Outcome {
    let Some(ticket) = ticket else { return arrive(order_id, saga, ask, auto, now) };
    match (ask, ticket.state) {
        (Ask::Prepare { .. }, State::Cancelled) if mutant!("cook-cooks-what-was-undone") => {
            let mut again = Ticket { state: State::Queued, ..ticket.clone() };
            again.record.touch();
            Outcome::Changed { ticket: Box::new(again), news: false }
        }
        (Ask::Cancel, State::Cooking) if mutant!("cook-cancels-what-cooks") => {
            ticket.now(State::Cancelled, EventType::CookingCancelled, now)
        }
        // Repeats, and a command that comes after its undo or its refusal: as things stand.
        (Ask::Prepare { .. }, _)
        | (Ask::Cancel, State::Cooking | State::Finished | State::Cancelled)
        | (Ask::Start, State::Cooking | State::Finished)
        | (Ask::Finish, State::Finished) => Outcome::Unchanged,
        // What the kitchen had refused is undone all the same: an undo is always answered undone.
        (Ask::Cancel, State::Queued | State::Declined) => {
            ticket.now(State::Cancelled, EventType::CookingCancelled, now)
        }
        (Ask::Start, State::Queued) => ticket.now(State::Cooking, EventType::CookStarted, now),
        (Ask::Finish, State::Cooking) => ticket.now(State::Finished, EventType::CookFinished, now),
        (Ask::Decline { reason }, State::Queued) => {
            let declined = Ticket { reason: Some(reason.clone()), ..ticket.clone() };
            declined.now(State::Declined, EventType::CookingDeclined, now)
        }
        (Ask::Decline { reason }, State::Declined) if ticket.reason.as_ref() == Some(reason) => {
            Outcome::Unchanged
        }
        (Ask::Decline { .. }, State::Declined) => Outcome::Refused(Refusal::AlreadyDeclined),
        (Ask::Decline { .. }, State::Cooking | State::Finished) => {
            Outcome::Refused(Refusal::AlreadyStarted)
        }
        (Ask::Finish, State::Queued) => Outcome::Refused(Refusal::NotStarted),
        (Ask::Start | Ask::Finish, State::Declined) => Outcome::Refused(Refusal::CookingDeclined),
        (Ask::Start | Ask::Finish | Ask::Decline { .. }, State::Cancelled) => {
            Outcome::Refused(Refusal::CookingCancelled)
        }
    }
}

/// The first thing that is heard of an order.
fn arrive(
    order_id: &OrderId,
    saga: Option<SagaId>,
    ask: &Ask,
    auto: bool,
    now: Timestamp,
) -> Outcome {
    let blank = Ticket {
        order_id: order_id.clone(),
        store_id: None,
        items: Vec::new(),
        state: State::Queued,
        reason: None,
        saga,
        record: Record::default(),
        updated_at: now,
    };
    match ask {
        Ask::Prepare { store_id, items } => {
            let mut ticket =
                Ticket { store_id: Some(store_id.clone()), items: items.clone(), ..blank };
            if auto {
                ticket.state = State::Finished;
                let news = [EventType::CookStarted, EventType::CookFinished];
                ticket.record.add_all(now, news.map(|kind| (kind, Detail::default())));
            } else {
                ticket.record.touch();
            }
            Outcome::Changed { ticket: Box::new(ticket), news: auto }
        }
        Ask::Cancel if mutant!("cook-leaves-no-tombstone") => Outcome::Unchanged,
        // The undo has overtaken its command: it leaves a tombstone.
        Ask::Cancel => blank.now(State::Cancelled, EventType::CookingCancelled, now),
        Ask::Start | Ask::Finish | Ask::Decline { .. } => Outcome::Refused(Refusal::NoTicket),
    }
}

impl Ticket {
    /// The ticket after a milestone that brings it into a state.
    fn now(&self, state: State, milestone: EventType, at: Timestamp) -> Outcome {
        let mut ticket = Self { state, updated_at: at, ..self.clone() };
        // The reason belongs to the refusal alone; a later undo has none of its own.
        let reason = if state == State::Declined { self.reason.clone() } else { None };
        ticket.record.add(milestone, at, Detail { reason, ..Detail::default() });
        Outcome::Changed { ticket: Box::new(ticket), news: true }
    }
}

//! A ticket: an order before a store's owner, and what each command makes of it.
//!
//! An accepted ticket holds its pieces until it is settled, cancelled or restocked, each of which
//! moves them once. Once undone it stays undone, and whatever arrives later is answered so.

use std::collections::BTreeMap;

use contracts::{
    Detail, EventType, Line, MenuId, Money, OrderId, Record, SagaId, StoreId, Timestamp,
    command::RequestAcceptance,
};
use mutants::mutant;
use runtime::participant::{ANSWER_PENDING, HEARD_BEFORE, UNKNOWN_ORDER};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MenuItem, Movement, Revision};

/// The reason of a rejection for which the owner gave none.
pub const STORE_REJECTED: &str = "store_rejected";
/// The reason of a rejection for want of stock.
pub const OUT_OF_STOCK: &str = "out_of_stock";

/// A ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The order.
    pub order_id: OrderId,
    /// The saga that first asked; facts that an owner brings about belong to it.
    pub saga: Option<SagaId>,
    /// How things stand.
    pub state: State,
    /// What was asked, as it was changed since; none where an undo came first.
    pub asked: Option<Asked>,
    /// The last change of the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// What the owner answered.
    pub answer: Option<Answer>,
    /// Sequence and milestones.
    pub record: Record,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// How a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "StoreTicketState")]
pub enum State {
    /// It waits for the owner.
    Pending,
    /// The owner said yes; its pieces are reserved.
    Accepted,
    /// The owner said no.
    Rejected,
    /// Undone: nothing is reserved for it, nor ever will be.
    Cancelled,
    /// Its pieces are sold.
    Settled,
    /// The order came back: its pieces are on hand again.
    Restocked,
}

/// What was asked of the owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Of which store.
    pub store_id: StoreId,
    /// What is ordered.
    pub items: Vec<Line>,
    /// What it costs in all.
    pub total: Money,
    /// When.
    pub at: Timestamp,
}

/// What the owner answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Yes or no.
    pub accepted: bool,
    /// In the owner's words; a rejection without any has [`STORE_REJECTED`].
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What an input came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The ticket changed, with the items whose pieces moved; the latest milestone is news.
    News(Box<Ticket>, Vec<MenuItem>),
    /// The ticket changed, and there is nothing to tell yet.
    Quiet(Box<Ticket>),
    /// It did not change: the latest fact is told again.
    Repeat,
    /// It did not change and there is nothing to tell; counted under that name.
    Nothing(&'static str),
}

/// Why an owner's answer is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such ticket.
    Unknown,
    /// It was accepted before.
    AlreadyAccepted,
    /// It was rejected before.
    AlreadyRejected,
    /// It was undone before the owner answered, or since.
    Cancelled,
    /// It cannot be accepted now.
    OutOfStock(Shortage),
}

/// An item of which there are not enough pieces, or that is not on the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// Which item.
    pub menu_id: MenuId,
    /// How many pieces are wanted.
    pub wanted: u64,
}

/// The store's items, as far as the ticket at hand names them.
pub type Shelf<'a> = dyn Fn(&StoreId, &MenuId) -> Option<&'a MenuItem> + 'a;

/// `request-acceptance`. `auto` answers in the owner's place.
pub fn request(
    current: Option<&Ticket>,
    command: &RequestAcceptance,
    auto: bool,
    shelf: &Shelf<'_>,
    now: Timestamp,
) -> Outcome {
    let ticket = match current {
        None => Ticket {
            asked: Some(Asked {
                store_id: command.store_id.clone(),
                items: command.items.clone(),
                total: command.total,
                at: now,
            }),
            ..Ticket::new(command.order_id.clone(), State::Pending, now)
        },
        Some(ticket)
            if ticket.state == State::Cancelled && mutant!("store-asks-for-what-was-undone") =>
        {
            Ticket { state: State::Pending, ..ticket.clone() }
        }
        Some(ticket) if ticket.state == State::Pending && auto => ticket.clone(),
        Some(ticket) => return ticket.tell_again(),
    };
    if auto {
        return match ticket.moved(Movement::Reserve, shelf, now) {
            Ok(moved) => ticket.accepted(None, moved, now),
            Err(_) => ticket.rejected(OUT_OF_STOCK.to_owned(), now),
        };
    }
    let mut ticket = ticket;
    ticket.record.touch();
    Outcome::Quiet(Box::new(ticket))
}

/// The owner's answer. The same answer again changes nothing, whatever its words; another one is
/// refused.
pub fn answer(
    current: Option<&Ticket>,
    accepted: bool,
    reason: Option<&str>,
    shelf: &Shelf<'_>,
    now: Timestamp,
) -> Result<Outcome, Refusal> {
    let ticket = current.ok_or(Refusal::Unknown)?;
    match (ticket.state, &ticket.answer) {
        (State::Pending, _) if accepted => {
            let moved = ticket.moved(Movement::Reserve, shelf, now).map_err(Refusal::OutOfStock)?;
            Ok(ticket.clone().accepted(reason.map(str::to_owned), moved, now))
        }
        (State::Pending, _) => {
            Ok(ticket.clone().rejected(reason.unwrap_or(STORE_REJECTED).to_owned(), now))
        }
        (State::Cancelled, _) | (_, None) => Err(Refusal::Cancelled),
        (_, Some(before)) if before.accepted == accepted => Ok(Outcome::Nothing(HEARD_BEFORE)),
        (_, Some(before)) if before.accepted => Err(Refusal::AlreadyAccepted),
        (_, Some(_)) => Err(Refusal::AlreadyRejected),
    }
}

/// `cancel-ticket`: the undo of an acceptance; gives its pieces back. What is sold or restocked
/// stays so.
///
/// # Errors
/// [`Shortage`] where the stock does not hold what the ticket reserved: stored data is damaged.
pub fn cancel(
    current: Option<&Ticket>,
    order_id: &OrderId,
    shelf: &Shelf<'_>,
    now: Timestamp,
) -> Result<Outcome, Shortage> {
    let (state, kind) = (State::Cancelled, EventType::TicketCancelled);
    let Some(ticket) = current else {
        return Ok(Ticket::tombstone(order_id, state, kind, now));
    };
    match ticket.state {
        State::Accepted if mutant!("store-forgets-what-it-reserved") => {
            Ok(ticket.clone().ended(state, kind, now))
        }
        State::Pending | State::Rejected => Ok(ticket.clone().ended(state, kind, now)),
        State::Accepted => ticket.move_and_end(Movement::Release, state, kind, shelf, now),
        State::Cancelled | State::Settled | State::Restocked => Ok(Outcome::Repeat),
    }
}

/// `settle-stock`: what is reserved is sold.
///
/// # Errors
/// As [`cancel`].
pub fn settle(
    current: Option<&Ticket>,
    shelf: &Shelf<'_>,
    now: Timestamp,
) -> Result<Outcome, Shortage> {
    let Some(ticket) = current else { return Ok(Outcome::Nothing(UNKNOWN_ORDER)) };
    match ticket.state {
        State::Accepted => {
            let (state, kind) = (State::Settled, EventType::StockSettled);
            let sell = Movement::Sell;
            let movement =
                if mutant!("store-settles-to-the-shelf") { Movement::Release } else { sell };
            ticket.move_and_end(movement, state, kind, shelf, now)
        }
        _ => Ok(ticket.tell_again()),
    }
}

/// `restock`: what is reserved is on hand again; always answered restocked, but for what is sold.
///
/// # Errors
/// As [`cancel`].
pub fn restock(
    current: Option<&Ticket>,
    order_id: &OrderId,
    shelf: &Shelf<'_>,
    now: Timestamp,
) -> Result<Outcome, Shortage> {
    let (state, kind) = (State::Restocked, EventType::StockRestocked);
    let Some(ticket) = current else {
        return Ok(Ticket::tombstone(order_id, state, kind, now));
    };
    match ticket.state {
        State::Accepted => {
            let release = Movement::Release;
            let movement =
                if mutant!("store-sells-what-came-back") { Movement::Sell } else { release };
            ticket.move_and_end(movement, state, kind, shelf, now)
        }
        State::Pending | State::Rejected | State::Cancelled => {
            Ok(ticket.clone().ended(state, kind, now))
        }
        State::Settled | State::Restocked => Ok(Outcome::Repeat),
    }
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Accepted,
        Self::Rejected,
        Self::Cancelled,
        Self::Settled,
        Self::Restocked,
    ];

    /// The word for it, as people search and as facts say.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Settled => "settled",
            Self::Restocked => "restocked",
        }
    }
}

impl Ticket {
    fn new(order_id: OrderId, state: State, now: Timestamp) -> Self {
        let record = Record::default();
        Self {
            order_id,
            saga: None,
            state,
            asked: None,
            revision: None,
            answer: None,
            record,
            updated_at: now,
        }
    }

    fn tombstone(order_id: &OrderId, state: State, kind: EventType, now: Timestamp) -> Outcome {
        Self::new(order_id.clone(), state, now).ended(state, kind, now)
    }

    /// Whose ticket it is; none where an undo came first.
    pub fn store_id(&self) -> Option<&StoreId> {
        self.asked.as_ref().map(|asked| &asked.store_id)
    }

    /// Whether the owner still has to answer, or pieces are reserved.
    pub const fn is_active(&self) -> bool {
        matches!(self.state, State::Pending | State::Accepted)
    }

    /// How many pieces of each item it is about: lines of one item are summed.
    pub fn quantities(&self) -> BTreeMap<&MenuId, u64> {
        let lines = self.asked.iter().flat_map(|asked| &asked.items);
        lines.fold(BTreeMap::new(), |mut sums, line| {
            let sum: &mut u64 = sums.entry(&line.menu_id).or_default();
            *sum = sum.saturating_add(u64::from(line.quantity));
            sums
        })
    }

    fn moved(
        &self,
        movement: Movement,
        shelf: &Shelf<'_>,
        now: Timestamp,
    ) -> Result<Vec<MenuItem>, Shortage> {
        let Some(store_id) = self.store_id() else { return Ok(Vec::new()) };
        self.quantities()
            .into_iter()
            .map(|(menu_id, wanted)| {
                shelf(store_id, menu_id)
                    .and_then(|item| item.moved(movement, wanted, now))
                    .ok_or_else(|| Shortage { menu_id: menu_id.clone(), wanted })
            })
            .collect()
    }

    fn tell_again(&self) -> Outcome {
        match self.record.latest() {
            Some(_) => Outcome::Repeat,
            None => Outcome::Nothing(ANSWER_PENDING),
        }
    }

    fn accepted(mut self, reason: Option<String>, moved: Vec<MenuItem>, now: Timestamp) -> Outcome {
        self.answer = Some(Answer { accepted: true, reason: reason.clone(), at: now });
        let detail = Detail { reason, ..Detail::default() };
        self.happened(State::Accepted, EventType::OrderAccepted, detail, moved, now)
    }

    fn rejected(mut self, reason: String, now: Timestamp) -> Outcome {
        self.answer = Some(Answer { accepted: false, reason: Some(reason.clone()), at: now });
        let detail = Detail { reason: Some(reason), ..Detail::default() };
        self.happened(State::Rejected, EventType::OrderRejected, detail, Vec::new(), now)
    }

    fn ended(self, state: State, kind: EventType, now: Timestamp) -> Outcome {
        self.happened(state, kind, Detail::default(), Vec::new(), now)
    }

    fn move_and_end(
        &self,
        movement: Movement,
        state: State,
        kind: EventType,
        shelf: &Shelf<'_>,
        now: Timestamp,
    ) -> Result<Outcome, Shortage> {
        let moved = self.moved(movement, shelf, now)?;
        Ok(self.clone().happened(state, kind, Detail::default(), moved, now))
    }

    pub(super) fn happened(
        mut self,
        state: State,
        kind: EventType,
        detail: Detail,
        moved: Vec<MenuItem>,
        now: Timestamp,
    ) -> Outcome {
        self.state = state;
        self.updated_at = now;
        self.record.add(kind, now, detail);
        Outcome::News(Box::new(self), moved)
    }
}

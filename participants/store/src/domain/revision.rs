//! A changed order, and what each command about that makes of its ticket. Pure.
//!
//! A ticket is changed as long as its owner has not answered it, and never afterwards: at this row a
//! change meets an answer and an undo, and whichever comes first wins. Nothing is reserved before the
//! answer, so no pieces move here. Changes are numbered; each is decided once, so that a command
//! which comes late, or again, from a change that is over is answered and changes nothing.

use contracts::{Detail, EventType, Timestamp, command::ReviseTicket};
use runtime::participant::UNKNOWN_ORDER;
use serde::{Deserialize, Serialize};

use super::{
    Ticket,
    ticket::{Asked, Outcome, State},
};

/// The last change that a command has named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Which one, counted from 1.
    pub number: u32,
    /// What was decided about it.
    pub state: RevisionState,
}

/// What was decided about a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevisionState {
    /// The ticket is about what was asked for.
    Revised,
    /// It had been answered, or was void.
    Refused,
    /// It was revoked before it was asked for, and will never be made.
    Kept,
}

/// `revise-ticket`. One that comes before its ticket is not answered: the ticket comes as well, and the
/// command again.
pub fn revise(current: Option<&Ticket>, command: &ReviseTicket, now: Timestamp) -> Outcome {
    let Some(ticket) = current else { return Outcome::Nothing(UNKNOWN_ORDER) };
    if !ticket.is_news(command.revision) {
        return Outcome::Repeat;
    }
    let mut ticket = ticket.clone();
    match (ticket.state, ticket.asked.as_mut()) {
        (State::Pending, Some(asked)) => {
            let Asked { items, total, .. } = asked;
            items.clone_from(&command.items);
            *total = command.total;
            let decided = (RevisionState::Revised, EventType::TicketRevised);
            ticket.decided(command.revision, decided, None, now)
        }
        (state, _) => {
            let reason = match state {
                State::Accepted | State::Settled | State::Restocked => "already_accepted",
                State::Rejected => "already_rejected",
                State::Cancelled | State::Pending => "ticket_cancelled",
            };
            let decided = (RevisionState::Refused, EventType::TicketRevisionRefused);
            ticket.decided(command.revision, decided, Some(reason), now)
        }
    }
}

/// `keep-ticket`: the undo of `revise-ticket`. What is changed stays so, and is said again.
pub fn keep(current: Option<&Ticket>, number: u32, now: Timestamp) -> Outcome {
    let Some(ticket) = current else { return Outcome::Nothing(UNKNOWN_ORDER) };
    if !ticket.is_news(number) {
        return Outcome::Repeat;
    }
    ticket.clone().decided(number, (RevisionState::Kept, EventType::TicketKept), None, now)
}

impl Ticket {
    /// Whether no command has named that change, nor a later one.
    fn is_news(&self, number: u32) -> bool {
        self.revision.is_none_or(|last| last.number < number)
    }

    fn decided(
        mut self,
        number: u32,
        (state, kind): (RevisionState, EventType),
        reason: Option<&str>,
        now: Timestamp,
    ) -> Outcome {
        self.revision = Some(Revision { number, state });
        let detail = Detail { reason: reason.map(str::to_owned), ..Detail::default() };
        let stands = self.state;
        self.happened(stands, kind, detail, Vec::new(), now)
    }
}

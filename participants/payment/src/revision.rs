//! A changed order costs another sum, and what each command about that makes of its payment. Pure,
//! like the rest of the domain.
//!
//! As long as a change is not sure, the larger of the two sums is held: a smaller hold that had to
//! grow again could be declined. Changes are numbered. Of each number there is at most one milestone
//! that decides it and one that undoes it, so that a command which comes late, or again, from a
//! change that is over is answered and changes nothing.

use contracts::{Detail, EventType, Money, Timestamp, command::RevisePayment};
use runtime::participant::{ANSWER_PENDING, UNKNOWN_ORDER};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    OrderPayment,
    domain::{Awaited, Outcome, State},
    gateway::{Answer, Verdict},
};

/// The last change that a command has named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PaymentRevision")]
pub struct Revision {
    /// Which one, counted from 1.
    pub number: u32,
    /// How it stands.
    pub state: RevisionState,
    /// What was held before; none where nothing was.
    pub from: Option<Money>,
    /// What the order costs with it; none where it was undone before it was asked for.
    pub to: Option<Money>,
}

/// How a change stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PaymentRevisionState")]
pub enum RevisionState {
    /// The gateway has not answered to the higher sum.
    Pending,
    /// The same, and its answer is to be reversed.
    Restoring,
    /// The larger of the two sums is held.
    Held,
    /// The higher sum is not held, or there is no hold to change.
    Declined,
    /// Undone; also where nothing had been there.
    Restored,
    /// The new sum is held.
    Adjusted,
}

/// `revise-payment`: `answer` is what the gateway says to a higher sum.
pub fn revise(
    current: Option<&OrderPayment>,
    command: &RevisePayment,
    answer: Answer,
    now: Timestamp,
) -> Outcome {
    let Some(payment) = current else { return Outcome::Nothing(UNKNOWN_ORDER) };
    // Another one's outcome is awaited: whoever asks for the next one asks again.
    if !payment.is_news(command.revision) || payment.raise_awaited() {
        return payment.revision_again();
    }
    let (mut payment, to) = (payment.clone(), command.amount);
    let from = payment.held();
    let begun = |state| Revision { number: command.revision, state, from, to: Some(to) };
    payment.revision = Some(begun(RevisionState::Pending));
    let Some(held) = from.filter(|held| held.currency == to.currency) else {
        return payment.raise_declined(now);
    };
    if to.amount <= held.amount {
        return payment.raised(held, now);
    }
    match answer {
        Answer::Now(Verdict::Approved) => payment.raised(to, now),
        Answer::Now(Verdict::Declined) => payment.raise_declined(now),
        Answer::Later(after, verdict) => {
            payment.awaited = Some(Awaited { at: now.plus(after), verdict });
            payment.quietly(now)
        }
    }
}

/// `restore-payment`: the undo of `revise-payment`. What is captured or given back stays so.
pub fn restore(current: Option<&OrderPayment>, number: u32, now: Timestamp) -> Outcome {
    let Some(payment) = current else { return Outcome::Nothing(UNKNOWN_ORDER) };
    let mut payment = payment.clone();
    if payment.is_news(number) {
        if payment.raise_awaited() {
            return payment.revision_again();
        }
        let from = payment.held();
        payment.revision =
            Some(Revision { number, state: RevisionState::Restored, from, to: None });
        return payment.restored(now);
    }
    match payment.revision.as_mut().filter(|it| it.number == number) {
        Some(revision) if revision.state == RevisionState::Pending => {
            revision.state = RevisionState::Restoring;
            payment.quietly(now)
        }
        Some(revision) if revision.state == RevisionState::Held => {
            revision.state = RevisionState::Restored;
            if let Some(from) = revision.from {
                payment.set_hold(from);
            }
            payment.restored(now)
        }
        _ => payment.revision_again(),
    }
}

/// `adjust-payment`: releases what is held beyond the new sum.
pub fn adjust(current: Option<&OrderPayment>, number: u32, now: Timestamp) -> Outcome {
    let Some(payment) = current else { return Outcome::Nothing(UNKNOWN_ORDER) };
    let mut payment = payment.clone();
    if payment.is_news(number) {
        return Outcome::Nothing("nothing-to-adjust");
    }
    match payment.revision.as_mut().filter(|it| it.number == number) {
        Some(revision) if revision.state == RevisionState::Held => {
            revision.state = RevisionState::Adjusted;
            let to = revision.to;
            if let Some(to) = to {
                payment.set_hold(to);
            }
            payment.revision_told(EventType::PaymentAdjusted, to, None, now)
        }
        _ => payment.revision_again(),
    }
}

impl OrderPayment {
    /// Whether no command has named that change, nor a later one.
    fn is_news(&self, number: u32) -> bool {
        self.revision.is_none_or(|last| last.number < number)
    }

    /// Whether the gateway's answer to a higher sum is still to come.
    pub(crate) fn raise_awaited(&self) -> bool {
        let state = self.revision.map(|revision| revision.state);
        matches!(state, Some(RevisionState::Pending | RevisionState::Restoring))
    }

    /// How much is held now, if anything is.
    fn held(&self) -> Option<Money> {
        let authorization = self.authorization.as_ref()?;
        (self.state == State::Authorized).then_some(authorization.amount)
    }

    fn set_hold(&mut self, amount: Money) {
        if self.state == State::Authorized
            && let Some(authorization) = &mut self.authorization
        {
            authorization.amount = amount;
        }
    }

    /// The gateway has answered to a higher sum: it is held only where nobody has asked to undo it,
    /// or to undo or to take everything.
    pub(crate) fn raise_answered(mut self, verdict: Verdict, now: Timestamp) -> Outcome {
        self.awaited = None;
        let restoring = self.revision.is_some_and(|it| it.state == RevisionState::Restoring);
        match (self.state, verdict) {
            (State::Authorized, Verdict::Approved) if restoring => {
                self.set_revision(RevisionState::Restored);
                self.restored(now)
            }
            (State::Authorized, Verdict::Approved) => {
                let to = self.revision.and_then(|revision| revision.to).or_else(|| self.held());
                match to {
                    Some(to) => self.raised(to, now),
                    None => self.raise_declined(now),
                }
            }
            (State::Voiding | State::Refunding, _) => {
                self.set_revision(RevisionState::Declined);
                let amount = self.revision.and_then(|revision| revision.to);
                let detail = Detail { amount, reason: Some(declined()), ..Detail::default() };
                self.undone_together((EventType::PaymentRevisionDeclined, detail), now)
            }
            _ => self.raise_declined(now),
        }
    }

    fn set_revision(&mut self, state: RevisionState) {
        if let Some(revision) = &mut self.revision {
            revision.state = state;
        }
    }

    fn raised(mut self, hold: Money, now: Timestamp) -> Outcome {
        self.set_revision(RevisionState::Held);
        self.set_hold(hold);
        let to = self.revision.and_then(|revision| revision.to);
        self.revision_told(EventType::PaymentRevised, to, None, now)
    }

    fn raise_declined(mut self, now: Timestamp) -> Outcome {
        self.set_revision(RevisionState::Declined);
        let to = self.revision.and_then(|revision| revision.to);
        self.revision_told(EventType::PaymentRevisionDeclined, to, Some(declined()), now)
    }

    fn restored(self, now: Timestamp) -> Outcome {
        let from = self.revision.and_then(|revision| revision.from);
        self.revision_told(EventType::PaymentRestored, from, None, now)
    }

    fn revision_told(
        self,
        kind: EventType,
        amount: Option<Money>,
        reason: Option<String>,
        now: Timestamp,
    ) -> Outcome {
        let state = self.state;
        self.happened(state, kind, Detail { amount, reason, ..Detail::default() }, now)
    }

    fn revision_again(&self) -> Outcome {
        if self.raise_awaited() { Outcome::Nothing(ANSWER_PENDING) } else { self.tell_again() }
    }
}

fn declined() -> String {
    "payment_declined".to_owned()
}

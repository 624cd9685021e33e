//! The payment of one order, and what each command makes of it. Pure: time is an argument, a
//! refusal is a value, and there is no other way to change an [`OrderPayment`] than through here.
//!
//! What must hold whatever arrives, in whatever order and however often: at most one
//! authorization, one capture, one void and one refund; never a capture after an undo; once
//! undone, everything that arrives later is answered with the undone fact.

use contracts::{
    Detail, EventType, Money, OrderId, Record, SagaId, Timestamp, command::AuthorizePayment,
};
use mutants::mutant;
use runtime::participant::{ANSWER_PENDING, EARLY_TIMER, STALE_TIMER, UNKNOWN_ORDER};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    gateway::{Answer, Verdict},
    revision::Revision,
};

pub use crate::money::{
    Authorization, AuthorizationState, Awaited, Capture, CaptureState, Refund, RefundState,
};

/// What is known and held for one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPayment {
    /// The order.
    pub order_id: OrderId,
    /// The saga that first asked; facts that a timer brings about belong to it.
    pub saga: Option<SagaId>,
    /// How things stand.
    pub state: State,
    /// The hold, once asked for. The token is not kept.
    pub authorization: Option<Authorization>,
    /// The money taken.
    pub capture: Option<Capture>,
    /// What was given back.
    pub refund: Option<Refund>,
    /// The gateway's answer that is still to come.
    pub awaited: Option<Awaited>,
    /// The last change of the order's sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// Sequence and milestones.
    pub record: Record,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// How the payment of an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PaymentState")]
pub enum State {
    /// The gateway has not answered.
    Pending,
    /// The gateway has not answered, and its answer is to be reversed: a void waits for it.
    Voiding,
    /// The same, and a refund waits for it.
    Refunding,
    /// The amount is held.
    Authorized,
    /// The gateway said no.
    Declined,
    /// Undone before capture; also where nothing had been there.
    Voided,
    /// The money is taken.
    Captured,
    /// Whatever was there is given back.
    Refunded,
}

impl State {
    /// The word for it, as people search and as facts say.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Voiding => "voiding",
            Self::Refunding => "refunding",
            Self::Authorized => "authorized",
            Self::Declined => "declined",
            Self::Voided => "voided",
            Self::Captured => "captured",
            Self::Refunded => "refunded",
        }
    }
}

/// What an input came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It changed, and the latest milestone is news.
    News(Box<OrderPayment>),
    /// It changed, and there is nothing to tell yet.
    Quiet(Box<OrderPayment>),
    /// It did not change: the latest fact is told again.
    Repeat,
    /// It did not change and there is nothing to tell; counted under that name.
    Nothing(&'static str),
}

/// `authorize-payment`: `answer` is what the gateway says to it, and is used the first time only.
pub fn authorize(
    current: Option<&OrderPayment>,
    command: &AuthorizePayment,
    answer: Answer,
    now: Timestamp,
) -> Outcome {
    if let Some(payment) = current {
        return payment.tell_again();
    }
    let mut payment = OrderPayment::new(command.order_id.clone(), State::Pending, now);
    payment.authorization = Some(Authorization {
        state: AuthorizationState::Pending,
        customer_id: command.customer_id.clone(),
        amount: command.amount,
        requested_at: now,
        answered_at: None,
    });
    match answer {
        Answer::Now(verdict) => payment.answered(verdict, now),
        Answer::Later(after, verdict) => {
            payment.awaited = Some(Awaited { at: now.plus(after), verdict });
            payment.record.touch();
            Outcome::Quiet(Box::new(payment))
        }
    }
}

/// `void-payment`: the undo of an authorization. After a capture it changes nothing: what was
/// taken is given back by a refund only.
pub fn void(current: Option<&OrderPayment>, order_id: &OrderId, now: Timestamp) -> Outcome {
    let Some(payment) = current else {
        if mutant!("payment-leaves-no-tombstone") {
            return Outcome::Nothing(UNKNOWN_ORDER);
        }
        return OrderPayment::new(order_id.clone(), State::Voided, now).voided(now);
    };
    match payment.state {
        State::Pending if mutant!("payment-voids-before-the-gateway-answers") => {
            payment.clone().voided(now)
        }
        State::Pending => payment.clone().reverse_later(State::Voiding, now),
        State::Authorized if payment.raise_awaited() => {
            payment.clone().reverse_later(State::Voiding, now)
        }
        State::Voiding | State::Refunding => Outcome::Nothing(ANSWER_PENDING),
        State::Authorized | State::Declined => payment.clone().voided(now),
        State::Voided | State::Captured | State::Refunded => Outcome::Repeat,
    }
}

/// `capture-payment`: takes so much of what is held, or all of it, once. The rest is released.
pub fn capture(current: Option<&OrderPayment>, amount: Option<Money>, now: Timestamp) -> Outcome {
    match current {
        None => Outcome::Nothing(UNKNOWN_ORDER),
        Some(payment)
            if payment.state == State::Authorized
                || payment.state == State::Captured && mutant!("payment-captures-twice")
                || payment.state == State::Voided
                    && mutant!("payment-captures-what-was-voided") =>
        {
            payment.clone().captured(amount, now)
        }
        Some(payment) => payment.tell_again(),
    }
}

/// `refund-payment`: undoes whatever is there, and is always answered refunded.
pub fn refund(current: Option<&OrderPayment>, order_id: &OrderId, now: Timestamp) -> Outcome {
    let Some(payment) = current else {
        return OrderPayment::new(order_id.clone(), State::Refunded, now).refunded(now);
    };
    match payment.state {
        State::Pending => payment.clone().reverse_later(State::Refunding, now),
        State::Authorized if payment.raise_awaited() => {
            payment.clone().reverse_later(State::Refunding, now)
        }
        // A void that waits is answered first; the refund, sent again, finds it voided.
        State::Voiding | State::Refunding => Outcome::Nothing(ANSWER_PENDING),
        State::Authorized | State::Declined | State::Voided | State::Captured => {
            payment.clone().refunded(now)
        }
        State::Refunded => Outcome::Repeat,
    }
}

/// The gateway's answer is due (or the timer is stale).
pub fn wake(current: Option<&OrderPayment>, now: Timestamp) -> Outcome {
    let Some((payment, awaited)) = current.and_then(|it| it.awaited.map(|awaited| (it, awaited)))
    else {
        return Outcome::Nothing(STALE_TIMER);
    };
    if now < awaited.at {
        return Outcome::Nothing(EARLY_TIMER);
    }
    let payment = payment.clone();
    if payment.raise_awaited() {
        payment.raise_answered(awaited.verdict, now)
    } else {
        payment.answered(awaited.verdict, now)
    }
}

impl OrderPayment {
    fn new(order_id: OrderId, state: State, now: Timestamp) -> Self {
        Self {
            order_id,
            saga: None,
            state,
            authorization: None,
            capture: None,
            refund: None,
            awaited: None,
            revision: None,
            record: Record::default(),
            updated_at: now,
        }
    }

    /// Whether the customer's money is held, taken, or may come to be held.
    pub const fn is_active(&self) -> bool {
        match self.state {
            State::Pending
            | State::Voiding
            | State::Refunding
            | State::Authorized
            | State::Captured => true,
            State::Declined | State::Voided | State::Refunded => false,
        }
    }

    pub(crate) fn tell_again(&self) -> Outcome {
        match self.record.latest() {
            Some(_) => Outcome::Repeat,
            None => Outcome::Nothing(ANSWER_PENDING),
        }
    }

    fn reverse_later(mut self, state: State, now: Timestamp) -> Outcome {
        self.state = state;
        self.quietly(now)
    }

    pub(crate) fn quietly(mut self, now: Timestamp) -> Outcome {
        self.updated_at = now;
        self.record.touch();
        Outcome::Quiet(Box::new(self))
    }

    /// The gateway has answered: good news stands only where nobody has asked to undo it.
    fn answered(mut self, verdict: Verdict, now: Timestamp) -> Outcome {
        self.awaited = None;
        let mut amount = None;
        if let Some(authorization) = &mut self.authorization {
            amount = Some(authorization.amount);
            authorization.answered_at = Some(now);
            authorization.state = match verdict {
                Verdict::Approved => AuthorizationState::Authorized,
                Verdict::Declined => AuthorizationState::Declined,
            };
        }
        match (self.state, verdict) {
            (State::Voiding, _) => self.voided(now),
            (State::Refunding, _) => self.refunded(now),
            (_, Verdict::Approved) => {
                let detail = Detail { amount, ..Detail::default() };
                self.happened(State::Authorized, EventType::PaymentAuthorized, detail, now)
            }
            (_, Verdict::Declined) => {
                let reason = Some("payment_declined".to_owned());
                let detail = Detail { amount, reason, ..Detail::default() };
                self.happened(State::Declined, EventType::PaymentDeclined, detail, now)
            }
        }
    }

    fn voided(mut self, now: Timestamp) -> Outcome {
        let detail = Detail { amount: self.release_hold(), ..Detail::default() };
        self.happened(State::Voided, EventType::PaymentVoided, detail, now)
    }

    fn captured(mut self, amount: Option<Money>, now: Timestamp) -> Outcome {
        let Some(authorization) = &mut self.authorization else {
            return Outcome::Nothing("nothing-to-capture");
        };
        authorization.state = AuthorizationState::Captured;
        let held = authorization.amount;
        let covered = |it: &Money| it.currency == held.currency && it.amount <= held.amount;
        let covered = |it: &Money| covered(it) || mutant!("payment-captures-more-than-is-held");
        let amount = amount.filter(covered).unwrap_or(held);
        authorization.amount = amount;
        self.capture = Some(Capture { state: CaptureState::Captured, amount, at: now });
        let detail = Detail { amount: Some(amount), ..Detail::default() };
        self.happened(State::Captured, EventType::PaymentCaptured, detail, now)
    }

    fn refunded(mut self, now: Timestamp) -> Outcome {
        let amount = self.give_back(now);
        let detail = Detail { amount, ..Detail::default() };
        self.happened(State::Refunded, EventType::PaymentRefunded, detail, now)
    }

    /// A void or a refund that waited for the gateway, told together with what became of that.
    pub(crate) fn undone_together(
        mut self,
        before: (EventType, Detail),
        now: Timestamp,
    ) -> Outcome {
        let (state, kind, amount) = if self.state == State::Voiding {
            (State::Voided, EventType::PaymentVoided, self.release_hold())
        } else {
            (State::Refunded, EventType::PaymentRefunded, self.give_back(now))
        };
        self.state = state;
        self.updated_at = now;
        self.record.add_all(now, [before, (kind, Detail { amount, ..Detail::default() })]);
        Outcome::News(Box::new(self))
    }

    fn give_back(&mut self, now: Timestamp) -> Option<Money> {
        let (state, amount) = match &mut self.capture {
            Some(capture) if !mutant!("payment-keeps-what-it-took") => {
                capture.state = CaptureState::Refunded;
                (RefundState::Refunded, Some(capture.amount))
            }
            _ => match self.release_hold() {
                Some(amount) => (RefundState::Released, Some(amount)),
                None => (RefundState::Nothing, None),
            },
        };
        self.refund = Some(Refund { state, amount, at: now });
        amount
    }

    /// Releases the hold, if there is one; how much it was.
    fn release_hold(&mut self) -> Option<Money> {
        let authorization = self.authorization.as_mut()?;
        let held = authorization.state == AuthorizationState::Authorized;
        if !held || mutant!("payment-keeps-the-hold") {
            return None;
        }
        authorization.state = AuthorizationState::Voided;
        Some(authorization.amount)
    }

    pub(crate) fn happened(
        mut self,
        state: State,
        kind: EventType,
        detail: Detail,
        now: Timestamp,
    ) -> Outcome {
        self.state = state;
        self.updated_at = now;
        self.record.add(kind, now, detail);
        Outcome::News(Box::new(self))
    }
}

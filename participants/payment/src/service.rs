//! Payment on the path: inputs to calls of the domain, outcomes to effects.

use std::convert::Infallible;

use contracts::{
    Command, Message, OrderId, SagaId, ServiceName, Timestamp,
    command::{AuthorizePayment, CapturePayment, RevisePayment},
};
use runtime::{
    Cause, Decision, Incoming, Input, Key, Keys, Kind, Outgoing, Service, View,
    participant::{self, answer_again, changed, misrouted},
};

use crate::{
    OrderPayment, Settings,
    aggregates::{PAYMENT, payment_key},
    domain::{self, Outcome},
    gateway, revision,
};

/// The payment service.
#[derive(Clone, Debug, Default)]
pub struct Payment {
    settings: Settings,
}

impl Payment {
    /// With these settings.
    pub const fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn command(
        &self,
        incoming: &Incoming,
        view: &View<'_, OrderPayment>,
        now: Timestamp,
    ) -> Decision<OrderPayment> {
        let Message::Command(command) = &incoming.message else {
            return misrouted(ServiceName::Payment, &incoming.message);
        };
        let order_id = command.order_id();
        let key = payment_key(order_id);
        let current = view.get(&key);
        let outcome = match command {
            Command::AuthorizePayment(AuthorizePayment { amount, .. })
            | Command::RevisePayment(RevisePayment { amount, .. })
            | Command::CapturePayment(CapturePayment { amount: Some(amount), .. })
                if amount.amount < 0 =>
            {
                return Decision::dead_letter(
                    Cause::ImpossibleAmount.because("an amount to hold cannot be negative"),
                );
            }
            Command::AuthorizePayment(asked) => {
                let answer = gateway::ask(&asked.token, self.settings.slow_after);
                domain::authorize(current, asked, answer, now)
            }
            Command::VoidPayment(_) => domain::void(current, order_id, now),
            Command::CapturePayment(asked) => domain::capture(current, asked.amount, now),
            Command::RevisePayment(asked) => {
                let answer = gateway::raise(&asked.token, self.settings.slow_after);
                revision::revise(current, asked, answer, now)
            }
            Command::RestorePayment(asked) => revision::restore(current, asked.revision, now),
            Command::AdjustPayment(asked) => revision::adjust(current, asked.revision, now),
            Command::RefundPayment(_) => domain::refund(current, order_id, now),
            _ => return misrouted(ServiceName::Payment, &incoming.message),
        };
        effects(&key, current, outcome, incoming.saga)
    }
}

impl Service for Payment {
    type State = OrderPayment;
    /// Nobody asks for anything over HTTP: there it is only read.
    type Request = Infallible;

    fn name(&self) -> ServiceName {
        ServiceName::Payment
    }

    fn kinds(&self) -> &'static [Kind] {
        &[PAYMENT]
    }

    fn keys(&self, input: &Input<Infallible>) -> Keys {
        match input {
            Input::Message(incoming) => order_id(incoming)
                .map_or_else(Keys::default, |order_id| Keys::lock(payment_key(order_id))),
            Input::Request(never) => match *never {},
            Input::Wake(key) => Keys::lock(key.clone()),
        }
    }

    fn decide(
        &self,
        input: &Input<Infallible>,
        view: &View<'_, OrderPayment>,
        now: Timestamp,
    ) -> Decision<OrderPayment> {
        match input {
            Input::Message(incoming) => self.command(incoming, view, now),
            Input::Request(never) => match *never {},
            Input::Wake(key) => {
                let current = view.get(key);
                effects(key, current, domain::wake(current, now), None)
            }
        }
    }
}

fn order_id(incoming: &Incoming) -> Option<&OrderId> {
    match &incoming.message {
        Message::Command(command) => Some(command.order_id()),
        Message::Event(_) => None,
    }
}

/// What an outcome means for database and outbox. A fact belongs to the saga that asked, or, where
/// a timer brought it about, to the one that asked first.
fn effects(
    key: &Key,
    current: Option<&OrderPayment>,
    outcome: Outcome,
    asked_by: Option<SagaId>,
) -> Decision<OrderPayment> {
    let (mut after, told) = match outcome {
        Outcome::Nothing(label) => return Decision::ignored(label),
        Outcome::Repeat => {
            return answer_again(current.and_then(|payment| fact(key, payment, asked_by, true)));
        }
        Outcome::News(after) => (*after, true),
        Outcome::Quiet(after) => (*after, false),
    };
    after.saga = after.saga.or(asked_by);
    let message = if told { fact(key, &after, asked_by, false) } else { None };
    changed(key.clone(), after, message)
}

fn fact(
    key: &Key,
    payment: &OrderPayment,
    asked_by: Option<SagaId>,
    repeat: bool,
) -> Option<Outgoing> {
    let stands = (&payment.order_id, payment.state.as_str());
    participant::fact(key, stands, &payment.record, asked_by.or(payment.saga), repeat)
}

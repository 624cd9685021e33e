//! Inputs become asks, and outcomes become decisions. What is decided is in [`crate::domain`].

use contracts::{Command, Message, OrderId, SagaId, ServiceName, Timestamp};
use runtime::{
    Decision, Input, Key, Keys, Kind, Outgoing, Problem, Reply, Service, View,
    participant::{self, STALE_TIMER, answer_again, as_it_stands, changed, misrouted},
};
use serde::{Deserialize, Serialize};

use crate::{
    aggregates::{KINDS, ticket_key},
    domain::{Ask, Outcome, Refusal, Ticket, decide},
    views::TicketView,
};

/// How the service behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Takes the cook's decisions as soon as they are asked for: every ticket is started and
    /// finished at once. For benchmarks.
    pub auto: bool,
}

/// The cook service.
#[derive(Clone, Debug, Default)]
pub struct Cook {
    settings: Settings,
}

/// What cooks ask over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which ticket.
    pub order_id: OrderId,
    /// What: [`Ask::Start`], [`Ask::Finish`] or [`Ask::Decline`].
    pub ask: Ask,
}

impl Cook {
    /// The service with these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Its settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl Service for Cook {
    type State = Ticket;
    type Request = Request;

    fn name(&self) -> ServiceName {
        ServiceName::Cook
    }

    fn kinds(&self) -> &'static [Kind] {
        KINDS
    }

    fn keys(&self, input: &Input<Request>) -> Keys {
        match (input, read(input)) {
            (Input::Wake(key), _) => Keys::lock(key.clone()),
            (_, Ok((order_id, ..))) => Keys::lock(ticket_key(order_id)),
            (_, Err(_)) => Keys::default(),
        }
    }

    fn decide(
        &self,
        input: &Input<Request>,
        view: &View<'_, Ticket>,
        now: Timestamp,
    ) -> Decision<Ticket> {
        let (order_id, saga, ask) = match read(input) {
            Ok(read) => read,
            Err(Nothing::Misrouted(message)) => return misrouted(ServiceName::Cook, message),
            Err(Nothing::Due) => return Decision::ignored(STALE_TIMER),
        };
        let key = ticket_key(order_id);
        let current = view.get(&key);
        match decide(current, order_id, saga, &ask, self.settings.auto, now) {
            Outcome::Changed { ticket, news } => {
                let reply = match input {
                    Input::Request(_) => Reply::json(200, &TicketView::from(&*ticket)),
                    Input::Message(_) | Input::Wake(_) => Reply::None,
                };
                let told = if news { fact(&key, &ticket, false) } else { None };
                Decision { reply, ..changed(key, *ticket, told) }
            }
            Outcome::Unchanged => match (input, current) {
                (Input::Request(_), Some(ticket)) => as_it_stands(&TicketView::from(ticket)),
                (Input::Request(_), None) => Decision::refused(problem(Refusal::NoTicket)),
                (_, current) => answer_again(current.and_then(|it| fact(&key, it, true))),
            },
            Outcome::Refused(refusal) => Decision::refused(problem(refusal)),
        }
    }
}

/// Why an input asks nothing of a ticket.
enum Nothing<'a> {
    /// It is no message for this service.
    Misrouted(&'a Message),
    /// A timer, of which tickets have none.
    Due,
}

/// What an input asks of which ticket.
fn read(input: &Input<Request>) -> Result<(&OrderId, Option<SagaId>, Ask), Nothing<'_>> {
    match input {
        Input::Request(request) => Ok((&request.order_id, None, request.ask.clone())),
        Input::Message(incoming) => match &incoming.message {
            Message::Command(Command::PrepareFood(prepare)) => {
                let (store_id, items) = (prepare.store_id.clone(), prepare.items.clone());
                Ok((&prepare.order_id, incoming.saga, Ask::Prepare { store_id, items }))
            }
            Message::Command(Command::CancelCooking(cancel)) => {
                Ok((&cancel.order_id, incoming.saga, Ask::Cancel))
            }
            other => Err(Nothing::Misrouted(other)),
        },
        Input::Wake(_) => Err(Nothing::Due),
    }
}

/// The ticket's latest fact; `repeat` where it was told before.
fn fact(key: &Key, ticket: &Ticket, repeat: bool) -> Option<Outgoing> {
    let stands = (&ticket.order_id, ticket.state.as_str());
    participant::fact(key, stands, &ticket.record, ticket.saga, repeat)
}

fn problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NoTicket => Problem::not_found("ticket"),
        Refusal::NotStarted => {
            Problem::conflict("not-started", "Cooking has not started, so it cannot be finished.")
        }
        Refusal::AlreadyStarted => {
            Problem::conflict("already-started", "Cooking has started; it goes forward only.")
        }
        Refusal::AlreadyDeclined => Problem::conflict(
            "already-declined",
            "The kitchen has declined this order for another reason.",
        ),
        Refusal::CookingDeclined => {
            Problem::conflict("cooking-declined", "The kitchen has declined this order.")
        }
        Refusal::CookingCancelled => Problem::conflict(
            "cooking-cancelled",
            "The order was called off before cooking started.",
        ),
    }
}

//! Events become messages in the mailboxes of those who are told; what came of sending them comes
//! back as requests. Nothing is sent from here, and nothing is told to other services.

use std::time::Duration;

use contracts::{Event, Message as Heard, OrderId, ServiceName, Timestamp};
use runtime::{
    Decision, Incoming, Input, Key, Keys, Kind, Problem, Service, View,
    participant::{EARLY_TIMER, HEARD_BEFORE, STALE_TIMER, as_it_stands, misrouted},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Settings,
    aggregates::{KINDS, Kept, MESSAGE, mailbox_key, message_id, order_key},
    mailbox::Mailbox,
    message::{Message, Outcome, State},
    order::{Draft, Order},
    recipient::Recipient,
    templates::Language,
    views::RecipientView,
};

/// Counted: a recipient is not to be sent to now, or by somebody else.
const NOT_NOW: &str = "not-now";
/// Counted: what came of sending was told by one whose claim is over.
const CLAIM_LOST: &str = "claim-lost";

/// The notification service.
#[derive(Clone, Debug, Default)]
pub struct Notification {
    settings: Settings,
}

/// What its routes and its sender ask.
#[derive(Clone, Debug)]
pub enum Request {
    /// That recipient is told in that language from now on.
    PutLanguage {
        /// Who.
        recipient: Recipient,
        /// In which.
        language: Language,
    },
    /// The sender wants to send to that recipient; answers [`Next`].
    Claim {
        /// To whom.
        recipient: Recipient,
        /// The claim's identity.
        claim: Uuid,
        /// For how long at most.
        lease: Duration,
    },
    /// What came of sending a message; answers [`Next`]. With a lease the sender wants to go on.
    Settle {
        /// To whom.
        recipient: Recipient,
        /// By which claim.
        claim: Uuid,
        /// Which message.
        message: String,
        /// What came of it.
        outcome: Outcome,
        /// For how long the claim goes on where another message waits.
        lease: Option<Duration>,
    },
}

/// What is to be sent next, if anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// The message's id.
    pub message: Option<String>,
    /// Whether there is one that is not to be sent now, or by somebody else.
    pub held: bool,
    /// What became of the one before; none where nothing was recorded, since the claim is over.
    pub settled: Option<State>,
}

impl Notification {
    /// The service with its settings.
    pub const fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// What it was set to.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The order as it is after the event, and what is to be said; none where it is no news.
    fn take(
        view: &View<'_, Kept>,
        order_id: &OrderId,
        event: &Event,
        sequence: u64,
    ) -> Option<(Order, Vec<Draft>)> {
        let order = view.get(&order_key(order_id)).and_then(Kept::order).cloned();
        let mut order = order.unwrap_or_else(|| Order::unknown(order_id.clone()));
        let drafts = order.take(event, sequence)?;
        Some((order, drafts))
    }

    fn hear(&self, incoming: &Incoming, view: &View<'_, Kept>, now: Timestamp) -> Decision<Kept> {
        let (Heard::Event(event), Some(order_id)) = (&incoming.message, about(incoming)) else {
            return misrouted(ServiceName::Notification, &incoming.message);
        };
        let Some(sequence) = incoming.sequence else {
            return Decision::dead_letter("an event needs a sequence");
        };
        let Some((order, drafts)) = Self::take(view, order_id, event, sequence) else {
            return Decision::ignored(HEARD_BEFORE);
        };
        let mut mailboxes: Vec<(Key, Mailbox)> = Vec::new();
        let mut saves = vec![(order_key(order_id), Kept::Order(Box::new(order)))];
        for draft in &drafts {
            let key = mailbox_key(&draft.recipient);
            let place = mailboxes.iter().position(|(other, _)| *other == key);
            let place = place.unwrap_or_else(|| {
                let mut mailbox = mailbox(view, &draft.recipient);
                mailbox.version += 1;
                mailboxes.push((key, mailbox));
                mailboxes.len() - 1
            });
            let mailbox = &mut mailboxes[place].1;
            let id = message_id(order_id, draft.number);
            let language = mailbox.language.unwrap_or(self.settings.language);
            let message = Message::new(order_id, draft, language, now);
            mailbox.add(id.clone());
            saves.push((Key::new(MESSAGE, id), Kept::Message(Box::new(message))));
        }
        saves.extend(mailboxes.into_iter().map(|(key, mailbox)| (key, Kept::Mailbox(mailbox))));
        Decision { saves, ..Decision::default() }
    }

    fn settle(
        &self,
        view: &View<'_, Kept>,
        settled: (&Recipient, Uuid, &str, &Outcome, Option<Duration>),
        now: Timestamp,
    ) -> Decision<Kept> {
        let (recipient, claim, id, outcome, lease) = settled;
        let mut mailbox = mailbox(view, recipient);
        let key = Key::new(MESSAGE, id);
        let message = view.get(&key).and_then(Kept::message);
        let Some(message) = message.filter(|_| mailbox.is_claimed(claim, id)) else {
            return ignored(CLAIM_LOST, &Next::default());
        };
        let message = message.clone().tried(outcome, self.settings.retry.attempts, now);
        let next = match (message.state, outcome) {
            (State::Pending, Outcome::Again { pause, .. }) => {
                mailbox.give_back(Some(*pause), now);
                None
            }
            _ => mailbox.next(lease, now),
        };
        mailbox.version += 1;
        let next = Next { message: next, held: false, settled: Some(message.state) };
        Decision {
            saves: vec![
                (mailbox_key(recipient), Kept::Mailbox(mailbox)),
                (key, Kept::Message(Box::new(message))),
            ],
            ..Decision::answered(200, &next)
        }
    }

    fn ask(&self, request: &Request, view: &View<'_, Kept>, now: Timestamp) -> Decision<Kept> {
        match request {
            Request::PutLanguage { recipient, language } => {
                let mut mailbox = mailbox(view, recipient);
                let shown = RecipientView::new(recipient, *language);
                if mailbox.language == Some(*language) {
                    return as_it_stands(&shown);
                }
                mailbox.language = Some(*language);
                saved(mailbox, Decision::answered(200, &shown))
            }
            Request::Claim { recipient, claim, lease } => {
                let mut mailbox = mailbox(view, recipient);
                match mailbox.claim(*claim, *lease, now) {
                    None => {
                        let held = mailbox.waiting() > 0;
                        ignored(NOT_NOW, &Next { held, ..Next::default() })
                    }
                    message => {
                        let next = Next { message, ..Next::default() };
                        saved(mailbox, Decision::answered(200, &next))
                    }
                }
            }
            Request::Settle { recipient, claim, message, outcome, lease } => {
                self.settle(view, (recipient, *claim, message, outcome, *lease), now)
            }
        }
    }
}

impl Service for Notification {
    type State = Kept;
    type Request = Request;

    fn name(&self) -> ServiceName {
        ServiceName::Notification
    }

    fn kinds(&self) -> &'static [Kind] {
        KINDS
    }

    fn keys(&self, input: &Input<Request>) -> Keys {
        match input {
            Input::Message(incoming) => {
                about(incoming).map_or_else(Keys::default, |order| Keys::lock(order_key(order)))
            }
            Input::Wake(key) => Keys::lock(key.clone()),
            Input::Request(
                Request::PutLanguage { recipient, .. } | Request::Claim { recipient, .. },
            ) => Keys::lock(mailbox_key(recipient)),
            Input::Request(Request::Settle { recipient, message, .. }) => Keys {
                lock: vec![mailbox_key(recipient), Key::new(MESSAGE, message)],
                look: Vec::new(),
            },
        }
    }

    /// Those who are told, and the messages that are led to.
    fn more_keys(&self, input: &Input<Request>, view: &View<'_, Kept>) -> Keys {
        let Input::Message(incoming) = input else { return Keys::default() };
        let (Heard::Event(event), Some(order_id), Some(sequence)) =
            (&incoming.message, about(incoming), incoming.sequence)
        else {
            return Keys::default();
        };
        let drafts = Self::take(view, order_id, event, sequence).map(|(_, drafts)| drafts);
        let mut lock = Vec::new();
        for draft in drafts.unwrap_or_default() {
            let key = mailbox_key(&draft.recipient);
            if !lock.contains(&key) {
                lock.push(key);
            }
            lock.push(Key::new(MESSAGE, message_id(order_id, draft.number)));
        }
        Keys { lock, look: Vec::new() }
    }

    fn decide(
        &self,
        input: &Input<Request>,
        view: &View<'_, Kept>,
        now: Timestamp,
    ) -> Decision<Kept> {
        match input {
            Input::Message(incoming) => self.hear(incoming, view, now),
            Input::Request(request) => self.ask(request, view, now),
            Input::Wake(key) => {
                let Some(mailbox) = view.get(key).and_then(Kept::mailbox) else {
                    return Decision::ignored(STALE_TIMER);
                };
                let mut mailbox = mailbox.clone();
                if mailbox.wake(now) {
                    return saved(mailbox, Decision::default());
                }
                Decision::ignored(EARLY_TIMER)
            }
        }
    }
}

fn mailbox(view: &View<'_, Kept>, recipient: &Recipient) -> Mailbox {
    let kept = view.get(&mailbox_key(recipient)).and_then(Kept::mailbox).cloned();
    kept.unwrap_or_else(|| Mailbox::unknown(recipient.clone()))
}

fn saved(mut mailbox: Mailbox, decision: Decision<Kept>) -> Decision<Kept> {
    mailbox.version += 1;
    let key = mailbox_key(&mailbox.recipient);
    Decision { saves: vec![(key, Kept::Mailbox(mailbox))], ..decision }
}

fn ignored(label: &'static str, next: &Next) -> Decision<Kept> {
    Decision { ignored: Some(label), ..Decision::answered(200, next) }
}

/// What there is no such order of.
pub(crate) fn no_order() -> Problem {
    Problem::not_found("order")
}

/// The order that an event is about; none where it is about something else.
fn about(incoming: &Incoming) -> Option<&OrderId> {
    match &incoming.message {
        Heard::Event(event) => event.order_id(),
        Heard::Command(_) => None,
    }
}

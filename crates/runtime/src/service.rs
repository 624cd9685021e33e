//! What a service is to the path: which aggregates an input is about, and a pure decision.

use std::collections::HashMap;

use contracts::{Command, CommandId, Event, Message, MessageId, SagaId, ServiceName, Timestamp};
use serde::Serialize;
use serde_json::Value;

pub use crate::aggregate::SagaRow;
use crate::{Aggregate, Key, Kind, Problem, path::Named};

/// A service as the path sees it. Every method is pure: no IO, no clock, no random ids.
pub trait Service: Send + Sync + 'static {
    /// Its aggregates.
    type State: Aggregate;
    /// What its HTTP routes ask of it. Ids that a request makes are made by the route.
    type Request: Clone + Send + Sync + 'static;

    /// Its name.
    fn name(&self) -> ServiceName;

    /// The kinds of aggregate that it has.
    fn kinds(&self) -> &'static [Kind];

    /// The aggregates that an input names.
    fn keys(&self, input: &Input<Self::Request>) -> Keys;

    /// The aggregates of [`Phase::Second`](crate::Phase::Second) that the loaded ones name in
    /// turn. Called once for each input, after those of [`keys`](Self::keys) are loaded.
    fn more_keys(&self, input: &Input<Self::Request>, view: &View<'_, Self::State>) -> Keys {
        let _ = (input, view);
        Keys::default()
    }

    /// Decides. A refusal is a value: [`Reply::Refused`] to a request, an answering event to a
    /// command.
    fn decide(
        &self,
        input: &Input<Self::Request>,
        view: &View<'_, Self::State>,
        now: Timestamp,
    ) -> Decision<Self::State>;
}

/// Something that a service is to decide upon.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all inputs are messages")]
pub enum Input<R> {
    /// A message from the broker, checked and decoded; the inbox had not seen it.
    Message(Incoming),
    /// A request over HTTP.
    Request(R),
    /// The aggregate's time has come (or it had come earlier and is told again): look at what is
    /// due. May be stale, and then changes nothing.
    Wake(Key),
}

/// A message as it came in.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Its own id: another one for each resend.
    pub id: MessageId,
    /// When it occurred, as the sender says.
    pub time: Timestamp,
    /// Who says it.
    pub source: ServiceName,
    /// What it is about.
    pub subject: String,
    /// The sending aggregate's version; events have it.
    pub sequence: Option<u64>,
    /// Identity across resends; commands have it.
    pub command_id: Option<CommandId>,
    /// The saga that it belongs to.
    pub saga: Option<SagaId>,
    /// What it says.
    pub message: Message,
}

/// Aggregates that an input is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// To be locked, whether they exist or not: what the decision may save.
    pub lock: Vec<Key>,
    /// To be looked at without a lock; may be changed by others at the same moment.
    pub look: Vec<Key>,
}

impl Keys {
    /// One aggregate to lock.
    pub fn lock(key: Key) -> Self {
        Self { lock: vec![key], look: Vec::new() }
    }
}

/// The aggregates that were loaded, as they stand after the inputs before this one in the batch.
pub struct View<'a, S> {
    pub(crate) states: &'a HashMap<Key, S>,
    pub(crate) oldest_unsent: &'a HashMap<u16, Timestamp>,
    pub(crate) deaf_until: Option<Timestamp>,
    /// What the input has named; everything in tests of `decide`.
    pub(crate) named: Option<&'a Named>,
}

impl<'a, S> View<'a, S> {
    /// A view of given states, for tests of `decide`.
    pub fn new(states: &'a HashMap<Key, S>, oldest_unsent: &'a HashMap<u16, Timestamp>) -> Self {
        Self { states, oldest_unsent, deaf_until: None, named: None }
    }

    /// The same view after a time in which no message could reach the service, up to then.
    #[must_use]
    pub fn with_deaf_until(self, heard: Option<Timestamp>) -> Self {
        Self { deaf_until: heard, ..self }
    }

    /// The aggregate, if it exists. It must have been named: what other inputs of the batch have
    /// loaded is not seen, so that a decision never depends on the company it is made in.
    pub fn get(&self, key: &Key) -> Option<&'a S> {
        let named = self.named.is_none_or(|named| named.all().any(|named| named == key));
        debug_assert!(named, "{key} is looked at without having been named");
        self.states.get(key).filter(|_| named)
    }

    /// For a [`Input::Wake`]: when the oldest message in the aggregate's outbox bucket was
    /// written, if any lies there. A message not older than that may not have been sent yet.
    pub fn oldest_unsent(&self, key: &Key) -> Option<Timestamp> {
        self.oldest_unsent.get(&crate::aggregate::bucket(&key.outbox_key())).copied()
    }

    /// For a [`Input::Wake`]: the end of the last time in which no message could reach the service,
    /// if there was one. An answer may have waited until then.
    pub fn deaf_until(&self) -> Option<Timestamp> {
        self.deaf_until
    }
}

/// What a service decided: effects as data. The path carries them out in one transaction.
#[derive(Clone, Debug)]
pub struct Decision<S> {
    /// New versions of aggregates; each must have been named for locking.
    pub saves: Vec<(Key, S)>,
    /// Entries to append to histories.
    pub history: Vec<HistoryEntry>,
    /// Rows of the saga search table.
    pub sagas: Vec<SagaRow>,
    /// Messages for the outbox, in order.
    pub messages: Vec<Outgoing>,
    /// The answer to a request.
    pub reply: Reply,
    /// The message cannot be processed, ever: it becomes a dead letter for this reason, and
    /// nothing else of the decision takes effect.
    pub dead_letter: Option<String>,
    /// Something that changed nothing, under the name that it is counted by.
    pub ignored: Option<&'static str>,
}

impl<S> Default for Decision<S> {
    fn default() -> Self {
        Self {
            saves: Vec::new(),
            history: Vec::new(),
            sagas: Vec::new(),
            messages: Vec::new(),
            reply: Reply::None,
            dead_letter: None,
            ignored: None,
        }
    }
}

impl<S> Decision<S> {
    /// Nothing changes; counted under that name.
    pub fn ignored(label: &'static str) -> Self {
        Self { ignored: Some(label), ..Self::default() }
    }

    /// The message is a dead letter.
    pub fn dead_letter(reason: impl Into<String>) -> Self {
        Self { dead_letter: Some(reason.into()), ..Self::default() }
    }

    /// The request is refused; nothing changes.
    pub fn refused(problem: Problem) -> Self {
        Self { reply: Reply::Refused(problem), ..Self::default() }
    }

    /// The request is answered; nothing changes.
    pub fn answered(status: u16, body: &impl Serialize) -> Self {
        Self { reply: Reply::json(status, body), ..Self::default() }
    }
}

/// The answer to a request.
#[derive(Clone, Debug, Default)]
pub enum Reply {
    /// The input was no request.
    #[default]
    None,
    /// Done.
    Done {
        /// HTTP status.
        status: u16,
        /// JSON body.
        body: Value,
        /// Further headers.
        headers: Vec<(&'static str, String)>,
    },
    /// Refused.
    Refused(Problem),
}

impl Reply {
    /// Done, with that body as JSON.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_value(body)
            .expect("views are plain structs with text keys, which always serialize");
        Self::Done { status, body, headers: Vec::new() }
    }
}

/// An entry of an append-only history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Whose history: a saga's id.
    pub stream: uuid::Uuid,
    /// The version that the entry leads to: 1 for the first, without gaps.
    pub version: u64,
    /// When.
    pub at: Timestamp,
    /// What happened, as JSON.
    pub body: String,
}

/// A message for the outbox. The path gives it its id, its time and its place in the order of its
/// aggregate's messages.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The aggregate that speaks; its messages keep their order. It must be locked.
    pub about: Key,
    /// What it says.
    pub content: Content,
    /// The saga that it belongs to, where one is known.
    pub saga: Option<SagaId>,
}

/// What an outgoing message says.
#[derive(Clone, Debug)]
pub enum Content {
    /// A request to another service.
    Command {
        /// The request.
        command: Command,
        /// Its identity across resends.
        command_id: CommandId,
    },
    /// A fact.
    Event {
        /// The fact.
        event: Event,
        /// The aggregate's version that it tells of.
        sequence: u64,
        /// An answer given again: not appended to `published_event`.
        repeat: bool,
    },
}

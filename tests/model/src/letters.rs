//! Messages on their way, each under a number. What is said goes through the envelope, as bytes,
//! before anybody hears it.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
};

use contracts::{Envelope, Message, MessageId, SagaId, ServiceName, routes};
use runtime::{Content, Incoming, Outgoing};
use uuid::Uuid;

use crate::{clocks::NOW, scene::order_place};

/// The services that are always there. What only others listen to is said to nobody.
const SERVICES: [ServiceName; 5] = [
    ServiceName::Orchestrator,
    ServiceName::Payment,
    ServiceName::Store,
    ServiceName::Cook,
    ServiceName::Rider,
];

/// A message to one service.
pub(crate) struct Letter {
    pub(crate) to: ServiceName,
    /// The place of the order that it is about; the first one's where it is about none.
    pub(crate) order: u8,
    pub(crate) incoming: Incoming,
}

/// Every message that was ever said.
#[derive(Default)]
pub(crate) struct Letters {
    /// Who listens besides the services that are always there.
    listener: Option<ServiceName>,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    by_text: HashMap<String, u16>,
    letters: Vec<Arc<Letter>>,
}

impl Letters {
    pub(crate) fn new(listener: Option<ServiceName>) -> Self {
        Self { listener, known: RwLock::default() }
    }

    pub(crate) fn get(&self, number: u16) -> Arc<Letter> {
        let known = self.known.read().expect("nobody panics with the lock");
        known.letters[usize::from(number)].clone()
    }

    /// The numbers of what goes to whom.
    pub(crate) fn post(&self, from: ServiceName, said: &[Outgoing]) -> Vec<u16> {
        let to_all = said.iter().flat_map(|outgoing| {
            let incoming = delivered(from, outgoing);
            self.hearers(&outgoing.content).into_iter().map(move |to| (to, incoming.clone()))
        });
        to_all.map(|(to, incoming)| self.number(to, incoming)).collect()
    }

    fn hearers(&self, content: &Content) -> Vec<ServiceName> {
        match content {
            Content::Command { command, .. } => vec![command.kind().destination()],
            Content::Event { event, .. } => SERVICES
                .into_iter()
                .chain(self.listener)
                .filter(|service| routes::subscriptions(*service).contains(&event.kind()))
                .collect(),
        }
    }

    fn number(&self, to: ServiceName, incoming: Incoming) -> u16 {
        let text = format!("{to} {incoming:?}");
        let mut known = self.known.write().expect("nobody panics with the lock");
        let next = u16::try_from(known.letters.len()).expect("few orders make few messages");
        if let Some(number) = known.by_text.get(&text) {
            return *number;
        }
        known.by_text.insert(text, next);
        known.letters.push(Arc::new(Letter { to, order: about(&incoming.message), incoming }));
        next
    }
}

/// The place of the order that a message is about.
fn about(message: &Message) -> u8 {
    let order = match message {
        Message::Command(command) => Some(command.order_id()),
        Message::Event(event) => event.order_id(),
    };
    order.and_then(|id| order_place(id.as_str())).unwrap_or(0)
}

/// What comes out at the other end.
fn delivered(from: ServiceName, outgoing: &Outgoing) -> Incoming {
    let id = MessageId(Uuid::nil());
    let envelope = match &outgoing.content {
        Content::Command { command, command_id } => {
            Envelope::of_command(id, NOW, from, command, *command_id, outgoing.saga)
        }
        Content::Event { event, sequence, .. } => Envelope::of_event(id, NOW, event, *sequence)
            .map(|envelope| Envelope {
                correlationid: outgoing.saga.map(|SagaId(saga)| saga),
                ..envelope
            }),
    };
    let written = envelope.and_then(|it| it.to_json()).expect("what services say is plain data");
    let read = Envelope::from_bytes(written.as_bytes()).expect("it was just written");
    let message = read.message().expect("what a service says is what may be said");
    Incoming {
        id,
        time: read.time,
        source: from,
        subject: read.subject,
        sequence: read.sequence,
        command_id: read.commandid.map(contracts::CommandId),
        saga: read.correlationid.map(SagaId),
        message,
    }
}

impl Letter {
    /// What it says, in the words of the wire.
    pub(crate) fn words(&self) -> &'static str {
        match &self.incoming.message {
            Message::Command(command) => command.kind().as_str(),
            Message::Event(event) => event.kind().as_str(),
        }
    }
}

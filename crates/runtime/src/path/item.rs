//! One input of a batch, and where its outcome goes.

use contracts::{CommandId, Envelope, EnvelopeError, MessageId, SagaId};
use mutants::mutant;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::{
    Cause, Incoming, Input, Key, Problem, Reply, Service,
    broker::{Ack, Delivery},
    db::Received,
    http::TraceParent,
    metrics::Kind,
    path::Asked,
};

/// An input on the path.
pub(crate) struct Item<S: Service> {
    pub(crate) work: Work<S::Request>,
    pub(crate) origin: Origin,
    /// How often it was tried and failed by its own fault or the database's.
    pub(crate) failures: u32,
}

/// What is to be done about an input.
#[allow(clippy::large_enum_variant, reason = "nearly all inputs are messages")]
pub(crate) enum Work<R> {
    /// Let the service decide.
    Decide(Input<R>),
    /// Keep the message as a dead letter, for this reason.
    Bury(String),
    /// Deciding about this timer fails; wake it again later.
    Postpone(Key),
}

/// Where an input came from.
pub(crate) enum Origin {
    /// HTTP; the answer goes back there.
    Request(Box<Caller>),
    /// The broker; it is acknowledged.
    Message(Box<Arrived>),
    /// A timer; dropping the sender tells that it was looked at.
    Timer(#[allow(dead_code, reason = "held to be dropped")] mpsc::Sender<()>),
}

/// A client that waits, and the trace that its request belongs to.
pub(crate) struct Caller {
    answer: oneshot::Sender<Result<Reply, Problem>>,
    traceparent: Option<TraceParent>,
}

impl Caller {
    /// Answers. A client that has gone away does not hear it; what it asked for is done.
    pub(crate) fn answer(self, answer: Result<Reply, Problem>) {
        drop(self.answer.send(answer));
    }
}

/// A delivery with what was read of its envelope.
pub(crate) struct Arrived {
    pub(crate) delivery: Delivery,
    /// How the inbox knows it; missing where not even the id could be read.
    pub(crate) received: Option<Received>,
    pub(crate) traceparent: Option<String>,
}

impl<S: Service> Item<S> {
    pub(crate) fn of_request(asked: Asked<S>) -> Self {
        Self {
            work: Work::Decide(Input::Request(asked.request)),
            origin: Origin::Request(Box::new(Caller {
                answer: asked.answer,
                traceparent: asked.traceparent,
            })),
            failures: 0,
        }
    }

    pub(crate) fn of_timer(key: Key, done: mpsc::Sender<()>) -> Self {
        Self { work: Work::Decide(Input::Wake(key)), origin: Origin::Timer(done), failures: 0 }
    }

    /// Checks and decodes; what is no message, or was given up by the broker, becomes work for the
    /// dead-letter table.
    pub(crate) fn of_delivery(mut delivery: Delivery) -> Self {
        if mutant!("path-acknowledges-before-the-commit") {
            std::mem::replace(&mut delivery.ack, Ack::new(|| ())).give();
        }
        let mut arrived = Arrived { delivery, received: None, traceparent: None };
        let dead = arrived.delivery.dead.take().map(|why| Cause::GivenUp.because(why));
        let work = match Envelope::from_bytes(&arrived.delivery.payload) {
            Err(error) => Work::Bury(dead.unwrap_or_else(|| told(&error))),
            Ok(envelope) => {
                arrived.received = Some(Received {
                    consumer: arrived.delivery.queue,
                    message_id: envelope.id,
                    time: envelope.time,
                });
                let work = match (dead, incoming(&envelope)) {
                    (None, Ok(incoming)) => Work::Decide(Input::Message(incoming)),
                    (None, Err(error)) => Work::Bury(told(&error)),
                    (Some(reason), _) => Work::Bury(reason),
                };
                arrived.traceparent = envelope.traceparent;
                work
            }
        };
        Self { work, origin: Origin::Message(Box::new(arrived)), failures: 0 }
    }

    /// Where it came from, for counting.
    pub(crate) fn kind(&self) -> Kind {
        match self.origin {
            Origin::Message(_) => Kind::Message,
            Origin::Request(_) => Kind::Request,
            Origin::Timer(_) => Kind::Timer,
        }
    }

    /// How the inbox knows it, where it came from the broker.
    pub(crate) fn received(&self) -> Option<Received> {
        match &self.origin {
            Origin::Message(arrived) => arrived.received,
            Origin::Request(_) | Origin::Timer(_) => None,
        }
    }

    /// The message that led to what is decided about it.
    pub(crate) fn causation(&self) -> Option<MessageId> {
        self.received().map(|received| received.message_id)
    }

    /// The trace that it belongs to.
    pub(crate) fn traceparent(&self) -> Option<&str> {
        match &self.origin {
            Origin::Message(arrived) => arrived.traceparent.as_deref(),
            Origin::Request(caller) => caller.traceparent.as_ref().map(TraceParent::as_str),
            Origin::Timer(_) => None,
        }
    }

    /// Tells whoever waits that it is committed.
    pub(crate) fn settle(self, reply: Reply) {
        match self.origin {
            Origin::Request(caller) => caller.answer(Ok(reply)),
            Origin::Message(arrived) => arrived.delivery.ack.give(),
            Origin::Timer(done) => drop(done),
        }
    }
}

fn incoming(envelope: &Envelope) -> Result<Incoming, EnvelopeError> {
    Ok(Incoming {
        message: envelope.message()?,
        id: envelope.id,
        time: envelope.time,
        source: envelope.service()?,
        subject: envelope.subject.clone(),
        sequence: envelope.sequence,
        command_id: envelope.commandid.map(CommandId),
        saga: envelope.correlationid.map(|id: Uuid| SagaId(id)),
    })
}

/// Why what is no message, or none for this build, is a dead letter.
fn told(error: &EnvelopeError) -> String {
    Cause::from(error).because(error)
}

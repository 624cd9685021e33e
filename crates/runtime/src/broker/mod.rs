//! The broker port: publish bytes with confirms, consume bytes with acknowledgements.

use async_trait::async_trait;
use bytes::Bytes;
use contracts::{MessageId, QueueKind, ServiceName};
use tokio::sync::{mpsc, oneshot};

pub mod in_process;
pub mod rabbitmq;
mod reach;

pub use reach::{Reach, Standing};

/// What is published.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The exchange.
    pub exchange: String,
    /// The routing key.
    pub routing_key: String,
    /// The envelope's id: what a broker calls the message when it hands it back.
    pub message_id: MessageId,
    /// The encoded envelope.
    pub payload: Bytes,
}

/// What became of a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Taken over: by every queue bound to it (in process: committed by every consumer, or made a
    /// dead letter). The outbox row may go.
    Confirmed,
    /// No queue takes this command: a fault of the row's own.
    Unroutable,
    /// The broker cannot take it now; try again later.
    Unavailable,
}

/// A publication on its way: resolves with what became of it. A broken channel counts as
/// [`Outcome::Unavailable`].
pub type Confirm = oneshot::Receiver<Outcome>;

/// A message as a consumer gets it.
#[derive(Debug)]
pub struct Delivery {
    /// Through which queue.
    pub queue: QueueKind,
    /// The bytes as published.
    pub payload: Bytes,
    /// The headers, as a JSON object.
    pub headers: String,
    /// Why the broker gave the message up, where it did: it is not to be decided upon any more,
    /// but kept as a dead letter.
    pub dead: Option<String>,
    /// To be used once the message is committed or kept as a dead letter.
    pub ack: Ack,
}

/// Acknowledges a delivery. Dropped unused, the message is delivered again.
pub struct Ack(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Ack {
    /// An acknowledgement that calls `acknowledge` when it is given.
    pub fn new(acknowledge: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(acknowledge)))
    }

    /// Acknowledges.
    pub fn give(mut self) {
        if let Some(acknowledge) = self.0.take() {
            acknowledge();
        }
    }
}

impl std::fmt::Debug for Ack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ack")
    }
}

/// A message broker.
#[async_trait]
pub trait Broker: Send + Sync + 'static {
    /// Publishes in order; answers one confirm a publication, in the same order. Returns when the
    /// broker has taken note of all, not when it has confirmed them.
    async fn publish(&self, publications: Vec<Publication>) -> Vec<Confirm>;

    /// The deliveries of a service, both queues in one stream; at most `prefetch` a queue are
    /// unacknowledged at a time. The stream ends when the broker goes away.
    async fn consume(&self, service: ServiceName, prefetch: usize) -> mpsc::Receiver<Delivery>;

    /// Whether messages can reach that service, to be watched from before it consumes. A broker that
    /// lives in the same process cannot be away.
    fn reach(&self, service: ServiceName) -> Reach {
        let _ = service;
        Reach::always()
    }
}

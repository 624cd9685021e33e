//! The broker within one process: routes encoded bytes between services that share no memory.
//!
//! It holds nothing durable and needs to hold nothing: a publication is confirmed only once every
//! bound consumer has acknowledged it, that is, committed it or kept it as a dead letter. A crash
//! before that leaves the outbox row, so it is delivered again.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use contracts::{QueueKind, ServiceName, routes};
use tokio::sync::{mpsc, oneshot};

use crate::broker::{Ack, Broker, Confirm, Delivery, Outcome, Publication};

/// How many deliveries may wait for one service. Beyond that it counts as stalled, and what is
/// meant for it stays in the outboxes.
pub const QUEUE_LENGTH: usize = 10_000;

/// The broker within one process. Cheap to clone through an [`Arc`].
pub struct InProcess {
    queues: HashMap<ServiceName, Queue>,
    bindings: HashMap<String, Vec<ServiceName>>,
    unheard: AtomicU64,
}

struct Queue {
    sender: mpsc::Sender<Delivery>,
    receiver: Mutex<Option<mpsc::Receiver<Delivery>>>,
}

/// Shared by the acknowledgements of one publication; dropped before all were given, the channel
/// breaks and the publisher knows.
struct Confirmation {
    missing: AtomicUsize,
    sender: Mutex<Option<oneshot::Sender<Outcome>>>,
}

impl Confirmation {
    fn acknowledged(&self) {
        if self.missing.fetch_sub(1, Ordering::AcqRel) == 1 {
            let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(sender) = sender {
                drop(sender.send(Outcome::Confirmed));
            }
        }
    }
}

impl InProcess {
    /// A broker with the queues and bindings of these services.
    pub fn new(services: &[ServiceName]) -> Self {
        let mut bindings: HashMap<String, Vec<ServiceName>> = HashMap::new();
        for &service in services {
            for &event in routes::subscriptions(service) {
                bindings.entry(routes::event_key(event)).or_default().push(service);
            }
        }
        let queues = services
            .iter()
            .map(|&service| {
                let (sender, receiver) = mpsc::channel(QUEUE_LENGTH);
                (service, Queue { sender, receiver: Mutex::new(Some(receiver)) })
            })
            .collect();
        Self { queues, bindings, unheard: AtomicU64::new(0) }
    }

    /// How many events nobody was bound to.
    pub fn unheard(&self) -> u64 {
        self.unheard.load(Ordering::Relaxed)
    }

    fn route(&self, publication: &Publication, confirm: oneshot::Sender<Outcome>) {
        let (kind, services) = match publication.exchange.as_str() {
            routes::COMMANDS_EXCHANGE => {
                match ServiceName::parse(&publication.routing_key)
                    .filter(|service| self.queues.contains_key(service))
                {
                    Some(service) => (QueueKind::Commands, vec![service]),
                    None => return drop(confirm.send(Outcome::Unroutable)),
                }
            }
            routes::EVENTS_EXCHANGE => match self.bindings.get(&publication.routing_key) {
                Some(services) => (QueueKind::Events, services.clone()),
                None => {
                    self.unheard.fetch_add(1, Ordering::Relaxed);
                    return drop(confirm.send(Outcome::Confirmed));
                }
            },
            routes::REPLAY_EXCHANGE => {
                match routes::replay_subscriber(&publication.routing_key)
                    .filter(|service| self.queues.contains_key(service))
                {
                    Some(service) => (QueueKind::Events, vec![service]),
                    None => return drop(confirm.send(Outcome::Unroutable)),
                }
            }
            // Not this row's fault: the topology is wrong.
            exchange => {
                tracing::error!(exchange, "there is no such exchange");
                return drop(confirm.send(Outcome::Unavailable));
            }
        };
        let mut places = Vec::with_capacity(services.len());
        for service in &services {
            match self.queues[service].sender.try_reserve() {
                Ok(place) => places.push(place),
                Err(_) => return drop(confirm.send(Outcome::Unavailable)),
            }
        }
        let confirmation = Arc::new(Confirmation {
            missing: AtomicUsize::new(places.len()),
            sender: Mutex::new(Some(confirm)),
        });
        for place in places {
            let confirmation = Arc::clone(&confirmation);
            place.send(Delivery {
                queue: kind,
                payload: publication.payload.clone(),
                headers: "{}".to_owned(),
                dead: None,
                ack: Ack::new(move || confirmation.acknowledged()),
            });
        }
    }
}

#[async_trait]
impl Broker for InProcess {
    async fn publish(&self, publications: Vec<Publication>) -> Vec<Confirm> {
        publications
            .into_iter()
            .map(|publication| {
                let (confirm, confirmed) = oneshot::channel();
                self.route(&publication, confirm);
                confirmed
            })
            .collect()
    }

    /// There is one consumer a service; a second one gets a stream that has ended. `prefetch` has
    /// no meaning here: nothing is sent ahead over a wire.
    async fn consume(&self, service: ServiceName, _prefetch: usize) -> mpsc::Receiver<Delivery> {
        let taken = self
            .queues
            .get(&service)
            .and_then(|queue| queue.receiver.lock().unwrap_or_else(PoisonError::into_inner).take());
        taken.unwrap_or_else(|| mpsc::channel(1).1)
    }
}

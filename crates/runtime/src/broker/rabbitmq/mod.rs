//! The broker port on RabbitMQ 3.10 or later (4.x too), through `lapin`.
//!
//! Publishing and consuming have a connection each: an alarm blocks publishing connections, and
//! acknowledgements must not wait behind it. Each side opens a fresh connection for each
//! *generation*, that is, from one failure to the next; nothing is recovered behind its back.
//!
//! A publication is never told to be confirmed unless the broker has taken it over: what is not
//! known is [`Outcome::Unavailable`](crate::broker::Outcome::Unavailable), and is sent again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use contracts::ServiceName;
use tokio::sync::{mpsc, oneshot};

use crate::{
    broker::{Broker, Confirm, Delivery, Publication, Reach},
    metrics::Metrics,
    ports::Ports,
};

mod acknowledge;
mod address;
mod administer;
mod batch;
mod consumer;
mod headers;
mod link;
mod overhear;
mod pauses;
mod properties;
mod publisher;
mod topology;
mod unheard;

pub use administer::{Depth, declare, depths, remove};
pub use batch::{LARGEST_BATCH, LARGEST_PAYLOAD};
pub use link::StartError;
pub use overhear::{Overheard, Passing, overhear};
pub use topology::{DELIVERY_LIMIT, UNHEARD_KEPT};

/// How RabbitMQ is used.
#[derive(Clone)]
pub struct Options {
    /// `amqps://user:password@host:port/vhost`; `?cacertfile=PATH` names the CAs that are trusted
    /// instead of the system's. `amqp://` goes to this machine only, or with `?tls=disable`.
    pub url: String,
    /// Whose queues and bindings are seen to at the start and after each reconnection: those of
    /// whom the user belongs to.
    pub services: Vec<ServiceName>,
    /// What the broker shows to people as the connection's name.
    pub name: String,
    /// A publication that is not confirmed for that long counts as not taken, and its connection
    /// as lost.
    pub confirm_within: Duration,
}

/// Whether a URL can be used, before anything is done with it.
///
/// # Errors
///
/// [`StartError::Url`].
pub fn check_url(url: &str) -> Result<(), StartError> {
    address::Address::read(url).map(drop)
}

impl Options {
    /// The defaults.
    pub fn new(url: impl Into<String>, services: &[ServiceName], name: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            services: services.to_vec(),
            name: name.into(),
            confirm_within: Duration::from_secs(10),
        }
    }
}

/// Shows no password.
impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("services", &self.services)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A publication on its way to the publisher, and where its outcome goes.
struct Request {
    publication: Publication,
    confirm: oneshot::Sender<crate::broker::Outcome>,
}

/// How many calls of `publish` may wait for the publisher before callers wait too.
const WAITING_CALLS: usize = 64;

/// RabbitMQ. Its publisher ends when this is dropped; each consumer when its stream is.
pub struct RabbitMq {
    options: Options,
    ports: Ports,
    publishing: mpsc::Sender<Vec<Request>>,
    publisher: Reach,
    reaches: Mutex<HashMap<ServiceName, Reach>>,
}

impl RabbitMq {
    /// Connects, sees to the topology, and starts the publisher. From here on lost
    /// connections are its own business; also where nobody answers yet, as after a restart of the
    /// whole machine: what can be done without a broker can be done meanwhile.
    ///
    /// # Errors
    ///
    /// What does not go away by itself: all that [`StartError`] says but
    /// [`StartError::Unreachable`].
    pub async fn start(options: Options, ports: &Ports) -> Result<Self, StartError> {
        let address = address::Address::read(&options.url)?;
        if address.is_plain_beyond_this_machine() {
            tracing::warn!("the connection to {address} is in the clear, as tls=disable says");
        }
        let first = match publisher::open(&options, ports).await {
            Err(error) if !matches!(error, StartError::Unreachable(_)) => return Err(error),
            first => first,
        };
        let (publishing, requests) = mpsc::channel(WAITING_CALLS);
        let reach = Reach::none_yet();
        let publisher =
            publisher::Publisher::new(options.clone(), ports.clone(), requests, reach.clone());
        drop(ports.spawn(publisher.run(first)));
        let reaches = Mutex::default();
        Ok(Self { options, ports: ports.clone(), publishing, publisher: reach, reaches })
    }

    /// Whether messages can be published: whether the publisher has a connection.
    pub fn publisher(&self) -> &Reach {
        &self.publisher
    }

    /// How many events nobody was bound to lie in their bounded queue: more than a few mean that a
    /// binding was lost.
    ///
    /// # Errors
    ///
    /// The broker cannot be asked now.
    pub async fn unheard(&self) -> Result<u32, StartError> {
        let link = link::open(&self.options, "look", &self.ports).await?;
        let depth = topology::unheard(&link.connection).await?;
        link.close().await;
        Ok(depth)
    }

    /// Shows [`unheard`](Self::unheard) as a gauge, asked every 10 s for as long as this lives. One
    /// process for each broker will do.
    pub fn show_unheard(self: &Arc<Self>, metrics: &Metrics) {
        unheard::show(self, metrics);
    }
}

#[async_trait]
impl Broker for RabbitMq {
    async fn publish(&self, publications: Vec<Publication>) -> Vec<Confirm> {
        let (requests, confirms) = publications
            .into_iter()
            .map(|publication| {
                let (confirm, confirmed) = oneshot::channel();
                (Request { publication, confirm }, confirmed)
            })
            .unzip();
        // A publisher that is gone drops the requests, and with them the confirms' other ends.
        drop(self.publishing.send(requests).await);
        confirms
    }

    /// Survives lost connections and deleted queues; ends only when the stream is dropped. Also
    /// yields what the broker has given up, with the reason in [`Delivery::dead`].
    async fn consume(&self, service: ServiceName, prefetch: usize) -> mpsc::Receiver<Delivery> {
        let prefetch = u16::try_from(prefetch.max(1)).unwrap_or(u16::MAX);
        let (sender, deliveries) = mpsc::channel(usize::from(prefetch) * topology::QUEUES);
        let consumer = consumer::Consumer::new(
            self.options.clone(),
            self.ports.clone(),
            service,
            prefetch,
            sender,
            self.reach(service),
        );
        drop(self.ports.spawn(consumer.run()));
        deliveries
    }

    /// Of the latest call of [`consume`](Broker::consume) for it, with one consumer a service.
    fn reach(&self, service: ServiceName) -> Reach {
        let mut reaches = self.reaches.lock().unwrap_or_else(PoisonError::into_inner);
        reaches.entry(service).or_insert_with(Reach::none_yet).clone()
    }
}

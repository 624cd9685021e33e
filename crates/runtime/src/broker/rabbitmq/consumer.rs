//! One service's three subscriptions: commands, events, and what the broker has given up.
//!
//! A generation lasts from a connection to its first failure; a subscription that ends (its queue
//! was deleted, or moved) is a failure too. The next generation declares what is missing and
//! subscribes again. What was delivered and not acknowledged comes again.

use contracts::{QueueKind, ServiceName, routes};
use futures_util::{StreamExt, future::ready, stream};
use lapin::{
    Channel, Connection,
    message::Delivery as Arrived,
    options::{BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions},
    types::FieldTable,
};
use mutants::mutant;
use tokio::sync::mpsc;

use crate::{
    broker::{
        Delivery, Reach,
        rabbitmq::{
            Options, StartError,
            acknowledge::{Settle, Unsettled, Word, ack},
            headers, link,
            pauses::Pauses,
            topology,
        },
    },
    ports::Ports,
};

/// How many settlements are told to the broker in one go.
const SETTLED_AT_ONCE: usize = 1024;

pub(super) struct Consumer {
    options: Options,
    ports: Ports,
    service: ServiceName,
    prefetch: u16,
    sender: mpsc::Sender<Delivery>,
    reach: Reach,
}

/// One queue, consumed over a channel of its own.
struct Subscription {
    channel: Channel,
    /// `None`: what the broker has given up.
    kind: Option<QueueKind>,
    unsettled: Unsettled,
}

/// One subscription's next delivery; `None` when it has ended.
type Came = (usize, Option<lapin::Result<Arrived>>);
type Arrivals = stream::SelectAll<stream::BoxStream<'static, Came>>;

impl Consumer {
    pub(super) fn new(
        options: Options,
        ports: Ports,
        service: ServiceName,
        prefetch: u16,
        sender: mpsc::Sender<Delivery>,
        reach: Reach,
    ) -> Self {
        Self { options, ports, service, prefetch, sender, reach }
    }

    pub(super) async fn run(self) {
        let mut pauses = Pauses::new();
        while !self.sender.is_closed() {
            let began = self.ports.clock.elapsed();
            let Err(reason) = self.generation().await else { return };
            self.reach.lost(self.ports.now());
            tracing::warn!(service = %self.service, reason, "consuming is interrupted");
            let lived = self.ports.clock.elapsed().saturating_sub(began);
            tokio::select! {
                () = self.ports.clock.sleep(pauses.after(lived)) => {}
                () = self.sender.closed() => return,
            }
        }
    }

    /// Consumes until the stream is dropped; an error says how the connection was lost before.
    async fn generation(&self) -> Result<(), String> {
        let (purpose, services) = (self.service.as_str(), [self.service]);
        let link = topology::connect(&self.options, purpose, &services, &self.ports)
            .await
            .map_err(|error| error.to_string())?;
        let (mut subscriptions, mut arrivals) =
            link::set_up(&self.ports, self.subscribe(&link.connection))
                .await
                .map_err(|error| error.to_string())?;
        self.reach.regained(self.ports.now());
        let (settling, mut settled) = mpsc::unbounded_channel();
        let mut some = Vec::new();
        loop {
            tokio::select! {
                biased;
                _ = settled.recv_many(&mut some, SETTLED_AT_ONCE) => {
                    settle(&mut subscriptions, &mut some).await.map_err(|it| it.to_string())?;
                }
                () = self.sender.closed() => break,
                // What an earlier generation delivered is still worked off.
                _ = self.sender.reserve(), if self.sender.capacity() == 0 => {}
                came = arrivals.next(), if self.sender.capacity() > 0 => {
                    let (index, arrived) = match came {
                        Some((index, Some(Ok(arrived)))) => (index, arrived),
                        Some((_, Some(Err(error)))) => return Err(error.to_string()),
                        Some((_, None)) if mutant!("rabbitmq-does-not-see-that-a-queue-went") => {
                            continue;
                        }
                        Some((_, None)) | None => return Err("a subscription has ended".into()),
                    };
                    let subscription = &mut subscriptions[index];
                    subscription.unsettled.came(arrived.delivery_tag);
                    let ack = ack(index, arrived.delivery_tag, &settling);
                    let delivery = read(self.service, subscription.kind, arrived, ack);
                    // There is a place; with nobody to take it, it goes back.
                    drop(self.sender.try_send(delivery));
                }
            }
        }
        // What was committed before the end is still told, so that it does not come again.
        while settled.try_recv().map(|it| some.push(it)).is_ok() {}
        settle(&mut subscriptions, &mut some).await.map_err(|it| it.to_string())?;
        link.close().await;
        Ok(())
    }

    async fn subscribe(
        &self,
        connection: &Connection,
    ) -> Result<(Vec<Subscription>, Arrivals), StartError> {
        let subscribing = async {
            let (mut subscriptions, mut arrivals) = (Vec::new(), stream::SelectAll::new());
            for kind in [Some(QueueKind::Commands), Some(QueueKind::Events), None] {
                let queue = kind.map_or_else(
                    || topology::dead_queue(self.service),
                    |kind| routes::queue(self.service, kind),
                );
                let channel = connection.create_channel().await?;
                let unbounded = mutant!("rabbitmq-consumes-without-a-prefetch");
                let prefetch = if unbounded { 0 } else { self.prefetch };
                channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
                let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
                let consumer =
                    channel.basic_consume(queue.into(), "".into(), options, none).await?;
                let index = subscriptions.len();
                let ended = stream::once(ready((index, None)));
                arrivals.push(consumer.map(move |it| (index, Some(it))).chain(ended).boxed());
                subscriptions.push(Subscription { channel, kind, unsettled: Unsettled::default() });
            }
            Ok::<_, lapin::Error>((subscriptions, arrivals))
        };
        subscribing.await.map_err(|error| StartError::Unreachable(error.to_string()))
    }
}

/// Tells the broker what was settled; empties `some`.
async fn settle(subscriptions: &mut [Subscription], some: &mut Vec<Settle>) -> lapin::Result<()> {
    for (index, subscription) in subscriptions.iter_mut().enumerate() {
        let mine = some.iter().copied().filter(|settle| settle.subscription == index);
        let channel = &subscription.channel;
        for word in subscription.unsettled.settle(mine) {
            match word {
                Word::AllUpTo(tag) => {
                    channel.basic_ack(tag, BasicAckOptions { multiple: true }).await?;
                }
                Word::One(tag) => channel.basic_ack(tag, BasicAckOptions::default()).await?,
                Word::Back(tag) => {
                    let options = BasicNackOptions { requeue: true, multiple: false };
                    channel.basic_nack(tag, options).await?;
                }
            }
        }
    }
    some.clear();
    Ok(())
}

fn read(
    service: ServiceName,
    kind: Option<QueueKind>,
    arrived: Arrived,
    ack: crate::broker::Ack,
) -> Delivery {
    let headers = arrived.properties.headers().as_ref();
    Delivery {
        queue: kind
            .unwrap_or_else(|| topology::kind_of_dead(service, arrived.routing_key.as_str())),
        headers: headers::to_json(headers),
        dead: kind.is_none().then(|| headers::why_dead(headers)),
        payload: arrived.data.into(),
        ack,
    }
}

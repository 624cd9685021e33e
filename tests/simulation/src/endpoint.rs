//! The broker port as one process reaches the broker: through the network, which may take nothing, and
//! not beyond the point at which the process is to end.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::ServiceName;
use runtime::{
    broker::{Broker, Confirm, Delivery, Outcome, Publication, Reach},
    ports::Clock as _,
};
use tokio::sync::{mpsc, oneshot};

use crate::{
    machine::Machine,
    network::{Consumer, Network, ROOM},
    points::Point,
};

/// The broker as one process reaches it.
pub struct Endpoint {
    network: Arc<Network>,
    machine: Machine,
    service: ServiceName,
    reach: Reach,
}

impl Endpoint {
    /// Of that service's process on that machine.
    pub fn new(network: Arc<Network>, machine: Machine, service: ServiceName) -> Self {
        Self { network, machine, service, reach: Reach::none_yet() }
    }

    /// Ends the process where that is planned; then nothing comes behind it.
    async fn pass(&self, point: Point) {
        if self.network.points.pass(self.service, point) {
            self.network.ends(self.service, &self.machine, point);
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Broker for Endpoint {
    async fn publish(&self, publications: Vec<Publication>) -> Vec<Confirm> {
        self.pass(Point::BeforePublish).await;
        let network = &self.network;
        let (away, calm) = {
            let state = network.state();
            (state.away, state.calm)
        };
        let mut confirms = Vec::with_capacity(publications.len());
        for mut publication in publications {
            publication.payload = network.told_by(self.service, publication.payload);
            let (told, confirm) = oneshot::channel();
            confirms.push(confirm);
            let (id, key) = (publication.message_id, &publication.routing_key);
            network.trace.note(format_args!("{} publishes {key} {id}", self.service));
            if away || (!calm && network.chance.permille(network.weather.untaken)) {
                network.trace.fired("not taken", format_args!("{key} of {}", self.service));
                drop(told.send(Outcome::Unavailable));
                continue;
            }
            let mut given = network.broker.publish(vec![publication]).await;
            let Some(given) = given.pop() else { continue };
            let given = if network.weather.stored { at_once(given) } else { given };
            let from = (self.service, self.machine.clone());
            let back = Arc::clone(network).confirm(from, given, told);
            drop(network.machine.ports().spawn(back));
        }
        self.pass(Point::AfterPublish).await;
        confirms
    }

    async fn consume(&self, service: ServiceName, _prefetch: usize) -> mpsc::Receiver<Delivery> {
        let (deliveries, receiver) = mpsc::channel(ROOM);
        let (machine, reach) = (self.machine.clone(), self.reach.clone());
        let mut state = self.network.state();
        if !state.away {
            reach.regained(self.machine.now());
        }
        let consumer = Consumer { machine, deliveries, reach, latest: 0 };
        let former = state.consumers.insert(service, consumer);
        self.network.take_out(&mut state);
        drop(state);
        drop(former);
        receiver
    }

    fn reach(&self, _service: ServiceName) -> Reach {
        self.reach.clone()
    }
}

/// A broker that keeps what it has taken confirms it at once.
fn at_once(mut given: Confirm) -> Confirm {
    let (told, confirm) = oneshot::channel();
    drop(told.send(given.try_recv().unwrap_or(Outcome::Confirmed)));
    confirm
}

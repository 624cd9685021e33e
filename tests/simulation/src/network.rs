//! The broker with a network around it: the in-process broker routes, and what it hands over comes
//! late, twice and in another order, or waits while nobody is there to take it.
//!
//! Two kinds of broker are played. One confirms what every consumer has committed, as the in-process
//! broker does. The other one keeps what is published, confirms it at once, and hands it over again
//! until it is acknowledged, as RabbitMQ does.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use contracts::{QueueKind, ServiceName};
use runtime::{
    broker::{Ack, Broker as _, Confirm, Delivery, Outcome, Reach, in_process::InProcess},
    ports::Clock,
};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::{
    chance::Chance,
    machine::Machine,
    points::{Point, Points},
    timeline::Timeline,
    trace::Trace,
    weather::Weather,
};

/// How many messages a consumer is handed before it takes any.
pub(crate) const ROOM: usize = 10_000;

/// The network between all processes.
pub struct Network {
    pub(crate) broker: InProcess,
    timeline: Timeline,
    pub(crate) trace: Trace,
    pub(crate) chance: Chance,
    pub(crate) weather: Weather,
    pub(crate) points: Points,
    /// What the network itself runs on: it never ends.
    pub(crate) machine: Machine,
    state: Mutex<State>,
    news: Notify,
    open: Arc<AtomicUsize>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) consumers: BTreeMap<ServiceName, Consumer>,
    /// By when it arrives, and by the order in which it was sent.
    parcels: BTreeMap<(Duration, u64), Parcel>,
    sent: u64,
    /// For whom nobody was there to take it.
    kept: Vec<Parcel>,
    pub(crate) away: bool,
    /// Whose messages say more than they did.
    newer: BTreeSet<ServiceName>,
    pub(crate) calm: bool,
}

pub(crate) struct Consumer {
    pub(crate) machine: Machine,
    pub(crate) deliveries: mpsc::Sender<Delivery>,
    pub(crate) reach: Reach,
    /// The latest sent that has arrived.
    pub(crate) latest: u64,
}

/// A message on its way to a service.
pub(crate) struct Parcel {
    to: ServiceName,
    queue: QueueKind,
    payload: Bytes,
    /// To be given to the in-process broker, where that waits for it.
    ack: Option<Ack>,
    /// Whether it is handed over again until it is acknowledged.
    stored: bool,
    sent: u64,
    #[allow(dead_code, reason = "held to be counted")]
    counted: Open,
}

/// Counts what is on its way.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Network {
    /// A network, which runs on a machine of its own.
    pub async fn start(
        timeline: Timeline,
        trace: Trace,
        chance: Chance,
        weather: Weather,
        points: Points,
        machine: Machine,
    ) -> Arc<Self> {
        let network = Arc::new(Self {
            broker: InProcess::new(&ServiceName::ALL),
            timeline,
            trace,
            chance,
            weather,
            points,
            machine,
            state: Mutex::default(),
            news: Notify::new(),
            open: Arc::default(),
        });
        let ports = network.machine.ports();
        for service in ServiceName::ALL {
            let mut deliveries = network.broker.consume(service, ROOM).await;
            let this = Arc::clone(&network);
            drop(ports.spawn(async move {
                while let Some(delivery) = deliveries.recv().await {
                    this.send(service, delivery);
                }
            }));
        }
        drop(ports.spawn(Arc::clone(&network).carry()));
        network
    }

    /// Whether nothing is on its way.
    pub fn is_idle(&self) -> bool {
        self.open.load(Relaxed) == 0
    }

    /// From now on nothing more goes wrong by chance.
    pub fn calm(&self) {
        self.state().calm = true;
    }

    /// The broker goes away: nobody is handed anything, and nothing is taken.
    pub fn leave(&self) {
        let mut state = self.state();
        state.away = true;
        for consumer in state.consumers.values() {
            consumer.reach.lost(consumer.machine.now());
        }
    }

    /// It is there again.
    pub fn come_back(&self) {
        let mut state = self.state();
        state.away = false;
        for consumer in state.consumers.values() {
            consumer.reach.regained(consumer.machine.now());
        }
        self.take_out(&mut state);
    }

    /// From now on a service's messages carry what only a later version of their schemas has.
    pub fn renew(&self, service: ServiceName) {
        self.state().newer.insert(service);
    }

    /// A message as that service's version says it.
    pub(crate) fn told_by(&self, service: ServiceName, payload: Bytes) -> Bytes {
        if !self.state().newer.contains(&service) {
            return payload;
        }
        let mut envelope: Value = serde_json::from_slice(&payload).expect("envelopes are JSON");
        if let Some(data) = envelope["data"].as_object_mut() {
            data.insert("of_a_later_version".to_owned(), json!({"any": [1, "two", null]}));
        }
        Bytes::from(envelope.to_string())
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what the in-process broker hands over.
    fn send(&self, to: ServiceName, delivery: Delivery) {
        let stored = self.weather.stored;
        let Delivery { queue, payload, ack, .. } = delivery;
        let ack = if stored {
            ack.give();
            None
        } else {
            Some(ack)
        };
        let calm = self.state().calm;
        if !calm && self.weather.lost > 0 && self.chance.permille(self.weather.lost) {
            self.trace.fired("lost", format_args!("to {to}"));
            if let Some(ack) = ack {
                ack.give();
            }
            return;
        }
        if !calm && self.chance.permille(self.weather.twice) {
            self.trace.fired("duplicate", format_args!("to {to}"));
            let counted = Open::new(&self.open);
            let payload = payload.clone();
            self.put(Parcel { to, queue, payload, ack: None, stored, sent: 0, counted });
        }
        let counted = Open::new(&self.open);
        self.put(Parcel { to, queue, payload, ack, stored, sent: 0, counted });
    }

    /// Puts a parcel on its way.
    fn put(&self, mut parcel: Parcel) {
        let mut state = self.state();
        let delay = if !state.calm && self.chance.permille(self.weather.late) {
            let delay = self.chance.millis(self.weather.lateness.clone());
            self.trace.fired("delay", format_args!("{delay:?} to {}", parcel.to));
            delay
        } else if self.weather.usual > 0 {
            self.chance.millis(0..self.weather.usual)
        } else {
            Duration::ZERO
        };
        state.sent += 1;
        parcel.sent = state.sent;
        state.parcels.insert((self.timeline.now() + delay, parcel.sent), parcel);
        drop(state);
        self.news.notify_one();
    }

    /// Puts back on their way what was kept.
    pub(crate) fn take_out(&self, state: &mut State) {
        let now = self.timeline.now();
        for parcel in std::mem::take(&mut state.kept) {
            state.parcels.insert((now, parcel.sent), parcel);
        }
        self.news.notify_one();
    }

    /// Carries parcels, each at its time.
    async fn carry(self: Arc<Self>) {
        loop {
            let due = self.state().parcels.first_key_value().map(|((due, _), _)| *due);
            let now = self.timeline.now();
            match due {
                Some(due) if due <= now => {
                    let parcel = self.state().parcels.pop_first();
                    if let Some((_, parcel)) = parcel {
                        self.hand_over(parcel);
                    }
                }
                Some(due) => {
                    tokio::select! {
                        biased;
                        () = self.news.notified() => {}
                        () = self.timeline.after(due.saturating_sub(now)) => {}
                    }
                }
                None => self.news.notified().await,
            }
        }
    }

    fn hand_over(self: &Arc<Self>, parcel: Parcel) {
        let (to, queue, sent) = (parcel.to, parcel.queue, parcel.sent);
        let mut state = self.state();
        let away = state.away;
        let consumer = state.consumers.get_mut(&to);
        let Some(consumer) = consumer.filter(|it| !away && !it.deliveries.is_closed()) else {
            if parcel.stored {
                state.kept.push(parcel);
            } else {
                drop(state);
                drop(parcel);
            }
            return;
        };
        if sent < consumer.latest {
            self.trace.fired("reorder", format_args!("to {to}"));
        }
        consumer.latest = consumer.latest.max(sent);
        let (machine, deliveries) = (consumer.machine.clone(), consumer.deliveries.clone());
        drop(state);
        let payload = parcel.payload.clone();
        let handed = Handed { network: Arc::clone(self), parcel: Some(parcel) };
        let ack = Ack::new(move || handed.acknowledge(&machine));
        let delivery = Delivery { queue, payload, headers: "{}".to_owned(), dead: None, ack };
        // What finds no room is handed over again, or sent again by whoever waits for it.
        drop(deliveries.try_send(delivery));
    }

    /// What becomes of a confirm on its way back to a relay.
    pub(crate) async fn confirm(
        self: Arc<Self>,
        from: (ServiceName, Machine),
        confirm: Confirm,
        told: oneshot::Sender<Outcome>,
    ) {
        let (service, machine) = from;
        let outcome = confirm.await.unwrap_or(Outcome::Unavailable);
        if self.points.pass(service, Point::BeforeConfirm) {
            return self.ends(service, &machine, Point::BeforeConfirm);
        }
        let calm = self.state().calm;
        if !calm && self.chance.permille(self.weather.unheard) {
            self.trace.fired("confirm lost", format_args!("to {service}"));
            drop(told.send(Outcome::Unavailable));
            return;
        }
        drop(told.send(outcome));
        if self.points.pass(service, Point::AfterConfirm) {
            self.ends(service, &machine, Point::AfterConfirm);
        }
    }

    pub(crate) fn ends(&self, service: ServiceName, machine: &Machine, point: Point) {
        self.trace.fired(point.name(), format_args!("{service}"));
        machine.end();
    }
}

/// A parcel in a consumer's hands.
struct Handed {
    network: Arc<Network>,
    parcel: Option<Parcel>,
}

impl Handed {
    fn acknowledge(mut self, machine: &Machine) {
        let Some(to) = self.parcel.as_ref().map(|parcel| parcel.to) else { return };
        if machine.has_ended() {
            return;
        }
        let network = Arc::clone(&self.network);
        if network.points.pass(to, Point::BeforeAcknowledge) {
            return network.ends(to, machine, Point::BeforeAcknowledge);
        }
        if let Some(ack) = self.parcel.take().and_then(|mut parcel| parcel.ack.take()) {
            ack.give();
        }
        if network.points.pass(to, Point::AfterAcknowledge) {
            network.ends(to, machine, Point::AfterAcknowledge);
        }
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        if let Some(parcel) = self.parcel.take().filter(|parcel| parcel.stored) {
            self.network.put(parcel);
        }
    }
}

//! A broker that sees what passes: how the bench hears of an order's progress without asking for
//! it, and counts messages. It passes everything on as it is.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use contracts::{CommandType, EventType, ServiceName, routes};
use runtime::{
    broker::{Broker, Confirm, Delivery, Publication, Reach},
    ports::Ports,
};
use serde::Deserialize;
use tokio::sync::{Notify, mpsc, oneshot};

/// A message that is waited for. It has passed once every service that listens has committed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The store's owner has the ticket before them.
    AcceptanceAsked,
    /// The cook has the ticket before them.
    CookingAsked,
    /// Riders have the delivery before them.
    Offered,
    /// The rider knows that the food is ready.
    Cooked,
    /// The orchestrator knows that it is delivered: from now on customers see it.
    Delivered,
    /// Paid, settled, at its end.
    Completed,
}

/// How many sights there are.
const SIGHTS: usize = 6;

/// One order, as far as it was seen.
#[derive(Default)]
pub struct Progress {
    seen: Mutex<[Option<Duration>; SIGHTS]>,
    changed: Notify,
}

impl Progress {
    fn see(&self, sight: Sight, at: Duration) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // A message may come twice; the first counts.
        seen[sight as usize].get_or_insert(at);
        self.changed.notify_one();
    }

    /// When that was seen, on the clock's `elapsed`; waits for it. One may wait at a time.
    pub async fn wait(&self, sight: Sight) -> Duration {
        loop {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner)[sight as usize];
            match seen {
                Some(at) => return at,
                None => self.changed.notified().await,
            }
        }
    }
}

/// What was seen.
#[derive(Default)]
pub struct Watch {
    orders: Mutex<HashMap<String, Arc<Progress>>>,
    published: AtomicU64,
    /// Whether people act, who have to be told what they are asked.
    people: bool,
    from: From,
}

/// From where is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum From {
    /// Between relays and broker: a message has passed once every service that listens has
    /// committed it.
    #[default]
    Within,
    /// Beside the services, who may not have heard it yet. That customers see an order delivered is
    /// known by the next message that the orchestrator sends: one message too late, never too early.
    Beside,
}

impl Watch {
    /// Watches for what ends an order, and for what people wait for where they act.
    pub fn new(people: bool, from: From) -> Self {
        Self { people, from, ..Self::default() }
    }

    /// Whether a service may not have heard yet what was seen.
    pub fn is_early(&self) -> bool {
        self.from == From::Beside
    }

    /// A message has passed.
    pub fn see(&self, exchange: &str, key: &str, payload: &[u8], at: Duration) {
        if let Some((sight, progress)) = self.recognise(exchange, key, payload) {
            progress.see(sight, at);
        }
    }

    /// How many messages were published.
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }

    /// The order's progress, also where nothing was seen of it yet.
    pub fn follow(&self, order_id: &str) -> Arc<Progress> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(progress) = orders.get(order_id) {
            return Arc::clone(progress);
        }
        Arc::clone(orders.entry(order_id.to_owned()).or_default())
    }

    /// Nobody follows the order any more.
    pub fn forget(&self, order_id: &str) {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).remove(order_id);
    }

    fn recognise(
        &self,
        exchange: &str,
        key: &str,
        payload: &[u8],
    ) -> Option<(Sight, Arc<Progress>)> {
        let command = exchange == routes::COMMANDS_EXCHANGE;
        let event = |name: &str| key.strip_suffix(name).is_some_and(|it| it.ends_with('.'));
        let beside = self.from == From::Beside;
        let tells = |key| match key {
            "store" => self.people || beside,
            "cook" => self.people,
            _ => false,
        };
        let sight = if command && tells(key) {
            None
        } else if command {
            return None;
        } else if event(EventType::OrderCompleted.as_str()) {
            Some(Sight::Completed)
        } else if !beside && event(EventType::DeliveryConfirmed.as_str()) {
            Some(Sight::Delivered)
        } else if self.people && event(EventType::CookFinished.as_str()) {
            Some(Sight::Cooked)
        } else if self.people && event(EventType::DeliveryOffered.as_str()) {
            Some(Sight::Offered)
        } else {
            return None;
        };
        let head: Head<'_> = serde_json::from_slice(payload).ok()?;
        let sight = sight.or_else(|| match CommandType::parse(head.kind)? {
            CommandType::RequestAcceptance if self.people => Some(Sight::AcceptanceAsked),
            CommandType::PrepareFood if self.people => Some(Sight::CookingAsked),
            CommandType::SettleStock if beside => Some(Sight::Delivered),
            _ => None,
        })?;
        Some((sight, self.follow(head.subject)))
    }
}

/// What is read of an envelope.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    subject: &'a str,
}

/// A broker that is watched.
pub struct Watched {
    inner: Arc<dyn Broker>,
    watch: Arc<Watch>,
    ports: Ports,
}

impl Watched {
    /// Watches that broker.
    pub fn new(inner: Arc<dyn Broker>, watch: Arc<Watch>, ports: Ports) -> Self {
        Self { inner, watch, ports }
    }

    /// Passes a confirm on, and notes it.
    fn note(&self, confirm: Confirm, sight: Sight, progress: Arc<Progress>) -> Confirm {
        let (pass_on, passed_on) = oneshot::channel();
        let clock = Arc::clone(&self.ports.clock);
        self.ports.spawn(async move {
            // A broken channel breaks the one behind it: the relay sends again.
            let Ok(outcome) = confirm.await else { return };
            if outcome == runtime::broker::Outcome::Confirmed {
                progress.see(sight, clock.elapsed());
            }
            drop(pass_on.send(outcome));
        });
        passed_on
    }
}

#[async_trait]
impl Broker for Watched {
    async fn publish(&self, publications: Vec<Publication>) -> Vec<Confirm> {
        self.watch.published.fetch_add(publications.len() as u64, Ordering::Relaxed);
        let recognise =
            |it: &Publication| self.watch.recognise(&it.exchange, &it.routing_key, &it.payload);
        let recognised: Vec<_> = publications.iter().map(recognise).collect();
        let confirms = self.inner.publish(publications).await;
        let noted = confirms.into_iter().zip(recognised).map(|(confirm, seen)| match seen {
            Some((sight, progress)) => self.note(confirm, sight, progress),
            None => confirm,
        });
        noted.collect()
    }

    async fn consume(&self, service: ServiceName, prefetch: usize) -> mpsc::Receiver<Delivery> {
        self.inner.consume(service, prefetch).await
    }

    fn reach(&self, service: ServiceName) -> Reach {
        self.inner.reach(service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_an_order_is_seen_and_what_people_wait_for_where_they_act() {
        let check_from = |from, people, exchange: &str, key: &str, kind: &str, expected| {
            let payload = format!(r#"{{"type":"{kind}","subject":"o-1","data":{{}}}}"#);
            let seen = Watch::new(people, from).recognise(exchange, key, payload.as_bytes());
            assert_eq!(seen.map(|it| it.0), expected, "{from:?} {people} {key} {kind}");
        };
        let check = |people, exchange: &str, key: &str, kind: &str, expected: Option<Sight>| {
            check_from(From::Within, people, exchange, key, kind, expected);
        };
        let (commands, events) = (routes::COMMANDS_EXCHANGE, routes::EVENTS_EXCHANGE);
        for people in [false, true] {
            let only = |sight| people.then_some(sight);
            let asked = only(Sight::AcceptanceAsked);
            check(people, commands, "store", "request-acceptance", asked);
            check(people, commands, "store", "settle-stock", None);
            check(people, commands, "cook", "prepare-food", only(Sight::CookingAsked));
            check(people, commands, "payment", "authorize-payment", None);
            let offered = only(Sight::Offered);
            check(people, events, "rider.delivery-offered", "delivery-offered", offered);
            check(people, events, "cook.cook-finished", "cook-finished", only(Sight::Cooked));
            let (completed, delivered) = (Some(Sight::Completed), Some(Sight::Delivered));
            check(people, events, "orchestrator.order-completed", "order-completed", completed);
            check(people, events, "rider.delivery-confirmed", "delivery-confirmed", delivered);
            check(people, events, "payment.payment-captured", "payment-captured", None);
            let check = |exchange, key: &str, kind: &str, expected| {
                check_from(From::Beside, people, exchange, key, kind, expected);
            };
            check(commands, "store", "settle-stock", Some(Sight::Delivered));
            check(commands, "store", "request-acceptance", asked);
            check(events, "rider.delivery-confirmed", "delivery-confirmed", None);
            check(events, "orchestrator.order-completed", "order-completed", completed);
        }
    }

    #[tokio::test]
    async fn what_was_seen_before_anybody_followed_is_not_lost() {
        let watch = Watch::new(false, From::Within);
        let at = Duration::from_millis(5);
        watch.follow("o-1").see(Sight::Delivered, at);
        watch.follow("o-1").see(Sight::Delivered, at * 2);
        assert_eq!(watch.follow("o-1").wait(Sight::Delivered).await, at);
        watch.forget("o-1");
        assert!(watch.orders.lock().unwrap().is_empty());
    }
}

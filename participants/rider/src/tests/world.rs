//! A service that is driven as the path drives it, one input a batch: it sees only what an input
//! names, and may save only what the input locks, one version further.

use std::collections::{BTreeSet, HashMap};

use contracts::{
    Address, Command, CommandId, Currency, District, Event, EventType as E, Fact, Message,
    MessageId, Money, OrderId, RiderId, SagaId, ServiceName, StoreId, Timestamp,
    command::{DispatchDelivery, OrderOnly},
    event::OrderPlaced,
};
use runtime::{Aggregate, Content, Decision, Incoming, Input, Key, Phase, Reply, Service, View};

use crate::{
    Request, Rider, Settings,
    aggregates::{Kept, delivery_key, load_key, rider_key},
    domain::{Act, Delivery, Load, RiderRow},
};

pub(super) fn order(id: &str) -> OrderId {
    OrderId::new(id).unwrap()
}

pub(super) fn rider(id: &str) -> RiderId {
    RiderId::new(id).unwrap()
}

pub(super) fn district(id: &str) -> District {
    District::new(id).unwrap()
}

fn saga() -> SagaId {
    SagaId(serde_json::from_str("\"0197a000-0000-7000-8000-000000000001\"").unwrap())
}

fn message(source: ServiceName, message: Message) -> Input<Request> {
    let of_saga = matches!(message, Message::Command(_)).then(saga);
    Input::Message(Incoming {
        id: MessageId(saga().0),
        time: Timestamp::from_millis(1),
        source,
        subject: String::new(),
        sequence: Some(1),
        command_id: of_saga.map(|saga| CommandId(saga.0)),
        saga: of_saga,
        message,
    })
}

pub(super) fn command(command: Command) -> Input<Request> {
    message(ServiceName::Orchestrator, Message::Command(command))
}

pub(super) fn placed_in(id: &str, to: &str) -> Input<Request> {
    let placed = OrderPlaced {
        order_id: order(id),
        customer_id: "c1".parse().unwrap(),
        store_id: "s1".parse().unwrap(),
        items: Vec::new(),
        total: Money { amount: 9000, currency: Currency::new("KRW").unwrap() },
        address: Address { district: district(to), line: "1 Main Street".to_owned() },
        placed_at: Timestamp::from_millis(1),
        scheduled_for: None,
        revision: None,
    };
    message(ServiceName::Orchestrator, Message::Event(Event::OrderPlaced(placed)))
}

pub(super) fn placed(id: &str) -> Input<Request> {
    placed_in(id, "d1")
}

pub(super) fn cooked(id: &str) -> Input<Request> {
    let fact = Fact { order_id: order(id), state: "finished".to_owned(), milestones: Vec::new() };
    message(ServiceName::Cook, Message::Event(Event::Fact(E::CookFinished, fact)))
}

pub(super) fn dispatch(id: &str) -> Input<Request> {
    let store_id = StoreId::new("s1").unwrap();
    command(Command::DispatchDelivery(DispatchDelivery {
        order_id: order(id),
        store_id,
        revision: None,
    }))
}

pub(super) fn widen(id: &str) -> Input<Request> {
    command(Command::WidenSearch(OrderOnly { order_id: order(id) }))
}

pub(super) fn recall(id: &str) -> Input<Request> {
    command(Command::RecallDelivery(OrderOnly { order_id: order(id) }))
}

pub(super) fn does(who: &str, act: Act, id: &str) -> Input<Request> {
    does_for(who, act, id, None)
}

pub(super) fn does_for(who: &str, act: Act, id: &str, why: Option<&str>) -> Input<Request> {
    let (order_id, rider_id, reason) = (order(id), rider(who), why.map(str::to_owned));
    Input::Request(Request::Act { order_id, rider_id, act, reason })
}

pub(super) fn enter(who: &str, at: &str, on_duty: bool, capacity: usize) -> Input<Request> {
    let (rider_id, district, capacity) = (rider(who), district(at), Some(capacity));
    Input::Request(Request::PutRider { rider_id, district, on_duty, capacity })
}

/// Entered without a word about capacity.
pub(super) fn on_duty(who: &str, at: &str, on_duty: bool) -> Input<Request> {
    let (rider_id, district) = (rider(who), district(at));
    Input::Request(Request::PutRider { rider_id, district, on_duty, capacity: None })
}

pub(super) fn map(at: &str, neighbours: &[&str]) -> Input<Request> {
    let neighbours: BTreeSet<District> = neighbours.iter().map(|it| district(it)).collect();
    Input::Request(Request::PutDistrict { district: district(at), neighbours })
}

/// What was told: the event's type, whether it was told before.
pub(super) type Told = Option<(E, bool)>;

/// The service with all that it keeps.
#[derive(Clone, Default)]
pub(super) struct World {
    service: Rider,
    pub(super) states: HashMap<Key, Kept>,
    clock: i64,
}

impl World {
    /// A city of three districts in a row with riders in the first two.
    pub(super) fn new() -> Self {
        let mut world = Self::default();
        for input in [
            map("d1", &["d2"]),
            map("d2", &["d1", "d3"]),
            enter("r1", "d1", true, 3),
            enter("r2", "d2", true, 3),
            enter("off", "d1", false, 3),
        ] {
            world.take(&input);
        }
        world
    }

    /// The same, where people's decisions are taken for them.
    pub(super) fn auto() -> Self {
        Self { service: Rider::new(Settings { auto: true }), ..Self::new() }
    }

    pub(super) fn given(mut self, inputs: &[Input<Request>]) -> Self {
        for input in inputs {
            let decision = self.take(input);
            assert!(!decision.saves.is_empty(), "{input:?} was to change something");
        }
        self
    }

    /// Takes one input, as a batch of its own.
    pub(super) fn take(&mut self, input: &Input<Request>) -> Decision<Kept> {
        self.clock += 1;
        let now = Timestamp::from_millis(self.clock);
        let unsent = HashMap::new();
        let mut keys = self.service.keys(input);
        let first: HashMap<Key, Kept> = self
            .seen(keys.lock.iter().filter(|key| key.kind.phase == Phase::First).chain(&keys.look));
        let more = self.service.more_keys(input, &View::new(&first, &unsent));
        assert!(more.lock.iter().all(|key| key.kind.phase == Phase::Second));
        keys.lock.extend(more.lock);
        keys.look.extend(more.look);
        let seen = self.seen(keys.lock.iter().chain(&keys.look));
        let decision = self.service.decide(input, &View::new(&seen, &unsent), now);
        // What else a batch happens to have loaded makes no difference.
        let in_a_batch = self.service.decide(input, &View::new(&self.states, &unsent), now);
        assert_eq!(format!("{decision:?}"), format!("{in_a_batch:?}"), "an unnamed key is read");
        for (key, state) in &decision.saves {
            assert!(keys.lock.contains(key), "{key} is saved without a lock");
            assert_eq!(key.kind, state.kind());
            let before = self.states.get(key).map_or(0, Aggregate::version);
            assert_eq!(state.version(), before + 1, "{key}");
            let body = state.encode().unwrap();
            assert_eq!(&Kept::decode(key.kind.name, &body).unwrap(), state);
            let twice = decision.saves.iter().filter(|(other, _)| other == key).count();
            assert_eq!(twice, 1, "{key} is saved {twice} times");
        }
        self.states.extend(decision.saves.iter().cloned());
        decision
    }

    /// Fires the delivery's timer until it stands still; what each firing came to.
    pub(super) fn ring(&mut self, id: &str) -> Vec<Decision<Kept>> {
        let key = delivery_key(&order(id));
        let mut decisions = Vec::new();
        while let Some(at) = self.states.get(&key).and_then(Kept::wake_at) {
            assert!(at.as_millis() <= self.clock, "due at once");
            decisions.push(self.take(&Input::Wake(key.clone())));
            assert!(decisions.len() < 10, "a timer that spins");
        }
        decisions
    }

    fn seen<'a>(&self, keys: impl Iterator<Item = &'a Key>) -> HashMap<Key, Kept> {
        keys.filter_map(|key| Some((key.clone(), self.states.get(key)?.clone()))).collect()
    }

    pub(super) fn delivery(&self, id: &str) -> Option<&Delivery> {
        self.states.get(&delivery_key(&order(id))).and_then(Kept::delivery)
    }

    pub(super) fn state(&self, id: &str) -> &'static str {
        self.delivery(id).map_or("unknown", |delivery| delivery.state.as_str())
    }

    pub(super) fn rider(&self, id: &str) -> Option<&RiderRow> {
        self.states.get(&rider_key(&rider(id))).and_then(Kept::rider)
    }

    pub(super) fn carries(&self, id: &str) -> usize {
        self.states.get(&load_key(&rider(id))).and_then(Kept::load).map_or(0, Load::len)
    }
}

/// What a decision tells; its sequence is the delivery's version, its saga the one that asked.
pub(super) fn told(world: &World, decision: &Decision<Kept>) -> Told {
    assert!(decision.messages.len() <= 1, "at most one public event a version");
    let message = decision.messages.first()?;
    let delivery = world.states.get(&message.about).and_then(Kept::delivery).unwrap();
    assert_eq!(message.saga, delivery.saga);
    match &message.content {
        Content::Event { event, sequence, repeat } => {
            assert_eq!(*sequence, delivery.record.sequence);
            assert_eq!(*repeat, decision.saves.is_empty());
            Some((event.kind(), *repeat))
        }
        Content::Command { .. } => panic!("a participant commands nobody"),
    }
}

/// How a request was answered: the slug, where it was refused.
pub(super) fn refused(decision: &Decision<Kept>) -> Option<String> {
    match &decision.reply {
        Reply::Refused(problem) => {
            assert!(decision.saves.is_empty() && decision.messages.is_empty());
            assert_eq!(problem.status, if problem.slug() == "not-found" { 404 } else { 409 });
            Some(problem.slug().to_owned())
        }
        Reply::Done { status: 200, .. } => None,
        other => panic!("a request is answered: {other:?}"),
    }
}

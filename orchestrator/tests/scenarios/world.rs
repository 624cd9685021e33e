//! One orchestrator without a path, a database or a clock: what it is told goes straight into
//! `decide`, and what it decides is applied as the path would apply it. After every input the laws
//! that the path and the auditor rely on are checked.

use std::{collections::HashMap, time::Duration};

use contracts::{
    Address, Command, CommandId, CommandType, Currency, CustomerId, Detail, District, Event,
    EventType, MenuId, Message, MessageId, Money, OrderId, Record, RiderId, SagaId, ServiceName,
    StoreId, Timestamp, event::MenuItemChanged,
};
use orchestrator::{
    Orchestrator, Order, Settings, State,
    placement::{PlaceOrder, Wanted},
    revision::Change,
    service::{Placing, Request, Revising},
};
use runtime::{
    Aggregate, Content, Decision, HistoryEntry, Incoming, Input, Key, Outgoing, Reply, SagaRow,
    Service, View,
};
use serde_json::Value;
use uuid::Uuid;

pub(crate) use crate::replies::{body, refusal, status};

/// When every scenario starts.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_780_000_000_000);

/// What one input led to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Commands sent, in order.
    pub(crate) commands: Vec<CommandType>,
    /// Events published, in order.
    pub(crate) events: Vec<EventType>,
    /// The answer to a request.
    pub(crate) reply: Reply,
    /// Why the message is a dead letter.
    pub(crate) dead_letter: Option<String>,
    /// Under which name it was counted as changing nothing.
    pub(crate) ignored: Option<&'static str>,
    /// Whether anything was saved.
    pub(crate) saved: bool,
}

impl Outcome {
    fn of(decision: &Decision<State>) -> Self {
        let (commands, events) = kinds(&decision.messages);
        Self {
            commands,
            events,
            reply: decision.reply.clone(),
            dead_letter: decision.dead_letter.clone(),
            ignored: decision.ignored,
            saved: !decision.saves.is_empty(),
        }
    }
}

/// A service's own record of the one order of the scenario.
pub(crate) type Records = HashMap<ServiceName, Record>;

pub(crate) struct World {
    pub(crate) service: Orchestrator,
    pub(crate) now: Timestamp,
    pub(crate) order_id: OrderId,
    pub(crate) saga_id: SagaId,
    pub(crate) records: Records,
    pub(crate) sent: Vec<Outgoing>,
    pub(crate) history: HashMap<Uuid, Vec<HistoryEntry>>,
    pub(crate) rows: HashMap<Uuid, SagaRow>,
    pub(crate) unsent: HashMap<u16, Timestamp>,
    /// Until when no message could reach the orchestrator.
    pub(crate) deaf_until: Option<Timestamp>,
    states: HashMap<Key, State>,
    messages: u128,
    keys: u32,
}

pub(crate) fn asked(token: &str) -> PlaceOrder {
    PlaceOrder {
        customer_id: CustomerId::new("c1").unwrap(),
        store_id: StoreId::new("s1").unwrap(),
        items: vec![Wanted { menu_id: MenuId::new("m1").unwrap(), quantity: 2 }],
        address: Address {
            district: District::new("mapo").unwrap(),
            line: "12 River Street".to_owned(),
        },
        token: token.parse().unwrap(),
        scheduled_for: None,
    }
}

/// A change to so many pieces.
pub(crate) fn pieces(quantity: u32) -> Change {
    let item = Wanted { menu_id: MenuId::new("m1").unwrap(), quantity };
    Change { items: Some(vec![item]), address: None }
}

impl World {
    /// A world whose catalog knows one dish of one store: `s1/m1` at 9500 won.
    pub(crate) fn new(settings: Settings) -> Self {
        let mut world = Self {
            service: Orchestrator::new(settings),
            now: START,
            order_id: OrderId::new(
                Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001).to_string(),
            )
            .unwrap(),
            saga_id: SagaId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002)),
            records: Records::new(),
            sent: Vec::new(),
            history: HashMap::new(),
            rows: HashMap::new(),
            unsent: HashMap::new(),
            deaf_until: None,
            states: HashMap::new(),
            messages: 0,
            keys: 0,
        };
        world.menu("m1", 9_500, 1);
        world
    }

    /// A world in which the order was just placed.
    pub(crate) fn placed() -> Self {
        let mut world = Self::new(Settings::default());
        let outcome = world.place("key-1", asked("tok-ok"));
        assert_eq!(status(&outcome.reply), 201, "{outcome:?}");
        world
    }

    /// The world after the order was placed and those facts were told, in order.
    pub(crate) fn after(facts: &[EventType]) -> Self {
        let mut world = Self::placed();
        for fact in facts {
            world.tell(*fact);
        }
        world
    }

    pub(crate) fn menu(&mut self, menu: &str, amount: i64, sequence: u64) -> Outcome {
        self.menu_in(menu, amount, "KRW", sequence)
    }

    pub(crate) fn menu_in(
        &mut self,
        menu: &str,
        amount: i64,
        currency: &str,
        sequence: u64,
    ) -> Outcome {
        let changed = Event::MenuItemChanged(MenuItemChanged {
            store_id: StoreId::new("s1").unwrap(),
            menu_id: MenuId::new(menu).unwrap(),
            name: menu.to_uppercase(),
            price: Money { amount, currency: Currency::new(currency).unwrap() },
        });
        let message = self.incoming(ServiceName::Store, changed, sequence);
        self.decide(&Input::Message(message))
    }

    pub(crate) fn place(&mut self, key: &str, order: PlaceOrder) -> Outcome {
        let (order_id, saga_id) = (self.order_id.clone(), self.saga_id);
        self.place_as(key, order, order_id, saga_id)
    }

    pub(crate) fn place_as(
        &mut self,
        key: &str,
        order: PlaceOrder,
        order_id: OrderId,
        saga_id: SagaId,
    ) -> Outcome {
        let placing = Placing { key: key.to_owned(), order_id, saga_id, order };
        self.decide(&Input::Request(Request::Place(Box::new(placing))))
    }

    /// The customer asks for a change, under a key of its own.
    pub(crate) fn revise(&mut self, change: Change) -> Outcome {
        self.keys += 1;
        let key = format!("change-{}", self.keys);
        self.revise_as(&key, change)
    }

    pub(crate) fn revise_as(&mut self, key: &str, change: Change) -> Outcome {
        self.messages += 1;
        let asked = Revising {
            key: key.to_owned(),
            customer_id: CustomerId::new("c1").unwrap(),
            order_id: self.order_id.clone(),
            saga_id: SagaId(Uuid::from_u128((0xabc << 64) | self.messages)),
            change,
        };
        self.decide(&Input::Request(Request::Revise(Box::new(asked))))
    }

    pub(crate) fn cancel(&mut self) -> Outcome {
        let request = Request::Cancel(self.order_id.clone());
        self.decide(&Input::Request(request))
    }

    /// The participant records that this has happened, and its fact arrives.
    pub(crate) fn tell(&mut self, kind: EventType) -> Outcome {
        let fact = self.happen(kind);
        self.hear(&fact)
    }

    /// The participant records that this has happened; the fact is on its way.
    pub(crate) fn happen(&mut self, kind: EventType) -> Incoming {
        let rider = (kind == EventType::RiderAssigned).then(|| RiderId::new("r1").unwrap());
        self.happen_with(kind, Detail { rider_id: rider, ..Detail::default() })
    }

    pub(crate) fn happen_with(&mut self, kind: EventType, detail: Detail) -> Incoming {
        let now = self.now;
        self.records.entry(kind.source()).or_default().add(kind, now, detail);
        self.again(kind.source())
    }

    /// The participant tells its latest fact again: same sequence, another message.
    pub(crate) fn again(&mut self, source: ServiceName) -> Incoming {
        let record = &self.records[&source];
        let (event, sequence) =
            (record.event(&self.order_id, "any").expect("something happened"), record.sequence);
        self.incoming(source, event, sequence)
    }

    pub(crate) fn incoming(
        &mut self,
        source: ServiceName,
        event: Event,
        sequence: u64,
    ) -> Incoming {
        self.messages += 1;
        Incoming {
            id: MessageId(Uuid::from_u128(self.messages)),
            time: self.now,
            source,
            subject: event.subject(),
            sequence: Some(sequence),
            command_id: None,
            saga: None,
            message: Message::Event(event),
        }
    }

    pub(crate) fn hear(&mut self, fact: &Incoming) -> Outcome {
        self.decide(&Input::Message(fact.clone()))
    }

    /// Time passes; the order is woken each time it wants to be.
    pub(crate) fn pass(&mut self, duration: Duration) -> Vec<Outcome> {
        let until = self.now.plus(duration);
        let mut outcomes = Vec::new();
        for _ in 0..10_000 {
            match self.wakes_at().filter(|at| *at <= until) {
                Some(at) => {
                    self.now = self.now.max(at);
                    outcomes.push(self.wake());
                }
                None => {
                    self.now = until;
                    return outcomes;
                }
            }
        }
        panic!("the order wants to be woken without end");
    }

    pub(crate) fn wake(&mut self) -> Outcome {
        let key = self.key();
        self.decide(&Input::Wake(key))
    }

    pub(crate) fn wakes_at(&self) -> Option<Timestamp> {
        self.states[&self.key()].wake_at()
    }

    pub(crate) fn key(&self) -> Key {
        Key::new(orchestrator::aggregates::ORDER, self.order_id.as_str())
    }

    pub(crate) fn order(&self) -> &Order {
        let Some(State::Order(order)) = self.states.get(&self.key()) else {
            panic!("the order exists");
        };
        order
    }

    /// The order as its customer sees it.
    pub(crate) fn view(&self) -> Value {
        serde_json::to_value(orchestrator::views::OrderView::of(self.order())).unwrap()
    }

    pub(crate) fn count(&self, kind: fn(&State) -> bool) -> usize {
        self.states.values().filter(|state| kind(state)).count()
    }

    /// Every command sent so far, in order.
    pub(crate) fn commands(&self) -> Vec<(CommandType, CommandId, Command)> {
        let command = |outgoing: &Outgoing| match &outgoing.content {
            Content::Command { command, command_id } => {
                Some((command.kind(), *command_id, command.clone()))
            }
            Content::Event { .. } => None,
        };
        self.sent.iter().filter_map(command).collect()
    }

    /// Every event published so far, in order.
    pub(crate) fn events(&self) -> Vec<EventType> {
        kinds(&self.sent).1
    }

    /// Gives one input to the service and applies what it decides, checking what the path checks.
    pub(crate) fn decide(&mut self, input: &Input<Request>) -> Outcome {
        let mut keys = self.service.keys(input);
        let more = self.service.more_keys(input, &View::new(&self.states, &self.unsent));
        keys.lock.extend(more.lock);
        keys.look.extend(more.look);
        // The service sees what it named and nothing else.
        let named: HashMap<Key, State> = keys
            .lock
            .iter()
            .chain(&keys.look)
            .filter_map(|key| Some((key.clone(), self.states.get(key)?.clone())))
            .collect();
        let view = View::new(&named, &self.unsent).with_deaf_until(self.deaf_until);
        let decision = self.service.decide(input, &view, self.now);
        let outcome = Outcome::of(&decision);
        self.apply(decision, &keys.lock);
        outcome
    }

    fn apply(&mut self, decision: Decision<State>, locked: &[Key]) {
        if decision.dead_letter.is_some() || decision.ignored.is_some() {
            assert!(decision.messages.is_empty(), "what changes nothing says nothing");
        }
        for (key, state) in decision.saves {
            assert!(locked.contains(&key), "{key} is saved without a lock");
            let before = self.states.get(&key).map_or(0, Aggregate::version);
            assert_eq!(state.version(), before + 1, "{key} grows by one version");
            let body = state.encode().unwrap();
            let read = State::decode(key.kind.name, &body).unwrap();
            assert_eq!(read.encode().unwrap(), body, "{key} is stored as it is");
            self.states.insert(key, read);
        }
        for entry in decision.history {
            let stream = self.history.entry(entry.stream).or_default();
            assert_eq!(entry.version, stream.len() as u64 + 1, "histories have no gaps");
            stream.push(entry);
        }
        for row in decision.sagas {
            self.rows.insert(row.saga_id, row);
        }
        let is_event = |it: &&Outgoing| matches!(it.content, Content::Event { .. });
        let events = decision.messages.iter().filter(is_event).count();
        assert!(events <= 1, "one version tells one event");
        for message in decision.messages {
            assert!(locked.contains(&message.about), "{} speaks without a lock", message.about);
            if let Content::Event { event, sequence, .. } = &message.content {
                assert_eq!(*sequence, self.order().version, "{} tells its version", event.kind());
                let text = format!("{event:?}");
                assert!(!text.contains("tok-"), "the means of payment is told to everybody");
            }
            self.sent.push(message);
        }
        self.check_histories();
    }

    /// I5: every history replays through the definition to the state that is stored.
    fn check_histories(&self) {
        let Some(State::Order(order)) = self.states.get(&self.key()) else { return };
        for saga in orchestrator::views::saga_views(order) {
            let stream = &self.history[&saga.saga_id];
            let replayed = orchestrator::sagas::replay(stream).expect("the history can be read");
            let stored = order.saga(SagaId(saga.saga_id)).expect("the saga is the order's");
            assert_eq!(&replayed, stored, "the history replays to what is stored");
            assert_eq!(self.rows[&saga.saga_id].version, stream.len() as u64);
        }
    }
}

fn kinds(messages: &[Outgoing]) -> (Vec<CommandType>, Vec<EventType>) {
    let mut commands = Vec::new();
    let mut events = Vec::new();
    for message in messages {
        match &message.content {
            Content::Command { command, .. } => commands.push(command.kind()),
            Content::Event { event, .. } => events.push(event.kind()),
        }
    }
    (commands, events)
}

//! A changed order between the deciders of three services, with messages in any order and number: what
//! is shipped, without database, broker or clock. However they mingle, everything ends, and what is
//! held, reserved and asked for is the order as it was changed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::HashMap, time::Duration};

use contracts::{
    Address, Command, Currency, CustomerId, Detail, District, Event, EventType, MenuId, Message,
    MessageId, Money, OrderId, Record, SagaId, ServiceName, StoreId, Timestamp,
    event::MenuItemChanged,
};
use orchestrator::{
    Orchestrator, Order, State,
    placement::{PlaceOrder, Wanted},
    revision::{Change, RevisionState},
    service::{Placing, Request, Revising},
};
use payment::{OrderPayment, Payment, domain::AuthorizationState};
use proptest::{collection::vec, prelude::*};
use runtime::{Aggregate, Content, Incoming, Input, Key, Outgoing, Reply, Service, View};
use store::{Store, StoreAggregate, domain::Ticket};
use uuid::Uuid;

const PRICE: i64 = 9_500;
const STOCK: u64 = 1_000;

/// What may happen next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// One of the messages that are on their way arrives.
    Arrives(usize),
    /// One arrives, and will once more.
    Repeats(usize),
    /// The customer wants so many pieces.
    Change(u32),
    Cancel,
    Accept,
    Reject,
    /// So many seconds pass, and timers fire.
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => any::<usize>().prop_map(Step::Arrives),
        2 => any::<usize>().prop_map(Step::Repeats),
        3 => (1..9_u32).prop_map(Step::Change),
        1 => Just(Step::Cancel),
        1 => Just(Step::Accept),
        1 => Just(Step::Reject),
        2 => (1..40_u64).prop_map(Step::Pass),
    ]
}

/// A service with what it has stored.
struct Node<S: Service> {
    service: S,
    states: HashMap<Key, S::State>,
}

impl<S: Service> Node<S> {
    fn new(service: S) -> Self {
        Self { service, states: HashMap::new() }
    }

    /// Takes an input as the path would; what it says, and its answer.
    fn take(&mut self, input: &Input<S::Request>, now: Timestamp) -> (Vec<Outgoing>, Reply) {
        let unsent = HashMap::new();
        let decision = self.service.decide(input, &View::new(&self.states, &unsent), now);
        assert_eq!(decision.dead_letter, None);
        for (key, state) in decision.saves {
            let before = self.states.get(&key).map_or(0, Aggregate::version);
            assert_eq!(state.version(), before + 1, "{key}");
            self.states.insert(key, state);
        }
        (decision.messages, decision.reply)
    }

    /// Every aggregate whose time has come.
    fn due(&self, now: Timestamp) -> Vec<Key> {
        let due = |state: &S::State| state.wake_at().is_some_and(|at| at <= now);
        self.states.iter().filter(|(_, state)| due(state)).map(|(key, _)| key.clone()).collect()
    }
}

struct World {
    orchestrator: Node<Orchestrator>,
    payment: Node<Payment>,
    store: Node<Store>,
    /// All that the kitchen ever says: that it has not started.
    kitchen: Record,
    on_the_way: Vec<(ServiceName, Incoming)>,
    now: Timestamp,
    number: u128,
}

fn order_id() -> OrderId {
    OrderId::new("0190-order").unwrap()
}

fn won(amount: i64) -> Money {
    Money { amount, currency: Currency::KRW }
}

fn wanted(quantity: u32) -> Vec<Wanted> {
    vec![Wanted { menu_id: MenuId::new("m1").unwrap(), quantity }]
}

impl World {
    /// Two pieces were ordered, and are to be paid by that token.
    fn placed(token: &str) -> Self {
        let settings = serde_json::json!({"deadlines": {"accept": 86_400, "cook_start": 86_400}});
        let orchestrator = Orchestrator::new(serde_json::from_value(settings).unwrap());
        let mut world = Self {
            orchestrator: Node::new(orchestrator),
            payment: Node::new(Payment::new(payment::Settings {
                slow_after: Duration::from_secs(20),
            })),
            store: Node::new(Store::new(store::Settings { auto: false })),
            kitchen: Record::default(),
            on_the_way: Vec::new(),
            now: Timestamp::from_millis(1_780_000_000_000),
            number: 0,
        };
        let (store_id, menu_id) = (StoreId::new("s1").unwrap(), MenuId::new("m1").unwrap());
        let dish = store::domain::Wanted { name: "M1".to_owned(), price: won(PRICE), stock: STOCK };
        let put = store::Request::PutMenuItem {
            store_id: store_id.clone(),
            menu_id: menu_id.clone(),
            wanted: dish,
        };
        world.store.take(&Input::Request(put), world.now);
        let told = Event::MenuItemChanged(MenuItemChanged {
            store_id: store_id.clone(),
            menu_id,
            name: "M1".to_owned(),
            price: won(PRICE),
        });
        let told = world.incoming(ServiceName::Store, Message::Event(told), Some(1), None);
        world.orchestrator.take(&Input::Message(told), world.now);
        let order = PlaceOrder {
            customer_id: CustomerId::new("c1").unwrap(),
            store_id,
            items: wanted(2),
            address: Address { district: District::new("mapo").unwrap(), line: "1".to_owned() },
            token: token.parse().unwrap(),
            scheduled_for: None,
        };
        let placing = Placing {
            key: "placed".to_owned(),
            order_id: order_id(),
            saga_id: SagaId(Uuid::from_u128(1 << 64)),
            order,
        };
        world.ask(Request::Place(Box::new(placing)));
        world
    }

    fn order(&self) -> &Order {
        self.orchestrator.states.values().find_map(State::as_order).unwrap()
    }

    fn payment(&self) -> Option<&OrderPayment> {
        self.payment.states.values().next()
    }

    fn ticket(&self) -> Option<&Ticket> {
        self.store.states.values().find_map(StoreAggregate::ticket)
    }

    fn incoming(
        &mut self,
        source: ServiceName,
        message: Message,
        sequence: Option<u64>,
        saga: Option<SagaId>,
    ) -> Incoming {
        self.number += 1;
        Incoming {
            id: MessageId(Uuid::from_u128(self.number)),
            time: self.now,
            source,
            subject: order_id().to_string(),
            sequence,
            command_id: None,
            saga,
            message,
        }
    }

    fn ask(&mut self, request: Request) -> Reply {
        let (said, reply) = self.orchestrator.take(&Input::Request(request), self.now);
        self.send(ServiceName::Orchestrator, said);
        reply
    }

    fn answer(&mut self, accepted: bool) {
        let answer = store::Request::Answer { order_id: order_id(), accepted, reason: None };
        let (said, _) = self.store.take(&Input::Request(answer), self.now);
        self.send(ServiceName::Store, said);
    }

    fn send(&mut self, source: ServiceName, said: Vec<Outgoing>) {
        for outgoing in said {
            let (to, message, sequence) = match outgoing.content {
                Content::Command { command, .. } => {
                    (command.kind().destination(), Message::Command(command), None)
                }
                Content::Event { event, sequence, .. } => {
                    (ServiceName::Orchestrator, Message::Event(event), Some(sequence))
                }
            };
            if source == ServiceName::Orchestrator && to == ServiceName::Orchestrator {
                continue; // for riders and readers
            }
            let message = self.incoming(source, message, sequence, outgoing.saga);
            self.on_the_way.push((to, message));
        }
    }

    fn arrive(&mut self, which: usize, repeat: bool) {
        if self.on_the_way.is_empty() {
            return;
        }
        let which = which % self.on_the_way.len();
        let (to, message) = self.on_the_way[which].clone();
        if !repeat {
            self.on_the_way.remove(which);
        }
        let saga = message.saga;
        let said = match (to, &message.message) {
            (ServiceName::Payment, _) => self.payment.take(&Input::Message(message), self.now).0,
            (ServiceName::Store, _) => self.store.take(&Input::Message(message), self.now).0,
            (ServiceName::Orchestrator, _) => {
                self.orchestrator.take(&Input::Message(message), self.now).0
            }
            (ServiceName::Cook, Message::Command(Command::CancelCooking(_))) => {
                if self.kitchen.milestones.is_empty() {
                    self.kitchen.add(EventType::CookingCancelled, self.now, Detail::default());
                }
                let event = self.kitchen.event(&order_id(), "cancelled").unwrap();
                let sequence = Some(self.kitchen.sequence);
                let told = self.incoming(ServiceName::Cook, Message::Event(event), sequence, saga);
                self.on_the_way.push((ServiceName::Orchestrator, told));
                return;
            }
            _ => return,
        };
        self.send(to, said);
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
        for key in self.orchestrator.due(self.now) {
            let (said, _) = self.orchestrator.take(&Input::Wake(key), self.now);
            self.send(ServiceName::Orchestrator, said);
        }
        for key in self.payment.due(self.now) {
            let (said, _) = self.payment.take(&Input::Wake(key), self.now);
            self.send(ServiceName::Payment, said);
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Arrives(which) => self.arrive(which, false),
            Step::Repeats(which) => self.arrive(which, true),
            Step::Change(quantity) => {
                self.number += 1;
                let asked = Revising {
                    key: format!("change-{}", self.number),
                    customer_id: CustomerId::new("c1").unwrap(),
                    order_id: order_id(),
                    saga_id: SagaId(Uuid::from_u128((2 << 64) | self.number)),
                    change: Change { items: Some(wanted(quantity)), address: None },
                };
                self.ask(Request::Revise(Box::new(asked)));
            }
            Step::Cancel => drop(self.ask(Request::Cancel(order_id()))),
            Step::Accept => self.answer(true),
            Step::Reject => self.answer(false),
            Step::Pass(seconds) => self.pass(seconds),
        }
        self.check();
    }

    /// What holds at every moment.
    fn check(&self) {
        let (Some(payment), order) = (self.payment(), self.order()) else { return };
        let hold =
            payment.authorization.as_ref().filter(|it| it.state == AuthorizationState::Authorized);
        let asked = self.ticket().and_then(|ticket| ticket.asked.as_ref());
        // What the owner looks at, or has accepted, is never worth more than what is held.
        if let (Some(hold), Some(asked)) = (hold, asked) {
            assert!(hold.amount.amount >= asked.total.amount, "{hold:?} for {asked:?}");
            assert!(hold.amount.amount >= order.total.amount);
        }
    }

    /// Lets everything that is on its way arrive, in order, and time go by until nothing happens.
    fn come_to_rest(&mut self) {
        for _ in 0..60 {
            for _ in 0..10_000 {
                if self.on_the_way.is_empty() {
                    break;
                }
                self.arrive(0, false);
            }
            self.check();
            self.pass(70);
        }
        // What is sent again and again waits for a person.
        self.on_the_way.clear();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_messages_mingle_everybody_is_of_one_mind_in_the_end(
        token in prop::sample::select(vec!["tok-ok", "tok-ok", "tok-limit", "tok-slow-raise"]),
        paid in any::<bool>(),
        steps in vec(step(), 0..60),
        last in prop::sample::select(vec![Step::Accept, Step::Reject, Step::Cancel]),
    ) {
        let mut world = World::placed(token);
        if paid {
            for _ in 0..3 {
                world.run(Step::Arrives(0));
            }
        }
        for step in steps {
            world.run(step);
        }
        world.come_to_rest();
        world.run(last);
        world.come_to_rest();

        let order = world.order();
        let pending = order.revisions.iter().any(|it| it.state == RevisionState::Pending);
        prop_assert!(!pending, "{:?}", order.revisions);
        let mut revisions = order.sagas.iter().filter(|saga| saga.definition() == "revise");
        let open = revisions.find(|saga| !saga.is_terminal());
        prop_assert!(open.is_none(), "{open:?}");
        let payment = world.payment().unwrap();
        let hold = payment.authorization.as_ref();
        let pieces = u64::from(order.items[0].quantity);
        let item = world.store.states.values().find_map(StoreAggregate::menu_item).unwrap();
        let view = serde_json::to_value(orchestrator::views::OrderView::of(order)).unwrap();
        if let Some(asked) = world.ticket().and_then(|ticket| ticket.asked.as_ref()) {
            prop_assert_eq!((&asked.items, asked.total), (&order.items, order.total));
        }
        if view["status"] == "accepted" {
            prop_assert_eq!(payment.state.as_str(), "authorized");
            prop_assert_eq!(hold.map(|hold| hold.amount), Some(order.total));
            prop_assert_eq!((item.on_hand, item.reserved), (STOCK - pieces, pieces));
        } else {
            prop_assert_eq!(&view["status"], "cancelled");
            prop_assert!(order.is_finished());
            prop_assert_eq!(payment.state.as_str(), "voided");
            prop_assert!(hold.is_none_or(|hold| hold.state == AuthorizationState::Voided));
            prop_assert_eq!((item.on_hand, item.reserved), (STOCK, 0));
        }
    }
}

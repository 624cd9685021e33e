//! The store with a map of states in place of a database: holds decisions to the path's rules.

use std::{collections::HashMap, time::Duration};

use contracts::{
    Command, CommandId, Currency, Event, EventType, Fact, Line, MenuId, Message, MessageId, Money,
    OrderId, SagaId, ServiceName, StoreId, Timestamp,
    command::{OrderOnly, OrderRevision, RequestAcceptance, ReviseTicket},
};
use runtime::{Aggregate, Content, Decision, Incoming, Input, Key, Reply, Service, View};
use store::{
    Request, Settings, Store, StoreAggregate,
    aggregates::{menu_item_key, ticket_key},
    domain::{MenuItem, Ticket, Wanted},
};

/// What can happen to the ticket of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Request,
    Accept,
    Reject,
    Cancel,
    Settle,
    Restock,
    /// The change of that number to so many pieces.
    Revise(u32, u32),
    Keep(u32),
}

pub(crate) struct Rig {
    service: Store,
    states: HashMap<Key, StoreAggregate>,
    pub(crate) now: Timestamp,
}

pub(crate) fn store_id() -> StoreId {
    StoreId::new("store-1").unwrap()
}

pub(crate) fn menu(id: &str) -> MenuId {
    MenuId::new(id).unwrap()
}

pub(crate) fn order(id: &str) -> OrderId {
    OrderId::new(id).unwrap()
}

pub(crate) fn won(amount: i64) -> Money {
    Money { amount, currency: Currency::KRW }
}

fn saga() -> SagaId {
    serde_json::from_str("\"01890000-0000-7000-8000-000000000001\"").unwrap()
}

pub(crate) fn command(command: Command) -> Input<Request> {
    message(Message::Command(command))
}

/// A fact of the cook's, of which nobody here should hear.
pub(crate) fn foreign_fact(order_id: OrderId) -> Input<Request> {
    let fact = Fact { order_id, state: "finished".to_owned(), milestones: Vec::new() };
    message(Message::Event(Event::Fact(EventType::CookFinished, fact)))
}

fn message(message: Message) -> Input<Request> {
    let id = "\"01890000-0000-7000-8000-000000000002\"";
    let id: MessageId = serde_json::from_str(id).unwrap();
    Input::Message(Incoming {
        id,
        time: Timestamp::from_millis(0),
        source: ServiceName::Orchestrator,
        subject: String::new(),
        sequence: None,
        command_id: Some(CommandId(id.0)),
        saga: Some(saga()),
        message,
    })
}

fn line((id, quantity): &(&str, u32)) -> Line {
    Line { menu_id: menu(id), name: (*id).to_owned(), unit_price: won(9_500), quantity: *quantity }
}

pub(crate) fn request(order_id: &str, lines: &[(&str, u32)]) -> Input<Request> {
    command(Command::RequestAcceptance(RequestAcceptance {
        order_id: order(order_id),
        store_id: store_id(),
        items: lines.iter().map(line).collect(),
        total: won(19_000),
    }))
}

pub(crate) fn put(menu_id: &str, name: &str, price: i64, stock: u64) -> Input<Request> {
    Input::Request(Request::PutMenuItem {
        store_id: store_id(),
        menu_id: menu(menu_id),
        wanted: Wanted { name: name.to_owned(), price: won(price), stock },
    })
}

pub(crate) fn answer(order_id: &str, accepted: bool, reason: Option<&str>) -> Input<Request> {
    let reason = reason.map(str::to_owned);
    Input::Request(Request::Answer { order_id: order(order_id), accepted, reason })
}

impl Rig {
    pub(crate) fn new(auto: bool) -> Self {
        Self {
            service: Store::new(Settings { auto }),
            states: HashMap::new(),
            now: Timestamp::from_millis(1_780_000_000_000),
        }
    }

    /// Ten pieces of `gimbap` on hand, and the acts done to order `order-1`.
    pub(crate) fn given(acts: &[Act]) -> Self {
        let mut rig = Self::new(false);
        rig.take(&put("gimbap", "Gimbap", 9_500, 10));
        for act in acts {
            rig.act(*act);
        }
        rig
    }

    pub(crate) fn ticket(&self, order_id: &str) -> Option<&Ticket> {
        self.states.get(&ticket_key(&order(order_id))).and_then(StoreAggregate::ticket)
    }

    pub(crate) fn item(&self, menu_id: &str) -> Option<&MenuItem> {
        self.states.get(&menu_item_key(&store_id(), &menu(menu_id)))?.menu_item()
    }

    /// On hand, reserved, sold.
    pub(crate) fn stock(&self, menu_id: &str) -> (u64, u64, u64) {
        self.item(menu_id).map_or((0, 0, 0), |item| (item.on_hand, item.reserved, item.sold))
    }

    pub(crate) fn state(&self, order_id: &str) -> &'static str {
        self.ticket(order_id).map_or("none", |ticket| ticket.state.as_str())
    }

    /// Does something to order `order-1`, whose two lines come to 2 of the 10 pieces of `gimbap`.
    pub(crate) fn act(&mut self, act: Act) -> String {
        self.act_on("order-1", &[("gimbap", 1), ("gimbap", 1)], act)
    }

    /// Acts, and says in words what came of it.
    pub(crate) fn act_on(&mut self, id: &str, lines: &[(&str, u32)], act: Act) -> String {
        let only = OrderOnly { order_id: order(id) };
        self.hear(
            id,
            &match act {
                Act::Request => request(id, lines),
                Act::Accept => answer(id, true, None),
                Act::Reject => answer(id, false, None),
                Act::Cancel => command(Command::CancelTicket(only)),
                Act::Settle => command(Command::SettleStock(only)),
                Act::Restock => command(Command::Restock(only)),
                Act::Revise(revision, quantity) => command(Command::ReviseTicket(ReviseTicket {
                    order_id: order(id),
                    revision,
                    items: vec![line(&("gimbap", quantity))],
                    total: won(9_500 * i64::from(quantity)),
                })),
                Act::Keep(revision) => {
                    command(Command::KeepTicket(OrderRevision { order_id: order(id), revision }))
                }
            },
        )
    }

    /// Takes an input about an order, and says in words what came of it.
    pub(crate) fn hear(&mut self, order_id: &str, input: &Input<Request>) -> String {
        let before = self.state(order_id);
        let decision = self.take(input);
        let mut words = Vec::new();
        if self.state(order_id) != before {
            words.push(format!("-> {}", self.state(order_id)));
        }
        for message in &decision.messages {
            let Content::Event { event, repeat, .. } = &message.content else {
                panic!("the store sends facts only");
            };
            let again = if *repeat { "again " } else { "" };
            words.push(format!("{again}{}", event.kind()));
        }
        words.extend(decision.ignored.map(str::to_owned));
        words.extend(decision.dead_letter.map(|reason| format!("dead letter: {reason}")));
        if let Reply::Refused(problem) = &decision.reply {
            words.push(format!("{} {}", problem.status, problem.slug()));
        }
        words.join(", ")
    }

    /// Takes an input as the path would, and holds the decision to the path's rules.
    pub(crate) fn take(&mut self, input: &Input<Request>) -> Decision<StoreAggregate> {
        self.now = self.now.plus(Duration::from_secs(1));
        let named = self.service.keys(input).lock;
        let first = self.states_of(&named);
        let unsent = HashMap::new();
        let more = self.service.more_keys(input, &View::new(&first, &unsent)).lock;
        let named: Vec<Key> = named.into_iter().chain(more).collect();
        let states = self.states_of(&named);
        let decision = self.service.decide(input, &View::new(&states, &unsent), self.now);
        // What else a batch happens to have loaded makes no difference.
        let in_a_batch = self.service.decide(input, &View::new(&self.states, &unsent), self.now);
        assert_eq!(format!("{decision:?}"), format!("{in_a_batch:?}"), "an unnamed key is read");
        assert_eq!(matches!(input, Input::Request(_)), !matches!(decision.reply, Reply::None));
        for (key, after) in &decision.saves {
            assert!(named.contains(key), "{key} is saved without a lock");
            let before = self.states.get(key).map_or(0, Aggregate::version);
            assert_eq!(after.version(), before + 1, "one change is one version");
            let stored = after.encode().unwrap();
            assert_eq!(&StoreAggregate::decode(key.kind.name, &stored).unwrap(), after);
            self.states.insert(key.clone(), after.clone());
        }
        assert!(decision.messages.len() <= 1, "at most one fact a version");
        for message in &decision.messages {
            let Content::Event { event, sequence, repeat } = &message.content else {
                panic!("the store sends facts only");
            };
            assert!(named.contains(&message.about));
            assert_eq!(*sequence, self.states[&message.about].version());
            assert_eq!(*repeat, decision.saves.is_empty(), "news, and only news, is new");
            if let Event::Fact(_, fact) = event {
                let ticket = self.states[&message.about].ticket().unwrap();
                assert_eq!(message.saga, Some(saga()));
                assert_eq!(fact.state, ticket.state.as_str());
                assert_eq!(fact.milestones, ticket.record.milestones);
            }
        }
        decision
    }

    /// What a database would have loaded for these keys.
    fn states_of(&self, keys: &[Key]) -> HashMap<Key, StoreAggregate> {
        keys.iter().filter_map(|key| Some((key.clone(), self.states.get(key)?.clone()))).collect()
    }
}

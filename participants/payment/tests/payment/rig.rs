//! Payment with a store of states in place of a database: holds decisions to the path's rules.

use std::{collections::HashMap, time::Duration};

use contracts::{
    Command, CommandId, Currency, CustomerId, Event, EventType, Fact, Message, MessageId, Money,
    OrderId, SagaId, ServiceName, Timestamp,
    command::{AuthorizePayment, CapturePayment, OrderOnly, OrderRevision, RevisePayment},
};
use payment::{OrderPayment, Payment, Settings, aggregates::payment_key};
use runtime::{Aggregate, Content, Decision, Incoming, Input, Key, Service, View};

/// What is asked for first.
pub(crate) const AUTHORIZED: i64 = 19_000;
pub(crate) const SLOW_AFTER: Duration = Duration::from_secs(45);

/// What can happen to the payment of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Authorize(&'static str),
    Void,
    Capture,
    /// Capture of so much.
    Take(i64),
    Refund,
    /// The change of that number to so much, paid by that token.
    Revise(u32, i64, &'static str),
    Restore(u32),
    Adjust(u32),
    /// The timer fires, stale or not.
    Wake,
    /// That many seconds pass.
    Pass(u64),
}

pub(crate) struct Rig {
    service: Payment,
    states: HashMap<Key, OrderPayment>,
    now: Timestamp,
}

pub(crate) fn order() -> OrderId {
    OrderId::new("order-1").unwrap()
}

pub(crate) fn won(amount: i64) -> Money {
    Money { amount, currency: Currency::KRW }
}

fn saga() -> SagaId {
    serde_json::from_str("\"01890000-0000-7000-8000-000000000001\"").unwrap()
}

pub(crate) fn command(command: Command) -> Input<std::convert::Infallible> {
    message(Message::Command(command))
}

fn take(amount: Option<Money>) -> Input<std::convert::Infallible> {
    command(Command::CapturePayment(CapturePayment { order_id: order(), amount }))
}

/// A fact of the cook's, of which nobody here should hear.
pub(crate) fn foreign_fact(order_id: OrderId) -> Input<std::convert::Infallible> {
    let fact = Fact { order_id, state: "finished".to_owned(), milestones: Vec::new() };
    message(Message::Event(Event::Fact(EventType::CookFinished, fact)))
}

fn message(message: Message) -> Input<std::convert::Infallible> {
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

impl Rig {
    pub(crate) fn new() -> Self {
        Self {
            service: Payment::new(Settings { slow_after: SLOW_AFTER }),
            states: HashMap::new(),
            now: Timestamp::from_millis(1_780_000_000_000),
        }
    }

    pub(crate) fn given(acts: &[Act]) -> Self {
        let mut rig = Self::new();
        for act in acts {
            rig.act(*act);
        }
        rig
    }

    pub(crate) fn payment(&self) -> Option<&OrderPayment> {
        self.states.get(&payment_key(&order()))
    }

    /// How much is held, taken or was, as the hold says.
    pub(crate) fn hold(&self) -> i64 {
        let hold = self.payment().and_then(|payment| payment.authorization.as_ref());
        hold.map_or(0, |hold| hold.amount.amount)
    }

    pub(crate) fn state(&self) -> &'static str {
        self.payment().map_or("none", |payment| payment.state.as_str())
    }

    /// Acts, and says in words what came of it.
    pub(crate) fn act(&mut self, act: Act) -> String {
        let only = OrderOnly { order_id: order() };
        let input = match act {
            Act::Authorize(token) => command(Command::AuthorizePayment(AuthorizePayment {
                order_id: order(),
                customer_id: CustomerId::new("customer-1").unwrap(),
                amount: won(AUTHORIZED),
                token: token.to_owned(),
            })),
            Act::Void => command(Command::VoidPayment(only)),
            Act::Capture => take(None),
            Act::Take(amount) => take(Some(won(amount))),
            Act::Revise(revision, amount, token) => {
                command(Command::RevisePayment(RevisePayment {
                    order_id: order(),
                    revision,
                    amount: won(amount),
                    token: token.to_owned(),
                }))
            }
            Act::Restore(revision) => {
                command(Command::RestorePayment(OrderRevision { order_id: order(), revision }))
            }
            Act::Adjust(revision) => {
                command(Command::AdjustPayment(OrderRevision { order_id: order(), revision }))
            }
            Act::Refund => command(Command::RefundPayment(only)),
            Act::Wake => Input::Wake(payment_key(&order())),
            Act::Pass(seconds) => {
                self.now = self.now.plus(Duration::from_secs(seconds));
                return String::new();
            }
        };
        let before = self.state();
        let decision = self.take(&input);
        let mut words = Vec::new();
        if self.state() != before {
            words.push(format!("-> {}", self.state()));
        }
        for message in &decision.messages {
            let Content::Event { event, repeat, .. } = &message.content else {
                panic!("payment sends facts only");
            };
            let again = if *repeat { "again " } else { "" };
            words.push(format!("{again}{}", event.kind()));
        }
        words.extend(decision.ignored.map(str::to_owned));
        words.extend(decision.dead_letter.map(|reason| format!("dead letter: {reason}")));
        words.join(", ")
    }

    /// Takes an input as the path would, and holds the decision to the path's rules.
    pub(crate) fn take(
        &mut self,
        input: &Input<std::convert::Infallible>,
    ) -> Decision<OrderPayment> {
        let keys = self.service.keys(input);
        let unsent = HashMap::new();
        let decision = self.service.decide(input, &View::new(&self.states, &unsent), self.now);
        for (key, after) in &decision.saves {
            assert!(keys.lock.contains(key), "{key} is saved without a lock");
            let before = self.states.get(key).map_or(0, Aggregate::version);
            assert_eq!(after.version(), before + 1, "one change is one version");
            let stored = after.encode().unwrap();
            assert_eq!(&OrderPayment::decode("payment", &stored).unwrap(), after);
            self.states.insert(key.clone(), after.clone());
        }
        for message in &decision.messages {
            let Content::Event { event: Event::Fact(_, fact), sequence, repeat } = &message.content
            else {
                panic!("payment sends facts only");
            };
            let payment = &self.states[&message.about];
            assert_eq!(message.saga, Some(saga()));
            assert_eq!(*sequence, payment.version());
            assert_eq!(fact.state, payment.state.as_str());
            assert_eq!(fact.milestones, payment.record.milestones);
            assert_eq!(*repeat, decision.saves.is_empty(), "news, and only news, is new");
        }
        assert!(decision.messages.len() <= 1, "at most one fact a version");
        decision
    }
}

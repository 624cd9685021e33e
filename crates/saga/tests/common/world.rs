//! A world around one order: participants that keep the rules (each remembers, repeats its
//! latest fact, leaves tombstones), people who act, and a network that delays, repeats, loses
//! and reorders. It judges the end by what the participants hold, never by the saga's word.

use std::collections::BTreeMap;

use saga::{Action, Cursors, Effect, Fact, Input, Millis, Outcome, Retry, Settings, Status, Time};

use super::{SagaUnderTest, order, return_order};

/// One participant's holdings: what it has said so far, in order, and what it was asked.
#[derive(Clone, Default)]
struct Holdings {
    said: Vec<&'static str>,
    asked: Vec<String>,
}

impl Holdings {
    fn has(&self, fact: &str) -> bool {
        self.said.contains(&fact)
    }

    fn was_asked(&self, command: &str) -> bool {
        self.asked.iter().any(|asked| asked == command)
    }

    /// Whether riders are assigned more often than released.
    fn is_assigned(&self) -> bool {
        let count = |fact| self.said.iter().filter(|said| **said == fact).count();
        count("rider-assigned") > count("rider-released")
    }
}

#[derive(Clone, Debug)]
enum Message {
    Command { command: String, to: String },
    Fact(Fact),
}

/// What people may do.
const DEEDS: [(&str, &str); 12] = [
    ("payment", "payment-authorized"),
    ("payment", "payment-declined"),
    ("store", "order-accepted"),
    ("store", "order-rejected"),
    ("cook", "cook-started"),
    ("cook", "cooking-declined"),
    ("cook", "cook-finished"),
    ("rider", "rider-assigned"),
    ("rider", "rider-released"),
    ("rider", "food-picked"),
    ("rider", "delivery-confirmed"),
    ("rider", "delivery-returned"),
];

pub(crate) struct World {
    pub(crate) saga: SagaUnderTest,
    pub(crate) returning: Option<SagaUnderTest>,
    holdings: BTreeMap<&'static str, Holdings>,
    network: Vec<Message>,
}

impl World {
    /// A world whose saga soon loses patience, so that every rule comes into play.
    pub(crate) fn new() -> Self {
        let mut settings = order().default_settings();
        settings.retry.limit = 3;
        let saga = SagaUnderTest::start_with(order(), &settings, &Cursors::new(), Time(0));
        let parties = ["payment", "store", "cook", "rider"];
        let mut world = Self {
            saga,
            returning: None,
            holdings: parties.map(|name| (name, Holdings::default())).into(),
            network: Vec::new(),
        };
        world.carry_out();
        world
    }

    fn active(&mut self) -> &mut SagaUnderTest {
        self.returning.as_mut().unwrap_or(&mut self.saga)
    }

    /// Whether every saga of the order has ended.
    pub(crate) fn is_finished(&self) -> bool {
        match &self.returning {
            Some(returning) => returning.state.is_terminal(),
            None => self.saga.state.is_terminal() && self.saga.status() != Status::Returned,
        }
    }

    fn carry_out(&mut self) {
        for effect in std::mem::take(&mut self.active().effects) {
            match effect {
                Effect::Send { command, to, .. } => {
                    self.network.push(Message::Command { command, to });
                }
                Effect::HandOver { definition } => {
                    assert_eq!(definition, "return");
                    let settings = Settings { retry: Retry::default(), ..Settings::default() };
                    let cursors = self.saga.state.cursors().clone();
                    let now = self.saga.now;
                    self.returning =
                        Some(SagaUnderTest::start_with(return_order(), &settings, &cursors, now));
                    return self.carry_out();
                }
                Effect::Publish { .. } => {}
            }
        }
    }

    /// An input to the saga that is at work.
    pub(crate) fn feed(&mut self, input: &Input) -> Outcome {
        let outcome = self.active().feed(input);
        self.carry_out();
        outcome
    }

    pub(crate) fn pass(&mut self, span: Millis) {
        let saga = self.active();
        saga.now = saga.now.plus(span);
    }

    /// Moves the clock to what is due next, and fires it.
    pub(crate) fn wake(&mut self) {
        let saga = self.active();
        if let Some(due) = saga.state.next_wake() {
            saga.now = saga.now.max(due);
        }
        self.feed(&Input::Wake { oldest_unsent: None, deaf_until: None });
    }

    pub(crate) fn operate(&mut self, action: Action) {
        self.feed(&Input::Operator { action, by: "olive".into(), reason: "law".into() });
    }

    /// Delivers, repeats or loses one of the messages under way.
    pub(crate) fn network(&mut self, which: usize, fate: u8) {
        if self.network.is_empty() {
            return;
        }
        let index = which % self.network.len();
        let message = if fate.is_multiple_of(8) {
            self.network[index].clone()
        } else {
            self.network.remove(index)
        };
        if fate % 8 != 1 {
            self.deliver(message);
        }
    }

    fn deliver(&mut self, message: Message) {
        match message {
            Message::Fact(fact) => {
                self.feed(&Input::Fact(fact));
            }
            Message::Command { command, to } => self.obey(&command, &to),
        }
    }

    /// A participant says something for the first time.
    fn say(&mut self, who: &str, fact: &'static str) {
        self.holdings.get_mut(who).unwrap().said.push(fact);
        self.repeat(who);
    }

    fn repeat(&mut self, who: &str) {
        let said = &self.holdings[who].said;
        if let Some(latest) = said.last() {
            let fact = Fact::new(who, said.len() as u64, latest, said.iter().copied());
            self.network.push(Message::Fact(fact));
        }
    }

    fn obey(&mut self, command: &str, to: &str) {
        self.holdings.get_mut(to).unwrap().asked.push(command.into());
        let here = self.holdings[to].clone();
        // What a command leads to at once, unless that or something final was said before.
        let (fact, barred): (&'static str, &[&str]) = match command {
            "void-payment" => ("payment-voided", &[]),
            "capture-payment" => ("payment-captured", &["payment-refunded"]),
            "refund-payment" => ("payment-refunded", &[]),
            "cancel-ticket" => ("ticket-cancelled", &[]),
            "settle-stock" => ("stock-settled", &[]),
            "restock" => ("stock-restocked", &[]),
            "cancel-cooking" => ("cooking-cancelled", &["cook-started"]),
            "recall-delivery" => ("delivery-returned", &["food-picked", "delivery-confirmed"]),
            _ => return self.repeat(to),
        };
        if here.has(fact) || barred.iter().any(|bar| here.has(bar)) {
            self.repeat(to);
        } else {
            self.say(to, fact);
        }
    }

    /// Somebody does one of the things that the participants let people (or a gateway) do.
    pub(crate) fn deed(&mut self, which: usize) {
        let allowed: Vec<_> = DEEDS.into_iter().filter(|deed| self.allows(*deed)).collect();
        if let Some((who, fact)) = allowed.get(which % allowed.len().max(1)) {
            self.say(who, fact);
        }
    }

    fn allows(&self, (who, fact): (&str, &str)) -> bool {
        let here = &self.holdings[who];
        let none = |facts: &[&str]| !facts.iter().any(|fact| here.has(fact));
        let delivering = none(&["delivery-confirmed", "delivery-returned"]);
        match fact {
            "payment-authorized" | "payment-declined" => {
                here.was_asked("authorize-payment")
                    && none(&["payment-authorized", "payment-declined", "payment-voided"])
            }
            "order-accepted" | "order-rejected" => {
                here.was_asked("request-acceptance")
                    && none(&["order-accepted", "order-rejected", "ticket-cancelled"])
            }
            "cook-started" | "cooking-declined" => {
                here.was_asked("prepare-food")
                    && none(&["cook-started", "cooking-declined", "cooking-cancelled"])
            }
            "cook-finished" => here.has("cook-started") && none(&["cook-finished"]),
            "rider-assigned" => {
                here.was_asked("dispatch-delivery") && delivering && !here.is_assigned()
            }
            "rider-released" => here.is_assigned() && delivering && none(&["food-picked"]),
            "food-picked" => {
                here.is_assigned()
                    && delivering
                    && none(&["food-picked"])
                    && self.holdings["cook"].has("cook-finished")
            }
            "delivery-confirmed" | "delivery-returned" => here.has("food-picked") && delivering,
            _ => false,
        }
    }

    /// Everything under way arrives, and somebody of good will does what comes next.
    pub(crate) fn go_on(&mut self) {
        while !self.network.is_empty() {
            let message = self.network.remove(0);
            self.deliver(message);
        }
        // The list is in the order of good will; only a release would take back.
        let good = |deed: &(&str, &str)| deed.1 != "rider-released" && self.allows(*deed);
        if let Some((who, fact)) = DEEDS.into_iter().find(good) {
            self.say(who, fact);
        }
    }

    /// From here on everybody cooperates; the order must come to its end.
    pub(crate) fn drive_to_its_end(&mut self) {
        self.operate(Action::Resume);
        for _ in 0..100 {
            self.go_on();
            if self.is_finished() && self.network.is_empty() {
                return;
            }
            if self.network.is_empty() {
                self.wake();
            }
        }
        panic!("no end from {:#?}", self.active().state);
    }

    /// What must hold of the participants' holdings when an order has ended.
    pub(crate) fn audit(&self) {
        let held = |who: &str, fact: &str| self.holdings[who].has(fact);
        let undone = |who: &str, done: &str, undone: &str| !held(who, done) || held(who, undone);
        match (self.saga.status(), self.returning.as_ref().map(SagaUnderTest::status)) {
            (Status::Completed, None) => {
                assert!(held("payment", "payment-captured"), "completed is paid");
                assert!(held("store", "stock-settled"), "completed is settled");
                assert!(held("rider", "delivery-confirmed"), "completed is delivered");
                assert!(!held("payment", "payment-voided"), "completed is not voided");
                assert!(!held("store", "ticket-cancelled"), "completed is not cancelled");
            }
            (Status::Cancelled, None) => {
                assert!(!held("cook", "cook-started"), "cancelled was never cooked");
                assert!(undone("payment", "payment-authorized", "payment-voided"));
                assert!(undone("store", "order-accepted", "ticket-cancelled"));
                assert!(!held("payment", "payment-captured"), "cancelled is not charged");
            }
            (Status::Returned, Some(Status::Completed)) => {
                assert!(held("payment", "payment-refunded"), "returned is refunded");
                assert!(held("store", "stock-restocked"), "returned is restocked");
                assert!(!held("store", "stock-settled"), "returned was never settled");
            }
            ends => panic!("an order ended as {ends:?}"),
        }
        self.saga.check_history();
        if let Some(returning) = &self.returning {
            returning.check_history();
        }
    }
}

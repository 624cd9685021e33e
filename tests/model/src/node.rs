//! A service with all states that it was ever in, and all that it ever decided. It applies a decision
//! as the path would, and sees whether the path would take it.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    hash::Hash,
    sync::{Arc, RwLock},
};

use runtime::{Aggregate, Content, Decision, Input, Key, Keys, Service, View, aggregate::BUCKETS};

use crate::{
    clocks::{self, Clock, LONG_AGO, NOW},
    letters::Letters,
    people::Deed,
    scene::order_place,
};

/// A mistake made on purpose: what becomes of a decision on its way out.
pub type Fault<S> = fn(
    &Input<<S as Service>::Request>,
    &View<'_, <S as Service>::State>,
    Decision<<S as Service>::State>,
) -> Decision<<S as Service>::State>;

/// A rule that a decision broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Breach {
    /// A version that is not one more than the one before, or a gap in a history.
    Version,
    /// Something was saved, or spoken of, that was not named.
    Unnamed,
    /// A message became a dead letter.
    DeadLetter,
    /// An event tells another version than its aggregate's, or one version tells two.
    Telling,
    /// A history does not lead to the state that is stored.
    History,
    /// A saga's history goes on after its end.
    AfterTheEnd,
    /// A fact took effect after a later one of the same source.
    OutOfOrder,
    /// A subscriber took something back, or told the same twice.
    WentBack,
    /// A service looked at an order that its input is not about.
    AnotherOrder,
    /// A clock did more than run on, though what was asked may not have left, or the answer may not
    /// have been let in.
    Hasty,
}

/// What a service heard, as the key of what it decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Heard {
    Letter(u16),
    Deed(u8, Deed),
    Clock(u8, Clock),
}

/// What came of it.
pub(crate) struct Decided {
    /// The number of the state that it led to.
    pub(crate) state: u32,
    /// The messages that it said.
    pub(crate) said: Vec<u16>,
    pub(crate) breach: Option<Breach>,
}

/// What a service has stored.
pub(crate) type States<S> = BTreeMap<Key, S>;

/// A rule of one service's own about its decisions: what it had stored, what it heard, and what it
/// decided.
pub(crate) type Rule<S> = fn(
    &States<<S as Service>::State>,
    &Input<<S as Service>::Request>,
    &Decision<<S as Service>::State>,
) -> Option<Breach>;

/// What the laws look at in a service's states.
pub(crate) type Look<S, F> = Box<dyn Fn(&States<<S as Service>::State>) -> F + Send + Sync>;

/// A service, its states as `F` sees them.
pub(crate) struct Node<S: Service, F> {
    service: S,
    fault: Option<Fault<S>>,
    rule: Rule<S>,
    /// What the laws look at.
    stands: Look<S, F>,
    unanswered: u64,
    kept: RwLock<Kept<S::State, F>>,
    decided: RwLock<HashMap<(u32, Heard), Arc<Decided>>>,
}

struct Kept<S, F> {
    by_text: HashMap<String, u32>,
    states: Vec<Arc<States<S>>>,
    stands: Vec<F>,
}

impl<S: Service, F: Copy> Node<S, F> {
    pub(crate) fn new(
        service: S,
        stands: impl Fn(&States<S::State>) -> F + Send + Sync + 'static,
        rule: Rule<S>,
        fault: Option<Fault<S>>,
        unanswered: u64,
    ) -> Self {
        let kept = Kept { by_text: HashMap::new(), states: Vec::new(), stands: Vec::new() };
        let (kept, decided) = (RwLock::new(kept), RwLock::default());
        let stands = Box::new(stands);
        Self { service, fault, rule, stands, unanswered, kept, decided }
    }

    /// What the laws look at in that state.
    pub(crate) fn stands(&self, state: u32) -> F {
        self.kept.read().expect("nobody panics with the lock").stands[place(state)]
    }

    pub(crate) fn states(&self, state: u32) -> Arc<States<S::State>> {
        self.kept.read().expect("nobody panics with the lock").states[place(state)].clone()
    }

    /// How many states, and how many decisions.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let states = self.kept.read().expect("nobody panics with the lock").states.len();
        (states, self.decided.read().expect("nobody panics with the lock").len())
    }

    /// A state in which nothing is stored.
    pub(crate) fn empty(&self) -> u32 {
        self.keep(States::new())
    }

    /// What it decides in that state upon that. `input` makes what it hears.
    pub(crate) fn decide(
        &self,
        state: u32,
        heard: Heard,
        letters: &Letters,
        input: impl FnOnce() -> Input<S::Request>,
    ) -> Arc<Decided> {
        let known = self.decided.read().expect("nobody panics with the lock");
        if let Some(decided) = known.get(&(state, heard)) {
            return decided.clone();
        }
        drop(known);
        let decided = Arc::new(self.think(state, heard, letters, &input()));
        let mut known = self.decided.write().expect("nobody panics with the lock");
        known.insert((state, heard), decided.clone());
        decided
    }

    fn think(
        &self,
        state: u32,
        heard: Heard,
        letters: &Letters,
        input: &Input<S::Request>,
    ) -> Decided {
        let mut before = States::clone(&self.states(state));
        if let (Heard::Clock(_, clock), Input::Wake(key)) = (heard, input) {
            before.entry(key.clone()).and_modify(|it| *it = ticked(it, clock));
        }
        let all: HashMap<Key, S::State> =
            before.iter().map(|(key, state)| (key.clone(), state.clone())).collect();
        let nothing = HashMap::new();
        let mut named = self.service.keys(input);
        let more = self.service.more_keys(input, &View::new(&all, &nothing));
        named.lock.extend(more.lock);
        named.look.extend(more.look);
        let visible = |key: &Key| named.lock.contains(key) || named.look.contains(key);
        let seen = all.into_iter().filter(|(key, _)| visible(key)).collect();
        let view = View::new(&seen, &nothing);
        let decision = self.faulty(input, &view);
        let breach = taken(&before, &named.lock, &decision)
            .or_else(|| (self.rule)(&before, input, &decision))
            .or_else(|| elsewhere(&named, heard, letters))
            .or_else(|| self.hasty(state, heard, input, &seen));
        let mut after = States::clone(&self.states(state));
        after.extend(decision.saves);
        Decided {
            state: self.keep(after),
            said: letters.post(self.service.name(), &decision.messages),
            breach,
        }
    }

    /// What it decides, with the mistake that was made on purpose.
    fn faulty(&self, input: &Input<S::Request>, view: &View<'_, S::State>) -> Decision<S::State> {
        let decision = self.service.decide(input, view, NOW);
        match self.fault {
            Some(fault) => fault(input, view, decision),
            None => decision,
        }
    }

    /// What a clock of an order does while the service's own outbox may hold all that it ever sent,
    /// and what a deadline does after a time in which nothing reached the service, must be nothing:
    /// so these need no states of their own.
    fn hasty(
        &self,
        state: u32,
        heard: Heard,
        input: &Input<S::Request>,
        seen: &HashMap<Key, S::State>,
    ) -> Option<Breach> {
        let Heard::Clock(_, clock) = heard else { return None };
        let (nothing, all) = (HashMap::new(), (0..BUCKETS).map(|it| (it, LONG_AGO)).collect());
        let unsent = (clock != Clock::Gateway).then(|| View::new(seen, &all));
        let deaf = matches!(clock, Clock::Deadline(_))
            .then(|| View::new(seen, &nothing).with_deaf_until(Some(NOW)));
        let hasty = unsent.into_iter().chain(deaf).any(|view| {
            let decision = self.faulty(input, &view);
            let mut after = States::clone(&self.states(state));
            after.extend(decision.saves);
            !decision.messages.is_empty() || self.keep(after) != state
        });
        hasty.then_some(Breach::Hasty)
    }

    /// The number of these states, at rest.
    fn keep(&self, states: States<S::State>) -> u32 {
        let mut text = String::new();
        let mut rested = States::new();
        for (key, state) in states {
            let mut body = body(&state);
            clocks::at_rest(&mut body, self.unanswered);
            let body = body.to_string();
            let state = S::State::decode(key.kind.name, &body).expect("it was just written");
            writeln!(text, "{key} {body}").expect("a text takes every line");
            rested.insert(key, state);
        }
        let mut kept = self.kept.write().expect("nobody panics with the lock");
        let next = u32::try_from(kept.states.len()).expect("fewer states than there is memory");
        if let Some(number) = kept.by_text.get(&text) {
            return *number;
        }
        kept.by_text.insert(text, next);
        kept.stands.push((self.stands)(&rested));
        kept.states.push(Arc::new(rested));
        next
    }
}

fn place(state: u32) -> usize {
    usize::try_from(state).expect("numbers of states are places in memory")
}

fn body<S: Aggregate>(state: &S) -> serde_json::Value {
    let text = state.encode().expect("what is stored is plain data");
    serde_json::from_str(&text).expect("what is stored is JSON")
}

/// The aggregate when that clock has run out.
fn ticked<S: Aggregate>(state: &S, clock: Clock) -> S {
    let mut body = body(state);
    clocks::run_out(&mut body, clock);
    S::decode(state.kind().name, &body.to_string()).expect("only its clocks have moved")
}

/// Whether an order was named that what was heard is not about.
fn elsewhere(named: &Keys, heard: Heard, letters: &Letters) -> Option<Breach> {
    let about = match heard {
        Heard::Letter(number) => letters.get(number).order,
        Heard::Deed(order, _) | Heard::Clock(order, _) => order,
    };
    let order = |key: &Key| key.id.split('/').next().and_then(order_place);
    let mut orders = named.lock.iter().chain(&named.look).filter_map(order);
    orders.any(|order| order != about).then_some(Breach::AnotherOrder)
}

/// Whether the path would take the decision.
fn taken<S: Aggregate>(
    before: &States<S>,
    locked: &[Key],
    decision: &Decision<S>,
) -> Option<Breach> {
    if decision.dead_letter.is_some() {
        return Some(Breach::DeadLetter);
    }
    let version = |key: &Key| before.get(key).map_or(0, Aggregate::version);
    if decision.saves.iter().any(|(key, after)| after.version() != version(key) + 1) {
        return Some(Breach::Version);
    }
    let saved = decision.saves.iter().map(|(key, _)| key);
    let spoken = decision.messages.iter().map(|it| &it.about);
    if saved.chain(spoken).any(|key| !locked.contains(key)) {
        return Some(Breach::Unnamed);
    }
    let told: Vec<(&Key, u64)> = decision
        .messages
        .iter()
        .filter_map(|it| match &it.content {
            Content::Event { sequence, .. } => Some((&it.about, *sequence)),
            Content::Command { .. } => None,
        })
        .collect();
    let after = |key: &Key| {
        let saved = decision.saves.iter().find(|(saved, _)| saved == key);
        saved.map_or_else(|| version(key), |(_, after)| after.version())
    };
    let wrong = told.len() > 1 || told.iter().any(|(key, sequence)| after(key) != *sequence);
    wrong.then_some(Breach::Telling)
}

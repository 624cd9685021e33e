//! One saga, driven by inputs and checked after each: whatever happens, the laws that can be
//! judged from a single decision hold.

use std::collections::BTreeMap;

use saga::{
    Action, Cursors, Decision, Definition, Effect, Event, EventKind, Fact, Input, Instance, Millis,
    Outcome, Settings, Status, StepStatus, Time, decide, evolve, start,
};
use uuid::Uuid;

/// The identity of every saga in these tests.
pub(crate) const ID: Uuid = Uuid::from_u128(7);

#[derive(Clone)]
pub(crate) struct SagaUnderTest {
    pub(crate) definition: Definition,
    pub(crate) state: Instance,
    pub(crate) history: Vec<Event>,
    pub(crate) now: Time,
    /// Effects of the last decision.
    pub(crate) effects: Vec<Effect>,
    /// What each participant has said.
    said: BTreeMap<String, Vec<String>>,
}

impl SagaUnderTest {
    pub(crate) fn start(definition: Definition) -> Self {
        let settings = definition.default_settings();
        Self::start_with(definition, &settings, &Cursors::new(), Time(0))
    }

    pub(crate) fn start_with(
        definition: Definition,
        settings: &Settings,
        cursors: &Cursors,
        now: Time,
    ) -> Self {
        let Decision { events, effects, outcome } = start(&definition, ID, settings, cursors, now);
        assert_eq!(outcome, Outcome::Accepted);
        let state = saga::replay(&definition, &events).unwrap();
        Self { definition, state, history: events, now, effects, said: BTreeMap::new() }
    }

    /// An order that has heard these facts, in order.
    pub(crate) fn order(facts: &[&str]) -> Self {
        let mut saga = Self::start(super::order());
        for fact in facts {
            assert_eq!(saga.hears(fact), Outcome::Accepted, "given {fact}");
        }
        saga
    }

    /// One input: decide, fold, and check.
    pub(crate) fn feed(&mut self, input: &Input) -> Outcome {
        let before = self.state.clone();
        let decision = decide(&self.definition, &before, input, self.now);
        assert_eq!(
            decision,
            decide(&self.definition, &before, input, self.now),
            "a decision depends on its arguments only"
        );
        self.state = decision
            .events
            .iter()
            .fold(before.clone(), |state, event| evolve(&self.definition, Some(state), event));
        self.history.extend(decision.events.iter().cloned());
        self.effects.clone_from(&decision.effects);
        self.check(&before, &decision, input);
        decision.outcome
    }

    fn check(&self, before: &Instance, decision: &Decision, input: &Input) {
        let Decision { events, effects, .. } = decision;
        if before.is_terminal() {
            assert!(events.is_empty() && effects.is_empty(), "terminal is final: {input:?}");
        }
        if events.is_empty() {
            assert!(effects.is_empty(), "nothing is done that did not happen: {input:?}");
        }
        assert_eq!(self.state.version(), self.history.len() as u64, "versions have no gaps");
        assert!(events.iter().all(|event| event.at == self.now));
        let ends = events.iter().position(|event| event.kind.is_terminal());
        assert!(ends.is_none_or(|end| end + 1 == events.len()), "nothing follows the end");
        if before.is_suspended() && self.state.is_suspended() {
            assert!(sends(effects).is_empty(), "suspended sends nothing: {input:?}");
        }
        let pivot = self.state.steps().iter().find(|step| step.name == "cook-start");
        if let (Status::Cancelled, Some(pivot)) = (self.state.status(), pivot) {
            assert_ne!(pivot.status, StepStatus::Done, "cancelled after the pivot");
        }
        for command in sends(effects) {
            assert!(self.is_awaited(&command), "{command} is sent and nobody waits for it");
        }
        if self.state.is_terminal() || self.state.is_suspended() {
            assert_eq!(self.state.next_wake(), None);
        }
    }

    /// Whether a step is in flight that the command is for (or that it helps).
    fn is_awaited(&self, command: &str) -> bool {
        use saga::Request::{Command, WaitsOn};
        let sends = |row: &saga::Step, name| matches!(row.request, Command { command, .. } if command == name);
        self.definition.steps().iter().zip(self.state.steps()).any(|(row, step)| {
            let asked = match row.request {
                Command { command, .. } | WaitsOn { command } => command,
            };
            let undo = row.undo.is_some_and(|undo| undo.command == command);
            let helps = !self.definition.steps().iter().any(|row| sends(row, command)) && !undo;
            match step.status {
                StepStatus::Requested => asked == command || helps,
                StepStatus::Undoing => undo,
                _ => false,
            }
        })
    }

    /// A participant says something new.
    pub(crate) fn hears(&mut self, fact: &str) -> Outcome {
        let source = self.source(fact);
        self.says(&source, fact)
    }

    pub(crate) fn says(&mut self, source: &str, fact: &str) -> Outcome {
        self.note(source, fact);
        self.repeats(source)
    }

    /// A participant has something new to say, which is lost on the way.
    pub(crate) fn note(&mut self, source: &str, fact: &str) {
        self.said.entry(source.into()).or_default().push(fact.into());
    }

    /// A participant repeats its latest fact.
    pub(crate) fn repeats(&mut self, source: &str) -> Outcome {
        let said = self.said.get(source).cloned().unwrap_or_default();
        self.fact_up_to(source, said.len())
    }

    /// A participant's fact as it was when it had said so much; its sequence is that number.
    pub(crate) fn fact_up_to(&mut self, source: &str, count: usize) -> Outcome {
        let said = self.said.get(source).cloned().unwrap_or_default();
        let kind = said.get(count.saturating_sub(1)).cloned().unwrap_or_default();
        let fact = Fact::new(source, count as u64, &kind, said.into_iter().take(count));
        self.feed(&Input::Fact(fact))
    }

    fn source(&self, fact: &str) -> String {
        let knows = |row: &&saga::Step| {
            row.done_by == fact
                || row.failed_by.is_some_and(|(failed, _)| failed == fact)
                || row.undo.is_some_and(|undo| undo.undone_by == fact)
                || row.reopened_by == Some(fact)
                || row.hand_over.is_some_and(|hand_over| hand_over.fact == fact)
        };
        let row = self.definition.steps().iter().find(knows).expect("a fact of this definition");
        self.definition.participant(row.name).unwrap().into()
    }

    pub(crate) fn cancel(&mut self) -> Outcome {
        self.feed(&Input::Cancel { reason: "customer_cancelled".into(), by: "customer".into() })
    }

    pub(crate) fn act(&mut self, action: Action) -> Outcome {
        let (by, reason) = ("olive".into(), "because".into());
        self.feed(&Input::Operator { action, by, reason })
    }

    pub(crate) fn resolve(&mut self, step: &str, fact: &str) -> Outcome {
        self.act(Action::Resolve { step: step.into(), fact: fact.into() })
    }

    pub(crate) fn skip(&mut self, step: &str) -> Outcome {
        self.act(Action::Skip { step: step.into() })
    }

    pub(crate) fn wake(&mut self) -> Outcome {
        self.feed(&Input::Wake { oldest_unsent: None, deaf_until: None })
    }

    /// A timer fires after a time in which nothing could reach us.
    pub(crate) fn wake_deaf_until(&mut self, heard: Time) -> Outcome {
        self.feed(&Input::Wake { oldest_unsent: None, deaf_until: Some(heard) })
    }

    pub(crate) fn wake_with_unsent_since(&mut self, oldest: Time) -> Outcome {
        self.feed(&Input::Wake { oldest_unsent: Some(oldest), deaf_until: None })
    }

    /// Fires every timer that falls due within a span; the commands sent by them.
    pub(crate) fn wait(&mut self, span: Millis) -> Vec<String> {
        let until = self.now.plus(span);
        let mut sent = Vec::new();
        while let Some(due) = self.state.next_wake().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            assert_ne!(self.wake(), Outcome::Ignored(saga::Ignored::NothingDue));
            sent.extend(self.sent());
        }
        self.now = until;
        self.effects.clear();
        sent
    }

    /// Commands of the last decision.
    pub(crate) fn sent(&self) -> Vec<String> {
        sends(&self.effects)
    }

    /// Events published by the last decision.
    pub(crate) fn published(&self) -> Vec<String> {
        let event = |effect: &Effect| match effect {
            Effect::Publish { event } => Some(event.clone()),
            _ => None,
        };
        self.effects.iter().filter_map(event).collect()
    }

    pub(crate) fn status(&self) -> Status {
        self.state.status()
    }

    pub(crate) fn step(&self, name: &str) -> StepStatus {
        self.state.step(name).unwrap().status
    }

    /// The history's events about one step, by name.
    pub(crate) fn happened(&self, wanted: impl Fn(&EventKind) -> bool) -> usize {
        self.history.iter().filter(|event| wanted(&event.kind)).count()
    }

    /// Laws that are judged from the whole history.
    pub(crate) fn check_history(&self) {
        let replayed = saga::replay(&self.definition, &self.history);
        assert_eq!(replayed.as_ref(), Some(&self.state), "history replays to the state");
        let mut undone = Vec::new();
        let mut requested = Vec::new();
        for event in &self.history {
            match &event.kind {
                EventKind::StepUndoRequested { step, generation, .. } => {
                    assert!(!undone.contains(&(step, *generation)), "undone twice");
                    undone.push((step, *generation));
                }
                EventKind::StepRequested { step, generation, .. } => {
                    assert!(!undone.contains(&(step, *generation)), "requested after its undo");
                    assert!(!requested.contains(&(step, *generation)), "requested twice");
                    requested.push((step, *generation));
                }
                // A pivot that was revoked too late: others may wait on its command.
                EventKind::StepDone { step, .. } => undone.retain(|(name, _)| *name != step),
                EventKind::CommandResent { step, direction: saga::Direction::Do, .. } => {
                    assert!(!undone.iter().any(|(name, _)| *name == step), "resent after undo");
                }
                _ => {}
            }
        }
    }
}

fn sends(effects: &[Effect]) -> Vec<String> {
    let command = |effect: &Effect| match effect {
        Effect::Send { command, .. } => Some(command.clone()),
        _ => None,
    };
    effects.iter().filter_map(command).collect()
}

//! What must hold of each of the orchestrator's own decisions: its histories, and the order in which
//! it hears facts.

use contracts::{Event, Message};
use orchestrator::{Orchestrator, Order, Request, State, sagas};
use runtime::{Decision, HistoryEntry, Input};
use saga::Instance;
use uuid::Uuid;

use crate::node::{Breach, States};

pub(crate) fn check(
    before: &States<State>,
    input: &Input<Request>,
    decision: &Decision<State>,
) -> Option<Breach> {
    let was = before.values().find_map(State::as_order);
    let is = decision.saves.iter().find_map(|(_, state)| state.as_order());
    histories(was, is, &decision.history).or_else(|| order_of_facts(was?, is, input))
}

/// Every history goes on without a gap, not after an end, and leads to what is stored.
fn histories(was: Option<&Order>, is: Option<&Order>, history: &[HistoryEntry]) -> Option<Breach> {
    let sagas = is.map_or(&[][..], |order| &order.sagas);
    if history.iter().any(|entry| sagas.iter().all(|saga| saga.saga_id() != entry.stream)) {
        return Some(Breach::History);
    }
    sagas.iter().find_map(|saga| {
        let before = was.and_then(|order| find(order, saga.saga_id()));
        let entries: Vec<&HistoryEntry> =
            history.iter().filter(|entry| entry.stream == saga.saga_id()).collect();
        if before.is_some_and(Instance::is_terminal) && !entries.is_empty() {
            return Some(Breach::AfterTheEnd);
        }
        let first = before.map_or(0, Instance::version) + 1;
        if (first..).zip(&entries).any(|(version, entry)| version != entry.version) {
            return Some(Breach::Version);
        }
        let Some(definition) = sagas::of(saga) else { return Some(Breach::History) };
        let replayed = entries.iter().fold(before.cloned(), |state, entry| {
            let event = serde_json::from_str(&entry.body).ok();
            event.map(|event| saga::evolve(definition, state, &event))
        });
        (replayed.as_ref() != Some(saga)).then_some(Breach::History)
    })
}

/// A fact that is older than one that was heard changes nothing, and none is ever unheard again.
fn order_of_facts(was: &Order, is: Option<&Order>, input: &Input<Request>) -> Option<Breach> {
    let (was, is) = (was.latest()?, is?);
    if let Input::Message(incoming) = input
        && let Message::Event(Event::Fact(..)) = &incoming.message
    {
        let heard = was.cursors().get(incoming.source.as_str()).map_or(0, |it| it.sequence);
        if incoming.sequence.is_some_and(|sequence| sequence < heard) {
            return Some(Breach::OutOfOrder);
        }
    }
    let now = is.latest()?.cursors();
    let lower = was.cursors().iter().any(|(source, before)| {
        now.get(source)
            .is_none_or(|after| (after.sequence, after.applied) < (before.sequence, before.applied))
    });
    lower.then_some(Breach::OutOfOrder)
}

fn find(order: &Order, id: Uuid) -> Option<&Instance> {
    order.sagas.iter().find(|saga| saga.saga_id() == id)
}

/// The rule of the orchestrator's node.
pub(crate) const RULE: crate::node::Rule<Orchestrator> = check;

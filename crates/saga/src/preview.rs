//! What an operator's action would do: the same decision, on a copy, with where it may lead.

use alloc::vec::Vec;

use crate::decide::decide;
use crate::decision::{Effect, Outcome};
use crate::definition::Definition;
use crate::event::Event;
use crate::input::{Action, Input};
use crate::instance::{Instance, Status};
use crate::reach::reachable_ends;
use crate::time::Time;

/// What an action would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// What would be answered.
    pub outcome: Outcome,
    /// What would happen.
    pub events: Vec<Event>,
    /// What would be done: the exact commands, and the events published.
    pub commands: Vec<Effect>,
    /// Where the saga could still end afterwards, sorted.
    pub reachable_ends: Vec<Status>,
}

/// Previews an action. Nothing is changed.
pub fn preview(definition: &Definition, instance: &Instance, action: Action, now: Time) -> Preview {
    let by = "preview".into();
    let input = Input::Operator { action, by, reason: "preview".into() };
    let decision = decide(definition, instance, &input, now);
    let after = decision.apply(definition, Some(instance.clone()));
    let ends = after.map(|after| reachable_ends(definition, &after, now));
    Preview {
        outcome: decision.outcome,
        events: decision.events,
        commands: decision.effects,
        reachable_ends: ends.unwrap_or_default(),
    }
}

//! The beginning of a saga: settings and cursors are pinned, and the first steps asked for.

use alloc::string::ToString;

use mutants::mutant;
use uuid::Uuid;

use super::advance::advance;
use super::draft::Draft;
use crate::decision::{Decision, Outcome};
use crate::definition::Definition;
use crate::event::{Event, EventKind};
use crate::evolve::evolve;
use crate::instance::Cursors;
use crate::settings::Settings;
use crate::time::{Millis, Time};

/// Starts a saga. `cursors` are those of an earlier saga about the same subject, so that facts
/// which that one has heard are not applied once more; empty for the first.
pub fn start(
    definition: &Definition,
    saga_id: Uuid,
    settings: &Settings,
    cursors: &Cursors,
    now: Time,
) -> Decision {
    let mut pinned = definition.default_settings();
    for (step, deadline) in &mut pinned.deadlines {
        // A deadline of nothing, set anew again and again, would make a timer spin.
        *deadline = settings.deadline(step).unwrap_or(*deadline).max(Millis(1));
    }
    pinned.retry = settings.retry;
    let started = Event {
        at: now,
        kind: EventKind::SagaStarted {
            saga_id,
            definition: definition.name().to_string(),
            definition_version: definition.version(),
            settings: pinned,
            cursors: if mutant!("saga-begins-without-its-cursors") {
                Cursors::new()
            } else {
                cursors.clone()
            },
        },
    };
    let mut draft = Draft::of(definition, evolve(definition, None, &started), now);
    advance(&mut draft);
    let mut decision = draft.close(Outcome::Accepted);
    decision.events.insert(0, started);
    decision
}

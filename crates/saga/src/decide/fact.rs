//! Facts. A participant repeats everything that it has said, with its sequence; the cursor of
//! each source makes duplicates, reordering and a lost fact heal alike. A fact only moves
//! steps: what follows from that is `advance`'s, so that several milestones
//! at once lead to what they end in and not to each station on the way.

use alloc::string::ToString;
use core::cmp::Ordering;

use mutants::mutant;

use super::advance::advance;
use super::draft::Draft;
use crate::decision::{Ignored, Outcome};
use crate::definition::Role;
use crate::event::EventKind;
use crate::input::Fact;
use crate::instance::StepStatus;
use crate::spec::Kind;

pub(crate) fn fact(draft: &mut Draft<'_>, fact: &Fact) -> Outcome {
    if draft.state.is_terminal() && !mutant!("saga-hears-facts-after-its-end") {
        return Outcome::Ignored(Ignored::Late);
    }
    if !draft.indices().any(|index| draft.definition.source(index) == fact.source) {
        return Outcome::Ignored(Ignored::UnknownSource);
    }
    let cursor = draft.state.cursors.get(&fact.source).copied();
    let order = cursor.map_or(Ordering::Greater, |heard| fact.sequence.cmp(&heard.sequence));
    match order {
        Ordering::Less if mutant!("saga-takes-in-what-is-stale") => {
            let moved = apply(draft, fact, 0);
            advance(draft);
            outcome(moved, Ignored::OutOfStep)
        }
        Ordering::Less => Outcome::Ignored(Ignored::Stale),
        Ordering::Equal => {
            if !mutant!("saga-takes-a-repeat-for-silence") {
                answered(draft, fact);
            }
            let outcome = outcome(draft.changed(), Ignored::Duplicate);
            advance(draft);
            outcome
        }
        Ordering::Greater => {
            let mut applied = cursor.map_or(0, |heard| heard.applied);
            if mutant!("saga-hears-milestones-once-more") {
                applied = 0;
            }
            let moved = apply(draft, fact, applied);
            answered(draft, fact);
            advance(draft);
            outcome(moved, Ignored::OutOfStep)
        }
    }
}

const fn outcome(changed: bool, otherwise: Ignored) -> Outcome {
    if changed { Outcome::Accepted } else { Outcome::Ignored(otherwise) }
}

/// Applies the milestones that were not yet applied, in order; whether any has moved a step.
fn apply(draft: &mut Draft<'_>, fact: &Fact, applied: u64) -> bool {
    let said = u64::try_from(fact.milestones.len()).unwrap_or(u64::MAX);
    draft.record(EventKind::FactHeard {
        source: fact.source.clone(),
        sequence: fact.sequence,
        kind: fact.kind.clone(),
        milestones: said.max(applied),
    });
    let known = usize::try_from(applied).unwrap_or(usize::MAX);
    let known = if mutant!("saga-skips-milestones-that-it-missed") {
        known.max(fact.milestones.len().saturating_sub(1))
    } else {
        known
    };
    let mut moved = false;
    for milestone in fact.milestones.iter().skip(known) {
        if let Some((index, _)) = draft.definition.role(&fact.source, milestone) {
            moved |= hear(draft, index, milestone, fact.reason.as_deref());
        }
    }
    moved
}

/// Moves one step by one fact; whether it has moved.
pub(crate) fn hear(draft: &mut Draft<'_>, index: usize, fact: &str, reason: Option<&str>) -> bool {
    let Some(role) = draft.definition.role_in(index, fact) else { return false };
    let (row, status, past_pivot) =
        (draft.row(index), draft.status(index), draft.state.past_pivot());
    let (step, fact) = (draft.name(index), fact.to_string());
    // Only a refusal may bring a reason of its own.
    let reason = match role {
        Role::HandOver => row.hand_over.map(|hand_over| hand_over.reason),
        Role::Failed => reason.or(row.failed_by.map(|(_, own)| own)),
        _ => row.failed_by.map(|(_, own)| own),
    };
    let failed = |fact| EventKind::StepFailed {
        step: step.clone(),
        reason: reason.unwrap_or(row.name).to_string(),
        fact,
    };
    let event = match (role, status) {
        (Role::Done, StepStatus::Requested) => EventKind::StepDone { step, fact },
        // Said early: recorded, and takes effect when the step's turn comes.
        (Role::Done, StepStatus::Blocked)
            if past_pivot && !mutant!("saga-drops-facts-that-come-early") =>
        {
            EventKind::StepDone { step, fact }
        }
        // The participant has decided the race: the pivot has happened.
        (Role::Done, StepStatus::Undoing)
            if row.kind == Kind::Pivot && !mutant!("saga-is-deaf-to-a-pivot-that-it-revokes") =>
        {
            EventKind::StepDone { step, fact }
        }
        // An undone fact is a tombstone's answer: what was asked for will never be.
        (Role::Undone, StepStatus::Requested) if mutant!("saga-is-deaf-to-tombstones") => {
            return false;
        }
        (Role::Failed | Role::Undone, StepStatus::Requested) => failed(fact),
        // What was refused needs no undoing.
        (Role::Failed, StepStatus::Undoing) if mutant!("saga-is-deaf-to-late-refusals") => {
            return false;
        }
        (Role::Failed | Role::Undone, StepStatus::Undoing) => EventKind::StepUndone { step, fact },
        (Role::Reopened, StepStatus::Done) if !is_overtaken(draft, index) => {
            EventKind::StepReopened {
                step,
                fact,
                generation: draft
                    .step(index)
                    .generation
                    .saturating_add(u32::from(!mutant!("saga-reopens-under-the-same-id"))),
                blocked: blocked(draft, index),
            }
        }
        (Role::HandOver, StepStatus::Blocked | StepStatus::Requested) if past_pivot => failed(fact),
        _ => return false,
    };
    let passes = matches!(event, EventKind::StepDone { .. }) && row.kind == Kind::Pivot;
    draft.record(event);
    if passes {
        draft.publish(draft.definition.published().passed);
    }
    true
}

/// Whether a step that needs this one is done already, so that reopening it is void.
fn is_overtaken(draft: &Draft<'_>, index: usize) -> bool {
    draft.indices().any(|later| {
        !mutant!("saga-reopens-what-is-overtaken")
            && draft.definition.requires(later, index)
            && draft.status(later) == StepStatus::Done
    })
}

/// The steps that are asked for and need this one.
fn blocked(draft: &Draft<'_>, index: usize) -> alloc::vec::Vec<alloc::string::String> {
    draft
        .indices()
        .filter(|later| draft.definition.requires(*later, index))
        .filter(|later| draft.status(*later) == StepStatus::Requested)
        .map(|later| draft.name(later))
        .collect()
}

/// Counts as an answer for every command of this source that is in flight and must be answered:
/// the participant is alive, so its attempts count anew and a stuck saga goes on.
fn answered(draft: &mut Draft<'_>, fact: &Fact) {
    for index in draft.indices() {
        let step = draft.step(index);
        let waits = step.status.in_flight() && (step.unanswered > 0 || step.exhausted);
        let limited = draft.awaited(index).is_some_and(|command| command.limited);
        if waits && limited && draft.definition.source(index) == fact.source {
            draft.record(EventKind::AnswerHeard {
                step: draft.name(index),
                source: fact.source.clone(),
                sequence: fact.sequence,
            });
        }
    }
}

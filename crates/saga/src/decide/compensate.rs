//! Undoing. First every step in flight is revoked, its outcome unknown; what is done is undone
//! only when nothing that needs it is left, so a pivot in flight is always decided first: every
//! compensatable step lies before it.

use alloc::string::ToString;

use mutants::mutant;

use super::draft::Draft;
use crate::event::EventKind;
use crate::instance::StepStatus;

pub(crate) fn compensate(draft: &mut Draft<'_>) {
    for index in draft.indices() {
        let in_flight = draft.status(index) == StepStatus::Requested;
        if in_flight && !mutant!("saga-takes-silence-for-a-no") {
            request_undo(draft, index);
        }
    }
    // Stuck: nothing new until the participant answers.
    if draft.state.is_stuck() {
        return;
    }
    for index in draft.definition.topological().iter().rev() {
        let free = draft.definition.before(*index).all(|later| is_clear(draft.status(later)))
            || mutant!("saga-undoes-in-any-order");
        let done = draft.status(*index) == StepStatus::Done;
        if free && done && !mutant!("saga-leaves-what-is-done") {
            request_undo(draft, *index);
        }
    }
    if draft.indices().all(|index| is_clear(draft.status(index))) {
        let reason = draft.state.reason().unwrap_or_default().to_string();
        draft.record(EventKind::SagaCancelled { reason });
        draft.publish(draft.definition.published().cancelled);
    }
}

/// Whether a step leaves nothing behind.
fn is_clear(status: StepStatus) -> bool {
    matches!(status, StepStatus::Blocked | StepStatus::Failed | StepStatus::Undone)
        || (status == StepStatus::Requested && mutant!("saga-takes-silence-for-a-no"))
        || (status == StepStatus::Done && mutant!("saga-leaves-what-is-done"))
        || (status == StepStatus::Undoing && mutant!("saga-ends-before-all-is-undone"))
}

fn request_undo(draft: &mut Draft<'_>, index: usize) {
    // A definition gives every step before the pivot an undo; no other is in flight or done here.
    let Some(command) = draft.undo(index).filter(|_| draft.is_undoable(index)) else { return };
    let next_attempt_at = draft.next_attempt(&command, 1, false);
    draft.record(EventKind::StepUndoRequested {
        step: draft.name(index),
        generation: draft.step(index).generation,
        command: command.name.to_string(),
        to: command.to.to_string(),
        command_id: command.id,
        next_attempt_at,
    });
    draft.send(&command, 1);
}

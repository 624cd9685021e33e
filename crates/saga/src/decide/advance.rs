//! What follows from where the steps stand: the saga turns, ends, or asks for what comes next.
//! It runs at the end of every decision, so it must find nothing to do when run twice.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use mutants::mutant;

use super::compensate::compensate;
use super::draft::Draft;
use crate::event::EventKind;
use crate::instance::{Cancellation, Phase, StepStatus};
use crate::spec::Request;

pub(crate) fn advance(draft: &mut Draft<'_>) {
    // Suspended: what was recorded takes effect on resume.
    let suspended = draft.state.is_suspended() && !mutant!("suspended-saga-sends");
    if draft.state.is_terminal() || suspended {
        return;
    }
    turn(draft);
    if hand_over(draft) {
        return;
    }
    match draft.state.phase {
        Phase::Running => forward(draft),
        Phase::Compensating => compensate(draft),
        Phase::Completed | Phase::Cancelled | Phase::Returned => {}
    }
}

/// Ends the saga if a fact has handed it over.
fn hand_over(draft: &mut Draft<'_>) -> bool {
    let failed = |index: &usize| draft.status(*index) == StepStatus::Failed;
    let handed = draft.indices().filter(failed).find_map(|index| {
        let to = draft.row(index).hand_over?;
        Some((to.definition, draft.step(index).reason.clone()?))
    });
    let Some((definition, reason)) = handed else { return false };
    draft.record(EventKind::SagaHandedOver { definition: definition.to_string(), reason });
    draft.publish(draft.definition.published().returned);
    draft.hand_over(definition);
    true
}

/// Changes the direction where a failure, a wish to cancel or the pivot demands it.
fn turn(draft: &mut Draft<'_>) {
    let past_pivot = draft.state.past_pivot() && !mutant!("saga-undoes-after-the-pivot");
    let asked = draft.state.cancellation() == Some(Cancellation::Requested);
    match draft.state.phase {
        Phase::Compensating if past_pivot => {
            draft.record(EventKind::CompensationAbandoned {});
            // A deadline may have begun the undoing: then nobody asked, and nobody is refused.
            if asked {
                refuse_cancellation(draft);
            }
        }
        Phase::Running if past_pivot && asked => refuse_cancellation(draft),
        Phase::Running if !past_pivot => {
            let asked = draft.state.cancel_reason.clone().filter(|_| asked);
            if let Some(reason) = asked.or_else(|| failure(draft)) {
                draft.record(EventKind::CompensationStarted { reason });
            }
        }
        _ => {}
    }
}

fn failure(draft: &Draft<'_>) -> Option<alloc::string::String> {
    let failed = |index: &usize| draft.status(*index) == StepStatus::Failed;
    draft.indices().find(failed).and_then(|index| draft.step(index).reason.clone())
}

/// Records and publishes, once, that a cancellation came too late.
pub(crate) fn refuse_cancellation(draft: &mut Draft<'_>) {
    if draft.state.cancellation() != Some(Cancellation::Refused) {
        draft.record(EventKind::CancellationRefused {});
        if mutant!("saga-refuses-a-cancellation-in-silence") {
            return;
        }
        draft.publish(draft.definition.published().cancellation_refused);
    }
}

/// Asks for every step whose turn has come, or ends when all are over.
fn forward(draft: &mut Draft<'_>) {
    if draft.indices().all(|index| draft.status(index).is_over()) {
        draft.record(EventKind::SagaCompleted {});
        draft.publish(draft.definition.published().completed);
        return;
    }
    // Stuck: nothing new until the participant answers.
    if draft.state.is_stuck() && !mutant!("stuck-saga-asks-for-more") {
        return;
    }
    let settled = settled(draft);
    for index in draft.definition.topological() {
        let ready = draft.definition.after(*index).iter().all(|earlier| settled[*earlier])
            || mutant!("saga-asks-before-the-turn");
        if ready && draft.status(*index) == StepStatus::Blocked {
            request(draft, *index);
        }
    }
}

/// Which steps are over together with everything that they need: a fact that was heard early
/// unblocks nobody before its step's turn has come.
fn settled(draft: &Draft<'_>) -> Vec<bool> {
    let mut settled = vec![false; draft.indices().len()];
    for index in draft.definition.topological() {
        let turn = draft.definition.after(*index).iter().all(|earlier| settled[*earlier])
            || mutant!("saga-lets-an-early-fact-unblock");
        settled[*index] = turn && draft.status(*index).is_over();
    }
    settled
}

fn request(draft: &mut Draft<'_>, index: usize) {
    let (step, deadline) = (draft.name(index), draft.deadline(index));
    if let Some(command) = draft.request(index) {
        let next_attempt_at = draft.next_attempt(&command, 1, false);
        draft.record(EventKind::StepRequested {
            step,
            generation: draft.step(index).generation,
            command: command.name.to_string(),
            to: command.to.to_string(),
            command_id: command.id,
            deadline,
            next_attempt_at,
        });
        draft.send(&command, 1);
    } else if let Request::WaitsOn { command } = draft.row(index).request {
        let next_attempt_at = resend_of_sender(draft, index);
        draft.record(EventKind::StepAwaited {
            step,
            command: command.to_string(),
            deadline,
            next_attempt_at,
        });
    }
}

/// When the command that a step waits on is sent again: as planned, if another step waits too.
fn resend_of_sender(draft: &Draft<'_>, index: usize) -> crate::time::Time {
    let sender = draft.definition.sender(index);
    let step = draft.step(sender);
    let planned = step.next_attempt_at;
    let afresh = draft
        .request(sender)
        .map_or(draft.now, |command| draft.next_attempt(&command, step.attempts, false));
    planned.unwrap_or(afresh)
}

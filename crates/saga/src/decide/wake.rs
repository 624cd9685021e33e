//! Timers: deadlines and resends. A deadline does not run out, and nothing is sent again, for a
//! command that may still lie in our own outbox: an outage of the broker must not cancel what
//! was never asked for. Nor does it run out for an answer that could not reach us: after we were
//! deaf, a deadline that had begun to run begins anew.

use alloc::string::ToString;

use mutants::mutant;

use super::advance::advance;
use super::draft::Draft;
use crate::command::Direction;
use crate::decision::{Ignored, Outcome};
use crate::event::{EventKind, Extension};
use crate::instance::StepStatus;
use crate::spec::DeadlineAction;
use crate::time::Time;

pub(crate) fn wake(
    draft: &mut Draft<'_>,
    oldest_unsent: Option<Time>,
    deaf_until: Option<Time>,
) -> Outcome {
    if draft.state.is_terminal() {
        return Outcome::Ignored(Ignored::Late);
    }
    if !draft.state.is_suspended() || mutant!("suspended-saga-wakes") {
        for index in draft.indices() {
            deadline(draft, index, oldest_unsent, deaf_until);
        }
        for index in draft.indices() {
            resend(draft, index, oldest_unsent);
        }
        advance(draft);
    }
    if draft.changed() { Outcome::Accepted } else { Outcome::Ignored(Ignored::NothingDue) }
}

/// Whether what was sent then may still lie in our own outbox.
fn may_be_unsent(sent: Option<Time>, oldest_unsent: Option<Time>) -> bool {
    sent.zip(oldest_unsent).is_some_and(|(sent, oldest)| sent >= oldest)
}

/// Whether the participant may not have had its time: what was first sent may not have left us, or
/// a resend has been lying here for so long that nothing comes through, answers included. A resend
/// that was only just written takes nothing from the time that the participant has had.
fn never_arrived(draft: &Draft<'_>, index: usize, oldest_unsent: Option<Time>) -> bool {
    let sender = draft.step(draft.definition.sender(index));
    let outage = oldest_unsent
        .is_some_and(|oldest| draft.now.since(oldest) >= draft.state.settings.retry.first_pause);
    if mutant!("deadline-runs-for-what-was-not-sent") {
        return false;
    }
    may_be_unsent(sender.requested_at, oldest_unsent)
        || (outage && may_be_unsent(sender.sent_at, oldest_unsent))
}

/// When a deadline that is due runs out instead, as it had begun to run before we could hear again:
/// it runs from then, so that one outage never moves it twice. `None` where it began afterwards, or
/// has had its full time since.
fn since_we_hear(
    draft: &Draft<'_>,
    index: usize,
    anew: Time,
    deaf_until: Option<Time>,
) -> Option<Time> {
    let lasts = anew.since(draft.now);
    let due = draft.step(index).deadline?;
    let heard = deaf_until?.min(draft.now);
    let moved = heard.plus(lasts);
    let deaf = moved > due && !mutant!("deadline-runs-while-nothing-is-heard");
    (deaf && moved > draft.now).then_some(moved)
}

fn deadline(
    draft: &mut Draft<'_>,
    index: usize,
    oldest_unsent: Option<Time>,
    deaf_until: Option<Time>,
) {
    let due = draft.step(index).deadline.is_some_and(|deadline| deadline <= draft.now)
        || (mutant!("deadline-is-always-due") && draft.step(index).deadline.is_some());
    let (Some(rule), Some(anew)) = (draft.row(index).deadline, draft.deadline(index)) else {
        return;
    };
    if !due {
        return;
    }
    let step = draft.name(index);
    if never_arrived(draft, index, oldest_unsent) {
        let because = Extension::Unsent;
        draft.record(EventKind::DeadlineExtended { step, deadline: anew, because });
        return;
    }
    if let Some(deadline) = since_we_hear(draft, index, anew, deaf_until) {
        let because = Extension::Deaf;
        draft.record(EventKind::DeadlineExtended { step, deadline, because });
        return;
    }
    match rule.action {
        DeadlineAction::Cancel { reason } => {
            let reason = reason.to_string();
            draft.record(EventKind::DeadlinePassed { step, reason: reason.clone() });
            if !draft.state.is_compensating() && !mutant!("deadline-has-no-effect") {
                draft.record(EventKind::CompensationStarted { reason });
            }
        }
        DeadlineAction::WidenThenEscalate { command, to } if !draft.step(index).widened => {
            if draft.state.is_stuck() {
                let because = Extension::Stuck;
                draft.record(EventKind::DeadlineExtended { step, deadline: anew, because });
                return;
            }
            let widening = draft.command(index, Direction::Widen, (command, to), false);
            draft.record(EventKind::StepWidened {
                step,
                command: command.to_string(),
                to: to.to_string(),
                command_id: widening.id,
                deadline: anew,
            });
            draft.send(&widening, 1);
        }
        DeadlineAction::Escalate | DeadlineAction::WidenThenEscalate { .. } => {
            draft.record(EventKind::StepEscalated { step });
        }
    }
}

fn resend(draft: &mut Draft<'_>, index: usize, oldest_unsent: Option<Time>) {
    let due = draft.step(index).next_attempt_at.is_some_and(|next| next <= draft.now);
    // A deadline that has just passed revokes the step: nothing is asked for once more.
    let revoked = draft.state.is_compensating() && draft.status(index) == StepStatus::Requested;
    let Some(command) = draft.awaited(index).filter(|_| due && !revoked) else { return };
    let step = draft.name(index);
    let limit = draft.state.settings.retry.limit;
    let sent = draft.step(index).attempts;
    let lies_here = may_be_unsent(draft.step(index).sent_at, oldest_unsent);
    if lies_here && !mutant!("saga-sends-again-what-still-lies-here") {
        // One lies there already: at the cap, so that an outage costs few writes.
        let next_attempt_at = draft.next_attempt(&command, sent, true);
        draft.record(EventKind::ResendPostponed { step, next_attempt_at });
        return;
    }
    let limited = command.limited && !mutant!("saga-is-never-stuck")
        || mutant!("saga-is-stuck-for-want-of-a-person");
    if limited && !draft.step(index).exhausted && draft.step(index).unanswered >= limit {
        draft.record(EventKind::RetriesExhausted { step: step.clone(), attempts: sent });
    }
    let attempt = sent.saturating_add(1);
    let next_attempt_at = draft.next_attempt(&command, attempt, draft.step(index).exhausted);
    draft.record(EventKind::CommandResent {
        step,
        direction: command.direction,
        command: command.name.to_string(),
        to: command.to.to_string(),
        command_id: command.id,
        attempt,
        next_attempt_at,
    });
    draft.send(&command, attempt);
}

//! The fold: one event into the state. It decides nothing, it only writes down; an event that
//! does not fit changes nothing but the version, for a history is never argued with.

use alloc::string::ToString;

use mutants::mutant;
use uuid::Uuid;

use crate::definition::Definition;
use crate::event::{Event, EventKind};
use crate::instance::{Cancellation, Cursor, Cursors, Instance, Phase, StepState, StepStatus};
use crate::settings::Settings;
use crate::time::Time;

/// The state after one more event.
pub fn evolve(definition: &Definition, before: Option<Instance>, event: &Event) -> Instance {
    let mut state = before.unwrap_or_else(|| unstarted(definition, event.at));
    apply(definition, &mut state, event);
    state
}

/// The state that a whole history leads to; `None` for an empty one.
pub fn replay<'e>(
    definition: &Definition,
    events: impl IntoIterator<Item = &'e Event>,
) -> Option<Instance> {
    events.into_iter().fold(None, |state, event| Some(evolve(definition, state, event)))
}

fn unstarted(definition: &Definition, at: Time) -> Instance {
    let step = |name: &str| StepState {
        name: name.to_string(),
        status: StepStatus::Blocked,
        generation: 1,
        attempts: 0,
        unanswered: 0,
        exhausted: false,
        widened: false,
        escalated: false,
        recalls: 0,
        since: at,
        requested_at: None,
        sent_at: None,
        next_attempt_at: None,
        deadline: None,
        reason: None,
    };
    Instance {
        saga_id: Uuid::nil(),
        definition: definition.name().to_string(),
        definition_version: definition.version(),
        version: 0,
        phase: Phase::Running,
        suspended_at: None,
        past_pivot: definition.starts_past_pivot(),
        cancellation: None,
        cancel_reason: None,
        reason: None,
        started_at: at,
        updated_at: at,
        steps: definition.steps().iter().map(|row| step(row.name)).collect(),
        cursors: Cursors::new(),
        settings: Settings::default(),
    }
}

pub(crate) fn apply(definition: &Definition, state: &mut Instance, event: &Event) {
    state.version = state.version.saturating_add(1);
    state.updated_at = event.at;
    match &event.kind {
        EventKind::SagaStarted { saga_id, definition, definition_version, settings, cursors } => {
            state.saga_id = *saga_id;
            state.definition.clone_from(definition);
            state.definition_version = *definition_version;
            state.settings.clone_from(settings);
            state.cursors.clone_from(cursors);
            state.started_at = event.at;
        }
        EventKind::FactHeard { source, sequence, milestones, .. } => {
            let cursor = Cursor { sequence: *sequence, applied: *milestones };
            state.cursors.insert(source.clone(), cursor);
        }
        EventKind::CancellationRequested { reason, .. } => {
            state.cancellation = Some(Cancellation::Requested);
            state.cancel_reason = Some(reason.clone());
        }
        EventKind::CancellationRefused {} => {
            state.cancellation = Some(Cancellation::Refused);
            state.cancel_reason = None;
        }
        EventKind::CompensationStarted { reason } => {
            state.phase = Phase::Compensating;
            state.reason = Some(reason.clone());
        }
        EventKind::CompensationAbandoned {} => {
            state.phase = Phase::Running;
            state.reason = None;
        }
        EventKind::SagaSuspended {} => state.suspended_at = Some(event.at),
        EventKind::SagaResumed {} => resume(state, event.at),
        EventKind::SagaCompleted {} => state.phase = Phase::Completed,
        EventKind::SagaCancelled { reason } => end(state, Phase::Cancelled, reason),
        EventKind::SagaHandedOver { reason, .. } => end(state, Phase::Returned, reason),
        EventKind::StepReopened { blocked, .. } => {
            for name in blocked {
                if let Some(step) = state.steps.iter_mut().find(|step| step.name == *name) {
                    again(step, event.at);
                }
            }
        }
        _ => {}
    }
    if let Some(index) = event.kind.step().and_then(|step| definition.position(step)) {
        step_event(definition, state, index, event);
    }
    tidy(definition, state);
}

fn end(state: &mut Instance, phase: Phase, reason: &str) {
    state.phase = phase;
    state.reason = Some(reason.to_string());
}

/// Deadlines do not run while a saga is suspended.
fn resume(state: &mut Instance, at: Time) {
    let Some(suspended_at) = state.suspended_at.take() else { return };
    if mutant!("deadline-runs-while-suspended") {
        return;
    }
    let paused = at.since(suspended_at);
    for step in &mut state.steps {
        step.deadline = step.deadline.map(|deadline| deadline.plus(paused));
    }
}

/// Blocks a step again, as if it had never been asked for.
fn again(step: &mut StepState, at: Time) {
    step.status = StepStatus::Blocked;
    step.since = at;
    step.requested_at = None;
    step.deadline = None;
    step.escalated = false;
    step.widened = false;
}

fn step_event(definition: &Definition, state: &mut Instance, index: usize, event: &Event) {
    let at = event.at;
    if let EventKind::StepAwaited { next_attempt_at, .. } = &event.kind {
        // The clock of a resend belongs to the step that sends the command.
        if let Some(sender) = state.steps.get_mut(definition.sender(index)) {
            sender.next_attempt_at = Some(*next_attempt_at);
        }
    }
    let Some(step) = state.steps.get_mut(index) else { return };
    let enter = |step: &mut StepState, status: StepStatus| {
        step.status = status;
        step.since = at;
    };
    match &event.kind {
        EventKind::StepRequested { generation, deadline, next_attempt_at, .. } => {
            enter(step, StepStatus::Requested);
            step.generation = *generation;
            step.requested_at = Some(at);
            step.deadline = *deadline;
            sent(step, at, 1, *next_attempt_at);
            step.unanswered = 1;
        }
        EventKind::StepAwaited { deadline, .. } => {
            enter(step, StepStatus::Requested);
            step.requested_at = Some(at);
            step.deadline = *deadline;
        }
        EventKind::CommandResent { attempt, next_attempt_at, .. } => {
            sent(step, at, *attempt, *next_attempt_at);
            step.unanswered = step.unanswered.saturating_add(1);
        }
        EventKind::StepRetried { next_attempt_at, .. } => {
            sent(step, at, 1, *next_attempt_at);
            step.unanswered = 1;
            step.exhausted = false;
        }
        EventKind::ResendPostponed { next_attempt_at, .. } => {
            step.next_attempt_at = Some(*next_attempt_at);
        }
        EventKind::RetriesExhausted { .. } => step.exhausted = true,
        EventKind::AnswerHeard { .. } => {
            step.unanswered = 0;
            step.exhausted = false;
        }
        EventKind::StepDone { .. } => {
            enter(step, StepStatus::Done);
            let pivot = definition.steps()[index].kind == crate::spec::Kind::Pivot;
            state.past_pivot |= pivot;
        }
        EventKind::StepFailed { reason, .. } => {
            enter(step, StepStatus::Failed);
            step.reason = Some(reason.clone());
        }
        EventKind::StepUndone { .. } => enter(step, StepStatus::Undone),
        EventKind::StepSkipped { .. } => enter(step, StepStatus::Skipped),
        EventKind::StepReopened { generation, .. } => {
            again(step, at);
            step.generation = *generation;
            step.attempts = 0;
        }
        EventKind::StepUndoRequested { next_attempt_at, .. } => {
            enter(step, StepStatus::Undoing);
            sent(step, at, 1, *next_attempt_at);
            step.unanswered = 1;
            step.exhausted = false;
            step.escalated = false;
        }
        EventKind::DeadlineExtended { deadline, .. } => step.deadline = Some(*deadline),
        EventKind::DeadlinePassed { .. } => step.deadline = None,
        EventKind::StepWidened { deadline, .. } => {
            step.widened = true;
            step.deadline = Some(*deadline);
        }
        EventKind::StepEscalated { .. } => {
            step.escalated = true;
            step.deadline = None;
        }
        EventKind::RecallRequested { attempt, .. } => step.recalls = *attempt,
        _ => {}
    }
}

fn sent(step: &mut StepState, at: Time, attempt: u32, next_attempt_at: Time) {
    step.attempts = attempt;
    step.sent_at = Some(at);
    step.next_attempt_at = Some(next_attempt_at);
}

/// Takes away the clocks of what is no longer awaited, so that no timer fires for nothing.
fn tidy(definition: &Definition, state: &mut Instance) {
    let terminal = state.is_terminal();
    for index in 0..state.steps.len().min(definition.steps().len()) {
        let awaited = !terminal && is_awaited(definition, state, index);
        let step = &mut state.steps[index];
        if !awaited {
            step.next_attempt_at = None;
        }
        if terminal || !step.status.in_flight() {
            step.exhausted = false;
            step.unanswered = 0;
        }
        let waits = step.status == StepStatus::Requested || mutant!("deadline-outlives-its-step");
        if terminal || !waits {
            step.deadline = None;
        }
    }
}

/// Whether any step waits for an answer to the command that this step sends.
pub(crate) fn is_awaited(definition: &Definition, state: &Instance, sender: usize) -> bool {
    state.steps.iter().enumerate().any(|(index, step)| {
        index < definition.steps().len()
            && definition.sender(index) == sender
            && step.status.in_flight()
    })
}

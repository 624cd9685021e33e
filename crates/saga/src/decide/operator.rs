//! An operator's actions, by the same rules as everybody's. What could leave the saga without
//! an end, or an invariant broken, is refused; what is done names who did it and why.

use alloc::string::ToString;

use mutants::mutant;

use super::advance::advance;
use super::cancel;
use super::draft::Draft;
use super::fact::hear;
use crate::command::Direction;
use crate::decision::{Ignored, Outcome, Refusal};
use crate::definition::Role;
use crate::event::EventKind;
use crate::evolve::is_awaited;
use crate::input::Action;
use crate::instance::{Phase, StepStatus};
use crate::reach::reaches_an_end;

/// The reason that a saga gives when an operator had it cancelled.
const OPERATOR: &str = "operator";

pub(crate) fn operator(draft: &mut Draft<'_>, action: &Action, by: &str, why: &str) -> Outcome {
    if by.trim().is_empty() && !mutant!("operator-needs-no-name") {
        return Outcome::Refused(Refusal::ActorMissing);
    }
    let refused = match action {
        // A cancellation answers for itself in every state, the ends included.
        Action::Compensate => return compensate(draft, by, why),
        _ => ended(draft).or_else(|| match action {
            Action::Retry { step } => refuse_retry(draft, step.as_deref()),
            Action::Resume if !draft.state.is_suspended() => Some(Refusal::NotSuspended),
            Action::Skip { step } => refuse_skip(draft, step),
            Action::Resolve { step, fact } => refuse_resolve(draft, step, fact),
            Action::Suspend | Action::Resume | Action::Compensate => None,
        }),
    };
    if let Some(refusal) = refused {
        return Outcome::Refused(refusal);
    }
    if *action == Action::Suspend && draft.state.is_suspended() {
        return Outcome::Ignored(Ignored::AlreadySuspended);
    }
    acted(draft, action, by, why);
    match action {
        Action::Retry { step } => retry(draft, step.as_deref()),
        Action::Suspend => draft.record(EventKind::SagaSuspended {}),
        Action::Resume => draft.record(EventKind::SagaResumed {}),
        Action::Skip { step } => draft.record(EventKind::StepSkipped { step: step.clone() }),
        Action::Resolve { step, fact } => resolve(draft, step, fact),
        Action::Compensate => {}
    }
    advance(draft);
    Outcome::Accepted
}

fn acted(draft: &mut Draft<'_>, action: &Action, by: &str, why: &str) {
    let fact = match action {
        Action::Resolve { fact, .. } => Some(fact.clone()),
        _ => None,
    };
    draft.record(EventKind::OperatorActed {
        action: action.as_str().to_string(),
        step: action.step().map(ToString::to_string),
        fact,
        by: by.to_string(),
        reason: why.to_string(),
    });
}

fn ended(draft: &Draft<'_>) -> Option<Refusal> {
    match draft.state.phase {
        Phase::Completed => Some(Refusal::Completed),
        Phase::Cancelled => Some(Refusal::Cancelled),
        Phase::Returned => Some(Refusal::Returned),
        Phase::Running | Phase::Compensating => None,
    }
}

/// A cancellation by the same rules, but one that is refused leaves no trace: nobody's customer
/// is to be told of a refusal that they did not ask for.
fn compensate(draft: &mut Draft<'_>, by: &str, why: &str) -> Outcome {
    let outcome = cancel::prospect(&draft.state);
    if outcome == Outcome::Accepted {
        acted(draft, &Action::Compensate, by, why);
        cancel::cancel(draft, OPERATOR, by);
    }
    outcome
}

/// The sending steps whose commands are awaited: all, or the one that a step waits on.
fn awaited<'a>(draft: &'a Draft<'_>, step: Option<usize>) -> impl Iterator<Item = usize> + 'a {
    let only = step.map(|index| draft.definition.sender(index));
    draft.indices().filter(move |index| {
        draft.definition.sender(*index) == *index
            && only.is_none_or(|only| only == *index)
            && is_awaited(draft.definition, &draft.state, *index)
    })
}

fn refuse_retry(draft: &Draft<'_>, step: Option<&str>) -> Option<Refusal> {
    let index = match step.map(|name| draft.definition.position(name)) {
        Some(None) => return Some(Refusal::UnknownStep),
        Some(Some(index)) if !draft.status(index).in_flight() => {
            return Some(Refusal::NotInFlight);
        }
        named => named.flatten(),
    };
    if draft.state.is_suspended() {
        return Some(Refusal::Suspended);
    }
    awaited(draft, index).next().is_none().then_some(Refusal::NotInFlight)
}

fn retry(draft: &mut Draft<'_>, step: Option<&str>) {
    let index = step.and_then(|name| draft.definition.position(name));
    let all: alloc::vec::Vec<usize> = awaited(draft, index).collect();
    for index in all {
        let Some(command) = draft.awaited(index) else { continue };
        let next_attempt_at = draft.next_attempt(&command, 1, false);
        draft.record(EventKind::StepRetried {
            step: draft.name(index),
            direction: command.direction,
            command: command.name.to_string(),
            to: command.to.to_string(),
            command_id: command.id,
            next_attempt_at,
        });
        draft.send(&command, 1);
    }
}

fn refuse_skip(draft: &Draft<'_>, step: &str) -> Option<Refusal> {
    let Some(index) = draft.definition.position(step) else {
        return Some(Refusal::UnknownStep);
    };
    if !draft.row(index).skippable && !mutant!("operator-skips-any-step") {
        return Some(Refusal::NotSkippable);
    }
    if !draft.state.past_pivot() {
        return Some(Refusal::NotInFlight);
    }
    if !matches!(draft.status(index), StepStatus::Blocked | StepStatus::Requested) {
        return Some(Refusal::StepOver);
    }
    // Whoever waits on a command that was never sent would wait for ever.
    let needed = draft.indices().any(|other| {
        other != index && draft.definition.sender(other) == index && !draft.status(other).is_over()
    });
    if needed && draft.step(index).sent_at.is_none() {
        return Some(Refusal::NoEnd);
    }
    let after = |copy: &mut Draft<'_>| {
        copy.record(EventKind::StepSkipped { step: step.to_string() });
    };
    no_end(draft, after)
}

fn refuse_resolve(draft: &Draft<'_>, step: &str, fact: &str) -> Option<Refusal> {
    let Some(index) = draft.definition.position(step) else {
        return Some(Refusal::UnknownStep);
    };
    let Some(role) = draft.definition.role_in(index, fact) else {
        return Some(Refusal::UnknownFact);
    };
    if role == Role::HandOver && recalls(draft, index) {
        return draft.state.is_suspended().then_some(Refusal::Suspended);
    }
    let mut copy = Draft::of(draft.definition, draft.state.clone(), draft.now);
    if !hear(&mut copy, index, fact, None) {
        return Some(Refusal::NoEffect);
    }
    // Nobody's holdings can confirm what nobody was ever asked for.
    if draft.step(draft.definition.sender(index)).sent_at.is_none() {
        return Some(Refusal::NotInFlight);
    }
    no_end(draft, |copy| {
        hear(copy, index, fact, None);
    })
}

/// Whether the handing-over fact can only be asked for: the step's turn has not come.
fn recalls(draft: &Draft<'_>, index: usize) -> bool {
    draft.state.past_pivot()
        && draft.status(index) == StepStatus::Blocked
        && draft.row(index).hand_over.is_some_and(|hand_over| hand_over.recall.is_some())
}

fn resolve(draft: &mut Draft<'_>, step: &str, fact: &str) {
    let Some(index) = draft.definition.position(step) else { return };
    let recall = draft.row(index).hand_over.filter(|hand_over| hand_over.fact == fact);
    match recall.and_then(|hand_over| hand_over.recall).filter(|_| recalls(draft, index)) {
        Some((command, to)) => {
            let recall = draft.command(index, Direction::Recall, (command, to), false);
            let attempt = draft.step(index).recalls.saturating_add(1);
            draft.record(EventKind::RecallRequested {
                step: step.to_string(),
                command: command.to_string(),
                to: to.to_string(),
                command_id: recall.id,
                attempt,
            });
            draft.send(&recall, attempt);
        }
        None => {
            hear(draft, index, fact, None);
        }
    }
}

/// Refuses a change after which no end could be reached, judged on a copy.
fn no_end(draft: &Draft<'_>, change: impl Fn(&mut Draft<'_>)) -> Option<Refusal> {
    let mut copy = Draft::of(draft.definition, draft.state.clone(), draft.now);
    change(&mut copy);
    let ends = reaches_an_end(copy.definition, &copy.state, copy.now);
    (!ends).then_some(Refusal::NoEnd)
}

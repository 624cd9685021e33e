//! Where a saga can still end, found by letting it: participants that answer are played on a
//! copy, through the engine's own rules, once for each way in which things may turn out.

use alloc::vec::Vec;

use crate::decide::{Draft, advance, decide, hear};
use crate::definition::Definition;
use crate::event::EventKind;
use crate::input::Input;
use crate::instance::{Instance, Status, StepStatus};
use crate::spec::Kind;
use crate::time::Time;

/// How things turn out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    /// Every step is done; a pivot that was revoked has happened.
    Forward,
    /// Whatever can be refused is; a pivot that was revoked has not happened.
    Refusing,
    /// Somebody cancels.
    Cancelling,
    /// The fact that hands over is said; a pivot that was revoked has happened.
    HandingOver,
}

impl Course {
    /// Whether a pivot that was revoked turns out to have happened.
    fn happens(self) -> bool {
        matches!(self, Self::Forward | Self::HandingOver)
    }
}

/// The ends that are reachable, sorted; an ended saga reaches its own.
pub fn reachable_ends(definition: &Definition, instance: &Instance, now: Time) -> Vec<Status> {
    let courses = [Course::Forward, Course::Refusing, Course::Cancelling, Course::HandingOver];
    let mut ends: Vec<Status> =
        courses.into_iter().filter_map(|course| end(definition, instance, now, course)).collect();
    ends.sort_unstable();
    ends.dedup();
    ends
}

pub(crate) fn reaches_an_end(definition: &Definition, instance: &Instance, now: Time) -> bool {
    !reachable_ends(definition, instance, now).is_empty()
}

fn end(definition: &Definition, instance: &Instance, now: Time, course: Course) -> Option<Status> {
    let mut state = instance.clone();
    if course == Course::Cancelling {
        let cancel = Input::Cancel { reason: "preview".into(), by: "preview".into() };
        state = decide(definition, &state, &cancel, now).apply(definition, Some(state))?;
    }
    let mut draft = Draft::of(definition, state, now);
    if draft.state.is_suspended() {
        draft.record(EventKind::SagaResumed {});
    }
    advance(&mut draft);
    // Every round moves a step, and a step moves but a few times.
    for _ in 0..=4 * definition.steps().len() {
        let moved = draft.indices().any(|index| {
            answer(&draft, index, course).is_some_and(|fact| hear(&mut draft, index, fact, None))
        });
        advance(&mut draft);
        if draft.state.is_terminal() || !moved {
            break;
        }
    }
    Some(draft.state.status()).filter(|status| status.is_terminal())
}

/// What a step's participant says next, in this course of things.
fn answer(draft: &Draft<'_>, index: usize, course: Course) -> Option<&'static str> {
    let row = draft.row(index);
    let undone = row.undo.map(|undo| undo.undone_by);
    match draft.status(index) {
        StepStatus::Undoing if row.kind == Kind::Pivot && course.happens() => Some(row.done_by),
        StepStatus::Undoing => undone,
        StepStatus::Requested => match course {
            Course::Refusing => row.failed_by.map(|(fact, _)| fact).or(undone),
            Course::HandingOver => row.hand_over.map(|hand_over| hand_over.fact),
            Course::Forward | Course::Cancelling => None,
        }
        .or(Some(row.done_by)),
        _ => None,
    }
}

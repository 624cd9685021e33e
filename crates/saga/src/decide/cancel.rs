//! A wish to cancel, a customer's or an operator's. Before the pivot it starts compensation;
//! with the pivot in flight the pivot's participant decides; after it, it is too late.

use alloc::string::ToString;

use mutants::mutant;

use super::advance::{advance, refuse_cancellation};
use super::draft::Draft;
use crate::decision::{Ignored, Outcome, Refusal};
use crate::event::EventKind;
use crate::instance::{Instance, Phase};

pub(crate) fn cancel(draft: &mut Draft<'_>, reason: &str, by: &str) -> Outcome {
    let outcome = prospect(&draft.state);
    match outcome {
        Outcome::Refused(Refusal::PastPivot) => refuse_cancellation(draft),
        Outcome::Accepted | Outcome::Ignored(Ignored::AlreadyCancelling)
            if draft.state.cancellation().is_none() =>
        {
            let (reason, by) = (reason.to_string(), by.to_string());
            draft.record(EventKind::CancellationRequested { reason, by });
            advance(draft);
        }
        _ => {}
    }
    outcome
}

/// What a wish to cancel meets in this state.
pub(crate) fn prospect(state: &Instance) -> Outcome {
    match state.phase {
        Phase::Completed => Outcome::Refused(Refusal::Completed),
        Phase::Returned => Outcome::Refused(Refusal::Returned),
        Phase::Cancelled => Outcome::Ignored(Ignored::AlreadyCancelled),
        _ if state.past_pivot() && !mutant!("saga-undoes-after-the-pivot") => {
            Outcome::Refused(Refusal::PastPivot)
        }
        Phase::Compensating => Outcome::Ignored(Ignored::AlreadyCancelling),
        Phase::Running if state.cancellation().is_some() => {
            Outcome::Ignored(Ignored::AlreadyCancelling)
        }
        Phase::Running => Outcome::Accepted,
    }
}

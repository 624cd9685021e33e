//! I3: every saga ends, or waits with a timer set, or is suspended or stuck (and counted as such).

use super::Verdict;
use crate::audit::{Knowledge, held::Held};

/// Judges one order.
pub fn check(held: &Held, known: &Knowledge) -> Verdict {
    let Some(head) = &held.order else { return Verdict::Silent };
    if let Some(starts_at) = head.starts_at() {
        return match head.columns.wake_at {
            None => Verdict::Violated("it waits for its time without a timer".to_owned()),
            Some(set) if set > starts_at => {
                Verdict::Violated("its timer is set for after its time".to_owned())
            }
            Some(_) => Verdict::InFlight,
        };
    }
    if head.own().is_none() && !head.has_ended() {
        return Verdict::Violated("it has no saga".to_owned());
    }
    if head.has_ended() {
        return if head.end().is_some() {
            Verdict::Holds
        } else {
            Verdict::Violated("it was handed over to a saga that never began".to_owned())
        };
    }
    let open = head.sagas.iter().filter(|saga| !saga.has_ended());
    let halted = open.clone().any(|saga| saga.suspended_at.is_some() || saga.is_stuck());
    if head.columns.wake_at.is_none() && !open.clone().all(|saga| saga.suspended_at.is_some()) {
        return Verdict::Violated("its saga has not ended and waits without a timer".to_owned());
    }
    if known.at_rest && !halted {
        let waits = open.flat_map(|saga| &saga.steps).find(|step| step.in_flight());
        let waits = waits.map_or("nothing", |step| step.name.as_str());
        return Verdict::Violated(format!("its saga has not ended; it waits on {waits}"));
    }
    if halted { Verdict::Holds } else { Verdict::InFlight }
}

//! Orders for later: until its time comes, nobody but the orchestrator holds anything for one.

use contracts::Timestamp;
use runtime::{FieldError, Problem};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::settings::Lead;

/// When an order starts that was placed for later, and what has become of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// When its saga starts.
    pub starts_at: Timestamp,
    /// The id that its saga will have.
    pub saga_id: Uuid,
    /// Why it was cancelled before its start, as a slug.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<String>,
}

/// Refuses a time that lies too near, too far or in the past.
pub fn judge(starts_at: Timestamp, now: Timestamp, lead: &Lead) -> Result<(), Problem> {
    let (first, last) = (now.plus(lead.earliest), now.plus(lead.latest));
    if first <= starts_at && starts_at <= last {
        return Ok(());
    }
    let detail = format!("must lie from {first} to {last}");
    Err(Problem::invalid(vec![FieldError { field: "for".to_owned(), detail }]))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_lies_within_bounds_that_belong_to_them() {
        let lead = Lead::default();
        let now = Timestamp::from_millis(1_780_000_000_000);
        let (earliest, latest) = (Duration::from_secs(300), Duration::from_secs(14 * 86_400));
        let millisecond = Duration::from_millis(1);
        for (at, fine) in [
            (now.plus(earliest), true),
            (now.plus(latest), true),
            (now.plus(earliest).minus(millisecond), false),
            (now.plus(latest).plus(millisecond), false),
            (now, false),
            (now.minus(latest), false),
            (Timestamp::from_millis(i64::MAX), false),
        ] {
            let judged = judge(at, now, &lead);
            assert_eq!(judged.is_ok(), fine, "{at}");
            if let Err(problem) = judged {
                assert_eq!((problem.status, problem.errors[0].field.as_str()), (422, "for"));
            }
        }
    }
}

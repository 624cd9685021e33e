//! The built-in test gateway: the token says what it answers, and when.
//!
//! It answers inside the decision and moves no money; the service treats its answer like that of
//! a real one: as something that may come late, and that may find the order gone by then.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Whether the gateway holds the amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The amount is held.
    Approved,
    /// It is not.
    Declined,
}

/// The gateway's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Known at once.
    Now(Verdict),
    /// Known after that long.
    Later(Duration, Verdict),
}

/// Asks for a higher sum to be held. `tok-limit` is declined, `tok-slow` and `tok-slow-raise` are
/// approved after `slow_after`, every other token is approved at once.
pub fn raise(token: &str, slow_after: Duration) -> Answer {
    match token {
        "tok-limit" | "tok-declined" => Answer::Now(Verdict::Declined),
        "tok-slow" | "tok-slow-raise" => Answer::Later(slow_after, Verdict::Approved),
        _ => Answer::Now(Verdict::Approved),
    }
}

/// Asks for a hold. `tok-declined` is declined, `tok-slow` approved after `slow_after`, every
/// other token approved at once.
pub fn ask(token: &str, slow_after: Duration) -> Answer {
    match token {
        "tok-declined" => Answer::Now(Verdict::Declined),
        "tok-slow" => Answer::Later(slow_after, Verdict::Approved),
        _ => Answer::Now(Verdict::Approved),
    }
}

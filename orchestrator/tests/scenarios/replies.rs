//! What a request was answered.

use runtime::{Problem, Reply};
use serde_json::Value;

pub(crate) fn status(reply: &Reply) -> u16 {
    match reply {
        Reply::None => 0,
        Reply::Done { status, .. } => *status,
        Reply::Refused(problem) => problem.status,
    }
}

pub(crate) fn refusal(reply: &Reply) -> &Problem {
    match reply {
        Reply::Refused(problem) => problem,
        other => panic!("refused, but it was {other:?}"),
    }
}

pub(crate) fn body(reply: &Reply) -> &Value {
    match reply {
        Reply::Done { body, .. } => body,
        other => panic!("done, but it was {other:?}"),
    }
}

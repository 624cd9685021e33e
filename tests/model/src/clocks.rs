//! Time without hours. Everything that has happened has happened [`NOW`], and a clock that runs
//! runs out [`LATER`]; which one does next is for the model to choose. Counters that only count
//! (versions, attempts) are held still, so that a state does not differ from one that it equals
//! in all that decides.
//!
//! What is rewritten are bodies as they are stored, never a type of a service.

use contracts::Timestamp;
use serde_json::{Value, json};

/// When everything happens.
pub const NOW: Timestamp = Timestamp::from_millis(1_780_000_000_000);
/// Before everything that happens.
pub(crate) const LONG_AGO: Timestamp = Timestamp::from_millis(1_770_000_000_000);
/// When a clock that runs has not run out.
pub const LATER: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// What runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Clock {
    /// The deadline of a step of the order's latest saga, by its place in the table.
    Deadline(u8),
    /// The pause before its command is sent again.
    Pause(u8),
    /// Every pause.
    Pauses,
    /// Every deadline and every pause: nobody was there for long.
    Everything,
    /// The gateway's time.
    Gateway,
}

/// The body with all clocks that run set to [`LATER`], and all that only counts held still.
/// `unanswered` is the highest number of attempts without an answer that makes a difference.
pub(crate) fn at_rest(body: &mut Value, unanswered: u64) {
    match body {
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "deadline" | "next_attempt_at" if value.is_number() => {
                        *value = json!(LATER.as_millis());
                    }
                    "awaited" if value.is_object() => value["at"] = json!(LATER),
                    "version" | "attempts" | "recalls" => hold(value, 1),
                    "unanswered" => hold(value, unanswered),
                    _ => at_rest(value, unanswered),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| at_rest(value, unanswered)),
        _ => {}
    }
}

fn hold(value: &mut Value, most: u64) {
    if let Some(count) = value.as_u64() {
        *value = json!(count.min(most));
    }
}

/// The body at the moment at which that clock has run out and no other has.
pub(crate) fn run_out(body: &mut Value, clock: Clock) {
    if clock == Clock::Gateway {
        body["awaited"]["at"] = json!(NOW);
        return;
    }
    let latest = body["sagas"].as_array_mut().and_then(|sagas| sagas.last_mut());
    let Some(steps) = latest.and_then(|saga| saga["steps"].as_array_mut()) else { return };
    for (index, step) in steps.iter_mut().enumerate() {
        let is = |chosen: u8| usize::from(chosen) == index;
        let (deadline, pause) = match clock {
            Clock::Deadline(chosen) => (is(chosen), false),
            Clock::Pause(chosen) => (false, is(chosen)),
            Clock::Pauses => (false, true),
            Clock::Everything => (true, true),
            Clock::Gateway => (false, false),
        };
        for (name, due) in [("deadline", deadline), ("next_attempt_at", pause)] {
            if due && step.get(name).is_some_and(Value::is_number) {
                step[name] = json!(NOW.as_millis());
            }
        }
    }
}

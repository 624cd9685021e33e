//! Waiting for what another process does, always with a bound. The one place of this crate that
//! reads a clock.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long until a condition is looked at again: nothing tells of another process's change.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Looks until it answers, and gives up when the bound has passed.
#[expect(clippy::disallowed_methods, reason = "waits for other processes; no service is here")]
pub(crate) fn until<T>(bound: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if start.elapsed() >= bound {
            return None;
        }
        thread::sleep(LOOK_AGAIN);
    }
}

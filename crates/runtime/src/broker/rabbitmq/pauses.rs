//! How long to wait between two generations of a connection.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// The first pause; doubles, with jitter, so that many processes do not return at one moment.
const FIRST: Duration = Duration::from_millis(50);
/// After an outage the broker is used again within about twice this.
const LONGEST: Duration = Duration::from_secs(2);
/// A generation that lived for this long was a good one: the pauses begin anew.
const GOOD: Duration = Duration::from_secs(5);

/// The pauses after generations that ended.
pub(super) struct Pauses(ExponentialBackoff);

impl Pauses {
    pub(super) fn new() -> Self {
        let builder = ExponentialBuilder::default()
            .with_min_delay(FIRST)
            .with_max_delay(LONGEST)
            .with_jitter()
            .without_max_times();
        Self(builder.build())
    }

    /// The pause after a generation that lived that long.
    pub(super) fn after(&mut self, lived: Duration) -> Duration {
        if lived >= GOOD {
            *self = Self::new();
        }
        self.0.next().unwrap_or(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_begin_anew_after_a_good_generation() {
        let mut pauses = Pauses::new();
        let first = pauses.after(Duration::ZERO);
        assert!(first >= FIRST && first < FIRST * 3, "{first:?}");
        for _ in 0..20 {
            assert!(pauses.after(Duration::ZERO) <= LONGEST * 2);
        }
        assert!(pauses.after(Duration::ZERO) >= LONGEST);
        assert!(pauses.after(GOOD) < FIRST * 3);
    }
}

//! What was not taken, and when it is tried again.
//!
//! A row that is not taken holds its key: rows of the key that come later wait behind it. All held
//! keys are tried again together, in one *round* that reads the outbox from the lowest row that was
//! not taken up to the floor. So a backlog of any size costs pages of a read, not a query a key.

use std::{collections::HashSet, sync::Arc, time::Duration};

/// Keys that wait, and the round that tries them again. Times are those of [`Clock::elapsed`].
///
/// [`Clock::elapsed`]: runtime::ports::Clock::elapsed
#[derive(Default)]
pub(crate) struct Rounds {
    /// Keys with a row that was not taken since the last round began.
    held: HashSet<Arc<str>>,
    /// The lowest id of such a row.
    lowest: Option<i64>,
    /// When they are tried again.
    at: Option<Duration>,
    /// Rounds in a row after which something was still not taken.
    failed: u32,
    round: Option<Round>,
}

struct Round {
    /// The last id read.
    cursor: i64,
    keys: HashSet<Arc<str>>,
}

impl Rounds {
    /// Whether rows of the key that are read for the first time have to wait.
    pub(crate) fn holds(&self, key: &str) -> bool {
        self.held.contains(key) || self.tries(key)
    }

    /// Whether the round under way sends rows of the key.
    pub(crate) fn tries(&self, key: &str) -> bool {
        self.round.as_ref().is_some_and(|round| round.keys.contains(key))
            && !self.held.contains(key)
    }

    /// A row was not taken.
    pub(crate) fn hold(
        &mut self,
        key: &Arc<str>,
        id: i64,
        now: Duration,
        pauses: (Duration, Duration),
    ) {
        self.held.insert(Arc::clone(key));
        self.lowest = Some(self.lowest.map_or(id, |lowest| lowest.min(id)));
        let (first, longest) = pauses;
        // Within a round, this is what makes it a failed one.
        let failed = self.failed + u32::from(self.round.is_some());
        let pause = first.saturating_mul(1 << failed.min(16)).min(longest);
        self.at.get_or_insert(now + pause);
    }

    /// After which id the round under way reads on, once its time has come.
    pub(crate) fn reads_after(&mut self, now: Duration) -> Option<i64> {
        if self.round.is_none() && self.at.is_some_and(|at| at <= now) {
            self.at = None;
            let keys = std::mem::take(&mut self.held);
            let cursor = self.lowest.take().unwrap_or(1) - 1;
            self.round = Some(Round { cursor, keys });
        }
        self.round.as_ref().map(|round| round.cursor)
    }

    /// The round has read up to that id.
    pub(crate) fn has_read(&mut self, id: i64) {
        if let Some(round) = &mut self.round {
            round.cursor = id;
        }
    }

    /// The round has read everything up to the floor: keys that were not held again are free.
    pub(crate) fn end(&mut self) {
        self.round = None;
        self.failed = if self.held.is_empty() { 0 } else { self.failed + 1 };
    }

    /// When the next round begins, if one has to; at once while one is under way.
    pub(crate) fn next(&self, now: Duration) -> Option<Duration> {
        if self.round.is_some() { Some(now) } else { self.at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(35));

    /// Holds a key, and answers when the round for it begins.
    fn held_until(rounds: &mut Rounds, now: Duration) -> Duration {
        rounds.hold(&Arc::from("k"), 7, now, PAUSES);
        rounds.hold(&Arc::from("k"), 9, now, PAUSES);
        let at = rounds.next(now).unwrap();
        assert_eq!(rounds.reads_after(now), None, "its time has not come");
        assert_eq!(rounds.reads_after(at), Some(6), "from the lowest on");
        at
    }

    #[test]
    fn pauses_double_while_nothing_is_taken_and_start_anew_afterwards() {
        let mut rounds = Rounds::default();
        let mut now = held_until(&mut rounds, Duration::ZERO);
        assert_eq!(now, Duration::from_millis(10));
        for expected in [20, 35, 35] {
            assert!(rounds.holds("k") && rounds.tries("k"));
            rounds.hold(&Arc::from("k"), 7, now, PAUSES);
            assert!(rounds.holds("k") && !rounds.tries("k"), "the rest of the round leaves it");
            rounds.end();
            rounds.at = None;
            let at = held_until(&mut rounds, now);
            assert_eq!(at, now + Duration::from_millis(expected));
            now = at;
        }
        rounds.end();
        assert!(!rounds.holds("k"), "taken this time");
        assert_eq!(held_until(&mut rounds, now), now + PAUSES.0);
    }
}

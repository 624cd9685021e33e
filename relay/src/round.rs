//! What was not taken, and when it is tried again.
//!
//! A row that is not taken holds its key: rows of the key that come later wait behind it. All held
//! keys are tried again together, in one *round* that reads the outbox from the lowest row that was
//! not taken up to the floor. So a backlog of any size costs pages of a read, not a query a key.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use mutants::mutant;

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
    /// The rows that were not taken, each with how often. A refusal may come long after the round
    /// that has sent the row, so that rounds cannot be counted in place of it.
    refused: HashMap<i64, u32>,
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
        let held = self.held.contains(key) || self.tries(key);
        held && !mutant!("relay-lets-rows-overtake")
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
        *self.refused.entry(id).or_default() += 1;
        if self.at.is_none() {
            let (first, longest) = pauses;
            // The row that waits most decides: those that are new wait with it.
            let again = self.refused.values().max().map_or(0, |times| times - 1);
            let pause = first.saturating_mul(1 << again.min(16)).min(longest);
            self.at = Some(now + pause);
        }
    }

    /// A row was taken.
    pub(crate) fn taken(&mut self, id: i64) {
        self.refused.remove(&id);
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
        assert!(rounds.holds("k") && rounds.tries("k"));
        at
    }

    /// Whether refusals come while the round is read or after it, pauses double.
    #[test]
    fn pauses_double_while_nothing_is_taken_and_start_anew_afterwards() {
        for late in [false, true] {
            let mut rounds = Rounds::default();
            let mut now = Duration::ZERO;
            for expected in [10, 20, 35, 35] {
                let at = held_until(&mut rounds, now);
                assert_eq!(at, now + Duration::from_millis(expected), "late: {late}");
                now = at;
                if late {
                    rounds.end();
                    assert!(!rounds.holds("k"), "all of it is on its way");
                } else {
                    rounds.hold(&Arc::from("k"), 8, now, PAUSES);
                    assert!(rounds.holds("k") && !rounds.tries("k"), "the rest leaves it");
                    rounds.taken(8);
                    rounds.end();
                    (rounds.at, rounds.lowest) = (None, None);
                }
            }
            for id in [7, 9] {
                rounds.taken(id);
            }
            assert_eq!(held_until(&mut rounds, now), now + PAUSES.0, "taken this time");
        }
    }
}

//! Whether the channel is asked at all, and whose fault a failure is. Pure.
//!
//! A recipient for whom the channel fails alone is that recipient's trouble: it waits, and nobody
//! else does. Where the channel fails for several, one after another and for nobody otherwise, or is
//! not there at all, all of them wait and one tries. What fails then speaks against no message.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use runtime::breaker::Breaker;

use crate::{recipient::Recipient, settings::Retry};

/// The longest pauses while the channel is away: of the first, and of any. They are no longer than
/// those of a single message.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// For so many recipients in a row it fails, and for none it works: then it is the channel.
const SEVERAL: usize = 3;
/// More than these are not remembered one by one.
const REMEMBERED: usize = 10_000;

/// What is known about the channel.
pub(super) struct Health {
    breaker: Breaker,
    /// For whom it failed since it last worked for anybody.
    failing: BTreeSet<Recipient>,
    /// Since when those have failed who failed and were not sent anything since.
    since: BTreeMap<Recipient, Duration>,
    /// When it last took something.
    taken: Option<Duration>,
}

impl Health {
    /// A channel of which nothing is known.
    pub(super) fn new(retry: &Retry) -> Self {
        Self {
            breaker: Breaker::new(PAUSES.0.min(retry.first), PAUSES.1.min(retry.cap)),
            failing: BTreeSet::new(),
            since: BTreeMap::new(),
            taken: None,
        }
    }

    pub(super) fn admits(&self, now: Duration, under_way: usize) -> bool {
        self.breaker.admits(now, under_way)
    }

    pub(super) const fn is_open(&self) -> bool {
        self.breaker.is_open()
    }

    /// When the channel is tried again, while it is away.
    pub(super) fn opens(&self) -> Option<Duration> {
        self.breaker.opens()
    }

    /// The channel took a message, or found fault with it: it is there.
    pub(super) fn works(&mut self, recipient: &Recipient, now: Duration) {
        self.breaker.close();
        self.failing.clear();
        self.since.remove(recipient);
        self.taken = Some(now);
    }

    /// The channel did not take a message for that recipient; answers whether that speaks against
    /// the message: only where it took another one since it last failed for this recipient.
    pub(super) fn fails(&mut self, recipient: &Recipient, away: bool, now: Duration) -> bool {
        let before = self.since.get(recipient).copied();
        let counts = !away && before.is_some_and(|at| self.taken.is_some_and(|taken| taken > at));
        if self.since.len() < REMEMBERED || before.is_some() {
            self.since.insert(recipient.clone(), now);
        }
        self.failing.insert(recipient.clone());
        if away || self.failing.len() >= SEVERAL || self.is_open() {
            self.breaker.fail(now);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipient::Kind;

    fn who(id: &str) -> Recipient {
        Recipient { kind: Kind::Customer, id: id.to_owned() }
    }

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn one_who_fails_alone_holds_nobody_up_and_is_at_fault_once_others_are_served() {
        let mut health = Health::new(&Retry::default());
        assert!(!health.fails(&who("bad"), false, s(1)), "nobody knows yet");
        assert!(!health.fails(&who("bad"), false, s(2)), "nobody else was served");
        health.works(&who("good"), s(3));
        assert!(health.fails(&who("bad"), false, s(4)));
        assert!(!health.fails(&who("bad"), false, s(5)), "since then nobody was");
        assert!(!health.is_open() && health.admits(s(5), 9));
        health.works(&who("bad"), s(6));
        health.works(&who("good"), s(7));
        assert!(!health.fails(&who("bad"), false, s(8)), "it is a new message");
    }

    #[test]
    fn several_who_fail_in_a_row_are_the_channels_fault() {
        let mut health = Health::new(&Retry::default());
        health.works(&who("d"), s(1));
        for (id, open) in [("a", false), ("a", false), ("b", false), ("c", true)] {
            health.fails(&who(id), false, s(2));
            assert_eq!(health.is_open(), open, "{id}");
        }
        assert!(!health.admits(s(2), 0), "it rests");
        let opens = health.opens().unwrap();
        assert!(health.admits(opens, 0) && !health.admits(opens, 1), "one tries");
        assert!(!health.fails(&who("a"), false, opens), "an outage counts against nobody");
        assert!(health.opens().unwrap() > opens);
        health.works(&who("b"), s(9));
        assert!(!health.is_open() && health.admits(s(9), 9));
    }

    #[test]
    fn a_channel_that_is_not_there_is_asked_by_nobody_else() {
        let mut health = Health::new(&Retry::default());
        health.works(&who("b"), s(1));
        health.fails(&who("a"), false, s(1));
        health.works(&who("b"), s(2));
        assert!(!health.fails(&who("a"), true, s(3)), "it is away, whoever was served before");
        assert!(health.is_open());
    }
}

//! Which deliveries are acknowledged, and in how few words.
//!
//! A delivery is acknowledged when its [`Ack`] is given, that is, after the commit; one whose
//! [`Ack`] is dropped goes back into the queue.

use std::collections::BTreeSet;

use mutants::mutant;
use tokio::sync::mpsc;

use crate::broker::Ack;

/// What is to become of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settle {
    /// The subscription that it came by.
    pub(super) subscription: usize,
    /// Its number on that subscription's channel.
    pub(super) tag: u64,
    /// Whether it is done with; otherwise it is delivered again.
    pub(super) done: bool,
}

/// Tells what becomes of a delivery, also when it is just dropped.
struct Pending {
    settle: Settle,
    settling: mpsc::UnboundedSender<Settle>,
}

impl Pending {
    fn done(mut self) {
        self.settle.done = true;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // A generation that is over has given all its deliveries back already.
        self.settling.send(self.settle).ok();
    }
}

/// The acknowledgement of a delivery.
pub(super) fn ack(subscription: usize, tag: u64, settling: &mpsc::UnboundedSender<Settle>) -> Ack {
    let settle = Settle { subscription, tag, done: false };
    let pending = Pending { settle, settling: settling.clone() };
    Ack::new(move || pending.done())
}

/// The deliveries of one channel that are not settled yet.
#[derive(Default)]
pub(super) struct Unsettled {
    open: BTreeSet<u64>,
    done: BTreeSet<u64>,
}

/// One word to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// This one and all before it are done with.
    AllUpTo(u64),
    /// This one is done with.
    One(u64),
    /// This one goes back.
    Back(u64),
}

impl Unsettled {
    /// A delivery has come.
    pub(super) fn came(&mut self, tag: u64) {
        self.open.insert(tag);
    }

    /// Takes note of some that were settled. Answers how to say it.
    pub(super) fn settle(&mut self, settled: impl IntoIterator<Item = Settle>) -> Vec<Word> {
        let mut words = Vec::new();
        for settle in settled {
            if self.open.remove(&settle.tag) {
                if settle.done {
                    self.done.insert(settle.tag);
                } else {
                    words.push(Word::Back(settle.tag));
                }
            }
        }
        // What goes back is said first: "all up to" must not speak for it.
        let mut done = std::mem::take(&mut self.done);
        if let Some(&first_open) = self.open.first() {
            let speaks_for_all = mutant!("rabbitmq-acknowledges-what-is-open");
            let late = done.split_off(if speaks_for_all { &u64::MAX } else { &first_open });
            words.extend(done.last().map(|&tag| Word::AllUpTo(tag)));
            words.extend(late.into_iter().map(Word::One));
        } else {
            words.extend(done.last().map(|&tag| Word::AllUpTo(tag)));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::{Word::*, *};

    fn check(came: u64, settled: &[&[(u64, bool)]], expected: &[&[Word]]) {
        let mut unsettled = Unsettled::default();
        for tag in 1..=came {
            unsettled.came(tag);
        }
        for (settled, expected) in settled.iter().zip(expected) {
            let settled = settled.iter().map(|&(tag, done)| Settle { subscription: 0, tag, done });
            assert_eq!(unsettled.settle(settled), *expected);
        }
    }

    #[test]
    fn runs_are_acknowledged_in_one_word() {
        check(3, &[&[(1, true), (2, true)], &[(3, true)]], &[&[AllUpTo(2)], &[AllUpTo(3)]]);
        check(3, &[&[(3, true), (2, true), (1, true)]], &[&[AllUpTo(3)]]);
    }

    #[test]
    fn what_is_open_is_never_spoken_for() {
        check(3, &[&[(3, true)], &[(1, true), (2, true)]], &[&[One(3)], &[AllUpTo(2)]]);
        check(4, &[&[(1, true), (3, true), (4, true)]], &[&[AllUpTo(1), One(3), One(4)]]);
    }

    #[test]
    fn what_goes_back_is_said_before() {
        check(3, &[&[(1, true), (2, false), (3, true)]], &[&[Back(2), AllUpTo(3)]]);
        check(2, &[&[(1, false)], &[(1, true)], &[(2, true)]], &[&[Back(1)], &[], &[AllUpTo(2)]]);
    }

    #[test]
    fn an_ack_that_is_dropped_gives_the_delivery_back() {
        let (settling, mut settled) = mpsc::unbounded_channel();
        ack(1, 7, &settling).give();
        drop(ack(1, 8, &settling));
        assert_eq!(settled.try_recv(), Ok(Settle { subscription: 1, tag: 7, done: true }));
        assert_eq!(settled.try_recv(), Ok(Settle { subscription: 1, tag: 8, done: false }));
    }
}

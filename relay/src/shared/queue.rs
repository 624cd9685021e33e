//! The rows in hand: read, and not yet deleted.
//!
//! Rows of a key stand in a line. A line is published from its front, several rows at once, but not
//! again before all of these have been answered: so a row never overtakes an earlier one that was
//! not taken. A row that the broker refuses for its own sake sends its line away; it is read again
//! when the row's time has come.
//!
//! A read that does not begin at zero may miss the earlier rows of a key: their transaction was slow,
//! and its ids are below where the read began. The rows of a key are numbered without gaps, so such
//! a row is recognised by the gap before it, and is not taken in but from a read from zero. That one
//! sees every earlier row that is there: they were committed before.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use mutants::mutant;
use runtime::{
    broker::{Outcome, Publication},
    db::SharedRow,
};

/// The most rows of a key that are published at once.
const LARGEST_RUN: usize = 64;

/// A row in hand.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) bucket: u16,
    pub(crate) id: i64,
    pub(crate) key: Arc<str>,
    pub(crate) seq: u64,
    pub(crate) attempts: u32,
    pub(crate) publication: Publication,
}

/// What follows from the broker's answers to some rows.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// To be deleted, by bucket and id.
    pub(crate) confirmed: Vec<(u16, i64)>,
    /// To be put off, or parked.
    pub(crate) refused: Vec<Item>,
    /// How many the broker could not take now.
    pub(crate) unavailable: usize,
    /// Rows that are not in hand any more, and from where on they can be read again.
    pub(crate) again: Vec<(u16, i64)>,
}

#[derive(Debug)]
enum Line {
    /// Its turn will come.
    Ready(VecDeque<Item>),
    /// Some of its rows are on their way; the others wait. `void`: the lease went meanwhile.
    Going { waiting: VecDeque<Item>, void: bool },
    /// The broker could not take a row of it now, while it took others.
    Resting(VecDeque<Item>),
    /// One of its rows is put off. Its rows are not taken in until it is released.
    Away,
}

/// When a key's rest is over.
type Resting = Reverse<(Duration, Arc<str>)>;
/// When a key is to be read again, and from where on: which bucket, after which id.
type Away = Reverse<(Duration, Arc<str>, u16, i64)>;

/// The rows in hand, by key.
#[derive(Debug)]
pub(crate) struct Queue {
    lines: HashMap<Arc<str>, Line>,
    /// Keys of lines whose turn will come, in order.
    ready: VecDeque<Arc<str>>,
    /// Ids that need not be read again: of rows in a line, on their way, or about to be deleted.
    known: HashSet<i64>,
    /// The number of the last row of a key that was taken in.
    last: Memory,
    waiting: usize,
    going: HashMap<u16, usize>,
    resting: BinaryHeap<Resting>,
    away: BinaryHeap<Away>,
    rest: Duration,
}

impl Queue {
    /// `rest`: how long a key rests when a row of it could not be taken while others were.
    pub(crate) fn new(rest: Duration) -> Self {
        Self {
            lines: HashMap::new(),
            ready: VecDeque::new(),
            known: HashSet::new(),
            last: Memory::default(),
            waiting: 0,
            going: HashMap::new(),
            resting: BinaryHeap::new(),
            away: BinaryHeap::new(),
            rest,
        }
    }

    /// Takes in a row that was read, unless it is in hand or its key is away. Answers whether that is
    /// well; otherwise earlier rows of its key may be missing, and its bucket is to be read from zero.
    #[must_use]
    pub(crate) fn take_in(&mut self, row: SharedRow, from_zero: bool) -> bool {
        let SharedRow { bucket, attempts, row } = row;
        if self.known.contains(&row.id) {
            return true;
        }
        let key = match self.lines.get_key_value(row.key.as_str()) {
            Some((_, Line::Away)) => return true,
            Some((key, _)) => Arc::clone(key),
            None => Arc::<str>::from(row.key),
        };
        // One that was sent before is sent again by somebody's wish.
        let follows = self.last.get(&key).map_or(row.seq == 1, |last| row.seq <= last + 1);
        if !follows && !from_zero && !mutant!("shared-relay-overlooks-gaps") {
            return false;
        }
        let publication = Publication {
            exchange: row.exchange,
            routing_key: row.routing_key,
            message_id: row.message_id,
            payload: Bytes::from(row.payload),
        };
        self.last.raise(&key, row.seq);
        let line = self.lines.entry(Arc::clone(&key)).or_insert_with(|| {
            self.ready.push_back(Arc::clone(&key));
            Line::Ready(VecDeque::new())
        });
        let item = Item { bucket, id: row.id, key, seq: row.seq, attempts, publication };
        match line {
            Line::Ready(line) | Line::Resting(line) | Line::Going { waiting: line, .. } => {
                let place = line.partition_point(|other| other.id < item.id);
                line.insert(place, item);
            }
            Line::Away => return true,
        }
        self.known.insert(row.id);
        self.waiting += 1;
        true
    }

    /// Up to so many rows to publish now, those of a key in order.
    pub(crate) fn take_out(&mut self, most: usize) -> Vec<Item> {
        let mut taken: Vec<Item> = Vec::new();
        while taken.len() < most
            && let Some(key) = self.ready.pop_front()
        {
            let Some(line @ Line::Ready(_)) = self.lines.get_mut(&key) else { continue };
            let Line::Ready(items) = line else { continue };
            let run = items.len().min(LARGEST_RUN).min(most - taken.len());
            let mut going: Vec<Item> = items.drain(..run).collect();
            *line = Line::Going { waiting: std::mem::take(items), void: false };
            self.waiting -= going.len();
            if let Some(first) = going.first() {
                *self.going.entry(first.bucket).or_default() += going.len();
            }
            taken.append(&mut going);
        }
        taken
    }

    /// The broker has answered to rows that were taken out together.
    pub(crate) fn settle(&mut self, sent: Vec<(Item, Outcome)>, now: Duration) -> Settled {
        let nothing_taken = sent.iter().all(|(_, outcome)| *outcome == Outcome::Unavailable);
        let mut settled = Settled::default();
        let mut sent = sent.into_iter().peekable();
        while let Some((first, outcome)) = sent.next() {
            let key = Arc::clone(&first.key);
            let mut run = vec![(first, outcome)];
            while let Some(next) = sent.next_if(|(item, _)| item.key == key) {
                run.push(next);
            }
            self.settle_line(&key, run, nothing_taken, now, &mut settled);
        }
        settled
    }

    fn settle_line(
        &mut self,
        key: &Arc<str>,
        run: Vec<(Item, Outcome)>,
        nothing_taken: bool,
        now: Duration,
        settled: &mut Settled,
    ) {
        let mut left = VecDeque::new();
        let mut first_fault = None;
        for (item, outcome) in run {
            if let Some(going) = self.going.get_mut(&item.bucket) {
                *going -= 1;
                if *going == 0 {
                    self.going.remove(&item.bucket);
                }
            }
            match outcome {
                Outcome::Confirmed => settled.confirmed.push((item.bucket, item.id)),
                fault @ (Outcome::Unroutable | Outcome::Unavailable) => {
                    settled.unavailable += usize::from(fault == Outcome::Unavailable);
                    first_fault.get_or_insert(fault);
                    left.push_back(item);
                }
            }
        }
        let Some(Line::Going { waiting, void }) = self.lines.remove(key) else { return };
        if void {
            // Whoever has the lease reads them; if that is this relay again, from here on.
            let first = left.iter().chain(&waiting).min_by_key(|item| item.id);
            settled.again.extend(first.map(|item| (item.bucket, item.id - 1)));
            self.waiting -= waiting.len();
            self.forget(left.iter().chain(&waiting));
            return;
        }
        if first_fault == Some(Outcome::Unroutable) {
            self.waiting -= waiting.len();
            self.forget(left.iter().chain(&waiting));
            settled.refused.extend(left.pop_front());
            self.lines.insert(Arc::clone(key), Line::Away);
            return;
        }
        self.waiting += left.len();
        if mutant!("shared-relay-puts-what-was-not-taken-last") {
            left = waiting.into_iter().chain(left).collect();
        } else {
            left.extend(waiting);
        }
        if left.is_empty() {
            return;
        }
        let line = if first_fault.is_some() && !nothing_taken {
            self.resting.push(Reverse((now + self.rest, Arc::clone(key))));
            Line::Resting(left)
        } else {
            self.ready.push_back(Arc::clone(key));
            Line::Ready(left)
        };
        self.lines.insert(Arc::clone(key), line);
    }

    /// Lets go of rows, which are to be read again.
    fn forget<'a>(&mut self, items: impl IntoIterator<Item = &'a Item>) {
        for item in items {
            self.known.remove(&item.id);
            self.last.lower(&item.key, item.seq - 1);
        }
    }

    /// Confirmed rows that were deleted, or that are to be read again.
    pub(crate) fn deleted(&mut self, rows: &[(u16, i64)]) {
        for (_, id) in rows {
            self.known.remove(id);
        }
    }

    /// The row's key stays away until then, and is to be read again from the row on.
    pub(crate) fn away_until(&mut self, item: &Item, until: Duration) {
        self.away.push(Reverse((until, Arc::clone(&item.key), item.bucket, item.id - 1)));
    }

    /// Ends rests that are over. Answers from where on keys that were away are to be read again.
    pub(crate) fn release(&mut self, now: Duration) -> Vec<(u16, i64)> {
        while self.resting.peek().is_some_and(|Reverse((until, _))| *until <= now)
            && let Some(Reverse((_, key))) = self.resting.pop()
        {
            if let Some(line @ Line::Resting(_)) = self.lines.get_mut(&key)
                && let Line::Resting(items) = line
            {
                *line = Line::Ready(std::mem::take(items));
                self.ready.push_back(key);
            }
        }
        let mut again = Vec::new();
        while self.away.peek().is_some_and(|Reverse((until, ..))| *until <= now)
            && let Some(Reverse((_, key, bucket, after))) = self.away.pop()
        {
            if matches!(self.lines.get(&key), Some(Line::Away)) {
                self.lines.remove(&key);
            }
            again.push((bucket, after));
        }
        again
    }

    /// Lets go of everything in those buckets that is not on its way.
    pub(crate) fn void(&mut self, buckets: &[u16]) {
        if buckets.is_empty() {
            return;
        }
        let mut gone: Vec<Item> = Vec::new();
        let mut let_go = |items: &mut VecDeque<Item>| {
            let of_these = items.front().is_some_and(|item| buckets.contains(&item.bucket));
            if of_these {
                gone.extend(items.drain(..));
            }
            of_these
        };
        self.lines.retain(|key, line| match line {
            Line::Ready(items) | Line::Resting(items) => !let_go(items),
            Line::Going { waiting, void } => {
                if buckets.contains(&runtime::aggregate::bucket(key)) {
                    let_go(waiting);
                    *void = true;
                }
                true
            }
            Line::Away => true,
        });
        self.waiting -= gone.len();
        self.forget(&gone);
        self.ready.retain(|key| matches!(self.lines.get(key), Some(Line::Ready(_))));
    }

    /// Whether rows of the bucket are on their way.
    pub(crate) fn is_going(&self, bucket: u16) -> bool {
        self.going.contains_key(&bucket)
    }

    /// Rows on their way.
    pub(crate) fn going(&self) -> usize {
        self.going.values().sum()
    }

    /// Rows that wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether there is something to publish.
    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// When the next rest or absence is over.
    pub(crate) fn next(&self) -> Option<Duration> {
        let resting = self.resting.peek().map(|Reverse((until, _))| *until);
        let away = self.away.peek().map(|Reverse((until, ..))| *until);
        resting.into_iter().chain(away).min()
    }
}

/// How many keys are remembered at least, and twice as many at most.
const REMEMBERED: usize = 32_768;

/// A number for each key that was dealt with lately. One that is forgotten costs a read from zero.
#[derive(Debug, Default)]
struct Memory {
    young: HashMap<u64, u64>,
    old: HashMap<u64, u64>,
    hasher: RandomState,
}

impl Memory {
    fn get(&self, key: &str) -> Option<u64> {
        let hash = self.hasher.hash_one(key);
        self.young.get(&hash).or_else(|| self.old.get(&hash)).copied()
    }

    fn raise(&mut self, key: &str, seq: u64) {
        let seq = self.get(key).map_or(seq, |last| last.max(seq));
        self.set(key, seq);
    }

    fn lower(&mut self, key: &str, seq: u64) {
        let seq = self.get(key).map_or(seq, |last| last.min(seq));
        self.set(key, seq);
    }

    fn set(&mut self, key: &str, seq: u64) {
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(self.hasher.hash_one(key), seq);
    }
}

#[cfg(test)]
mod tests {
    use contracts::{MessageId, Timestamp};
    use runtime::{aggregate::bucket, db::OutboxRow};

    use super::*;

    const REST: Duration = Duration::from_millis(100);
    const START: Duration = Duration::ZERO;

    fn row(key: &str, id: i64) -> SharedRow {
        numbered(key, id, u64::try_from(id).unwrap())
    }

    fn numbered(key: &str, id: i64, seq: u64) -> SharedRow {
        let row = OutboxRow {
            id,
            key: key.to_owned(),
            seq,
            message_id: MessageId(uuid::Uuid::nil()),
            exchange: String::new(),
            routing_key: String::new(),
            payload: String::new(),
            created_at: Timestamp::from_millis(0),
        };
        SharedRow { bucket: bucket(key), attempts: 2, row }
    }

    fn queue(rows: &[(&str, i64)]) -> Queue {
        let mut queue = Queue::new(REST);
        take_in(&mut queue, rows);
        queue
    }

    fn take_in(queue: &mut Queue, rows: &[(&str, i64)]) {
        for (key, id) in rows {
            assert!(queue.take_in(row(key, *id), true));
        }
    }

    fn ids(items: &[Item]) -> Vec<i64> {
        items.iter().map(|item| item.id).collect()
    }

    fn answer(sent: Vec<Item>, outcomes: &[Outcome]) -> Vec<(Item, Outcome)> {
        assert_eq!(sent.len(), outcomes.len());
        sent.into_iter().zip(outcomes.iter().cloned()).collect()
    }

    use Outcome::{Confirmed, Unavailable, Unroutable};

    #[test]
    fn rows_of_a_key_go_in_order_and_wait_for_those_before_them() {
        let mut queue = queue(&[("t/a", 1), ("t/b", 2), ("t/a", 3)]);
        let sent = queue.take_out(9);
        assert_eq!(ids(&sent), [1, 3, 2]);
        // Read again, and read anew: only what is new is taken in, and it waits.
        take_in(&mut queue, &[("t/a", 1), ("t/a", 3), ("t/a", 5)]);
        assert_eq!((queue.waiting(), queue.going(), queue.is_ready()), (1, 3, false));
        let settled = queue.settle(answer(sent, &[Confirmed, Confirmed, Confirmed]), START);
        assert_eq!(settled.confirmed.len(), 3);
        // Confirmed and not yet deleted: a read may still find it.
        take_in(&mut queue, &[("t/a", 1)]);
        assert_eq!(ids(&queue.take_out(9)), [5]);
        queue.deleted(&settled.confirmed);
        assert_eq!(queue.known.len(), 1);
    }

    #[test]
    fn what_the_broker_cannot_take_now_goes_first_the_next_time() {
        let mut queue = queue(&[("t/a", 1), ("t/a", 2), ("t/a", 3)]);
        let sent = queue.take_out(9);
        take_in(&mut queue, &[("t/a", 4)]);
        let settled = queue.settle(answer(sent, &[Unavailable, Confirmed, Unroutable]), START);
        assert_eq!((settled.confirmed.len(), settled.unavailable), (1, 1));
        assert!(settled.refused.is_empty(), "its turn comes again");
        assert!(!queue.is_ready() && queue.next() == Some(REST), "the broker took another one");
        assert!(queue.release(REST).is_empty());
        let sent = queue.take_out(9);
        assert_eq!(ids(&sent), [1, 3, 4]);
        // Nothing at all was taken: that is the breaker's affair, and no key's.
        queue.settle(answer(sent, &[Unavailable, Unavailable, Unavailable]), START);
        assert_eq!(ids(&queue.take_out(2)), [1, 3]);
    }

    #[test]
    fn a_row_that_is_refused_sends_its_key_away_and_no_other() {
        let mut queue = queue(&[("t/a", 1), ("t/a", 2), ("t/a", 3), ("t/b", 4)]);
        let sent = queue.take_out(9);
        take_in(&mut queue, &[("t/a", 5)]);
        let outcomes = [Confirmed, Unroutable, Unavailable, Confirmed];
        let settled = queue.settle(answer(sent, &outcomes), START);
        assert_eq!(settled.confirmed.len(), 2);
        assert_eq!((ids(&settled.refused), settled.refused[0].attempts), (vec![2], 2));
        take_in(&mut queue, &[("t/a", 5), ("t/b", 6)]);
        assert_eq!(ids(&queue.take_out(9)), [6]);

        queue.away_until(&settled.refused[0], REST);
        assert_eq!(queue.next(), Some(REST));
        assert!(queue.release(START).is_empty());
        assert_eq!(queue.release(REST), [(bucket("t/a"), 1)]);
        take_in(&mut queue, &[("t/a", 2), ("t/a", 3), ("t/a", 5)]);
        assert_eq!(ids(&queue.take_out(9)), [2, 3, 5]);
    }

    #[test]
    fn a_bucket_that_is_lost_is_let_go_except_what_is_on_its_way() {
        let (a, b) = (bucket("t/a"), bucket("t/b"));
        assert_ne!(a, b);
        let mut queue = queue(&[("t/a", 1), ("t/a", 2), ("t/b", 4)]);
        let sent = queue.take_out(2);
        assert_eq!(ids(&sent), [1, 2]);
        take_in(&mut queue, &[("t/a", 3)]);
        queue.void(&[a, b]);
        assert_eq!((queue.waiting(), queue.is_ready()), (0, false));
        assert!(queue.is_going(a) && !queue.is_going(b));
        // It has the lease again, and reads anew while the old ones are still on their way.
        take_in(&mut queue, &[("t/a", 1), ("t/a", 2), ("t/b", 4)]);
        let settled = queue.settle(answer(sent, &[Confirmed, Unavailable]), START);
        assert_eq!(settled.confirmed, [(a, 1)]);
        assert_eq!(settled.again, [(a, 1)], "from behind the last one that is before it");
        assert!(!queue.is_going(a));
        take_in(&mut queue, &[("t/a", 1), ("t/a", 2)]);
        assert_eq!(ids(&queue.take_out(9)), [4, 2]);
    }

    #[test]
    fn a_row_behind_a_gap_is_taken_in_only_from_a_read_from_zero() {
        let mut queue = Queue::new(REST);
        // The first of its key; the next; one that is sent again.
        assert!(queue.take_in(numbered("t/a", 7, 1), false));
        assert!(queue.take_in(numbered("t/a", 9, 2), false));
        assert!(queue.take_in(numbered("t/a", 10, 1), false));
        assert!(!queue.take_in(numbered("t/a", 12, 4), false), "the third is missing");
        assert!(!queue.take_in(numbered("t/b", 13, 5), false), "nothing is known of that key");
        assert_eq!(ids(&queue.take_out(9)), [7, 9, 10]);
        for row in [numbered("t/a", 8, 3), numbered("t/a", 12, 4), numbered("t/b", 13, 5)] {
            assert!(queue.take_in(row, true));
        }
        assert!(queue.take_in(numbered("t/b", 14, 6), false));
        // What was let go of is to be read again before what comes after it.
        queue.void(&[bucket("t/b")]);
        assert!(!queue.take_in(numbered("t/b", 15, 7), false));
        assert!(queue.take_in(numbered("t/b", 13, 5), false));
    }

    #[test]
    fn as_many_keys_are_remembered_as_it_says() {
        let mut memory = Memory::default();
        for n in 0..3 * REMEMBERED {
            memory.raise(&n.to_string(), 1);
        }
        let known = (0..3 * REMEMBERED).filter(|n| memory.get(&n.to_string()).is_some()).count();
        assert!((REMEMBERED..=2 * REMEMBERED).contains(&known), "{known}");
        memory.raise("k", 5);
        memory.raise("k", 3);
        assert_eq!(memory.get("k"), Some(5));
        memory.lower("k", 2);
        assert_eq!(memory.get("k"), Some(2));
    }

    #[test]
    fn a_long_line_leaves_room_for_others() {
        let long: Vec<_> = (1..=100).map(|id| ("t/a", id)).collect();
        let mut queue = queue(&long);
        take_in(&mut queue, &[("t/b", 101)]);
        assert_eq!(queue.take_out(70).len(), LARGEST_RUN + 1);
        assert_eq!(queue.waiting(), 100 - LARGEST_RUN);
    }
}

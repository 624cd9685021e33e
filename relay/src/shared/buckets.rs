//! Which buckets are read, and from where on.
//!
//! A bucket is read from its *cursor* on, page by page. The cursor only saves work: a row with a
//! lower id may become visible later, so it is wound back again and again. To where the bucket
//! stood a moment ago, which finds the rows of transactions that were slower than others; and to
//! zero, where the lease is new, where a row turned up whose predecessor was missed, and from time to
//! time. Rows that are known already are passed over by the [`Queue`](super::queue::Queue).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use mutants::mutant;
use runtime::db::{Floor, Leases, SharedRow};

/// How often the place to look back to is moved on: it lies between one and two of these behind.
const MARK_EVERY: Duration = Duration::from_millis(1_500);
/// Looking back costs a walk over the rows deleted since, so it is not done more often.
const LOOK_BACK_EVERY: Duration = Duration::from_millis(100);

/// When everything is read again for the first time after a lease was taken.
const FIRST_RESCAN: Duration = Duration::from_millis(500);

struct Bucket {
    epoch: i64,
    /// Rows up to this id have been read.
    cursor: i64,
    /// The highest id ever read.
    top: i64,
    /// `top` as it was between one and two [`MARK_EVERY`] ago.
    older: i64,
    newer: i64,
    /// Whether there is something to read, as far as is known.
    behind: bool,
    /// It is about to be given up: nothing of it is read or published any more.
    leaving: bool,
}

impl Bucket {
    fn new(epoch: i64) -> Self {
        Self { epoch, cursor: 0, top: 0, older: 0, newer: 0, behind: true, leaving: false }
    }
}

/// The leased buckets. Times are those of the clock that never goes back.
pub(crate) struct Buckets {
    by_number: BTreeMap<u16, Bucket>,
    mark_at: Duration,
    look_back_at: Duration,
    rescan: Duration,
    /// The next pause between two reads from zero: short after leases were taken, since rows that
    /// others had put off come to their time.
    pause: Duration,
    rescan_at: Duration,
}

impl Buckets {
    /// `rescan`: how often everything is read again from zero.
    pub(crate) fn new(now: Duration, rescan: Duration) -> Self {
        Self {
            by_number: BTreeMap::new(),
            mark_at: now + MARK_EVERY,
            look_back_at: now,
            rescan,
            pause: rescan,
            rescan_at: now + rescan,
        }
    }

    /// Takes over what is leased now. Answers the buckets whose rows in hand are void: the lease has
    /// gone, or has been another's meanwhile.
    pub(crate) fn lease(&mut self, leases: &Leases, now: Duration) -> Vec<u16> {
        let mut held: BTreeMap<u16, i64> = leases.held.iter().copied().collect();
        let mut void = Vec::new();
        self.by_number.retain(|number, bucket| {
            let same = held.get(number) == Some(&bucket.epoch)
                || (held.contains_key(number)
                    && mutant!("shared-relay-keeps-rows-of-a-lost-lease"));
            if same {
                held.remove(number);
            } else {
                void.push(*number);
            }
            same
        });
        if !held.is_empty() {
            self.pause = FIRST_RESCAN.min(self.rescan);
            self.rescan_at = self.rescan_at.min(now + self.pause);
        }
        self.by_number.extend(held.into_iter().map(|(number, epoch)| (number, Bucket::new(epoch))));
        void
    }

    /// Chooses the buckets beyond the share, which others are waiting for: they are not read any
    /// more. Answers those that were chosen now.
    pub(crate) fn leave_surplus(&mut self, share: u16) -> Vec<u16> {
        let surplus = self.by_number.len().saturating_sub(usize::from(share));
        let mut chosen = Vec::new();
        for (number, bucket) in self.by_number.iter_mut().rev().take(surplus) {
            if !bucket.leaving && !mutant!("shared-relay-keeps-its-surplus") {
                bucket.leaving = true;
                chosen.push(*number);
            }
        }
        chosen
    }

    /// The buckets that are about to be given up.
    pub(crate) fn leaving(&self) -> Vec<u16> {
        self.by_number.iter().filter(|(_, bucket)| bucket.leaving).map(|(it, _)| *it).collect()
    }

    /// They were given up.
    pub(crate) fn left(&mut self, numbers: &[u16]) {
        self.by_number.retain(|number, _| !numbers.contains(number));
    }

    /// All of them.
    pub(crate) fn numbers(&self) -> Vec<u16> {
        self.by_number.keys().copied().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_number.len()
    }

    /// Rows may have been written.
    pub(crate) fn written(&mut self) {
        for bucket in self.by_number.values_mut() {
            bucket.behind = true;
        }
    }

    /// Everything in the bucket is to be read again.
    pub(crate) fn rewind(&mut self, number: u16) {
        if mutant!("shared-relay-never-reads-from-zero") {
            return;
        }
        self.wind_back(number, 0);
    }

    /// Rows after this id are to be read again.
    pub(crate) fn wind_back(&mut self, number: u16, after: i64) {
        if mutant!("shared-relay-trusts-its-cursor") {
            return;
        }
        if let Some(bucket) = self.by_number.get_mut(&number) {
            bucket.cursor = bucket.cursor.min(after);
            bucket.behind = true;
        }
    }

    /// From where on to read now; empty if there is nothing to read as far as is known.
    pub(crate) fn floors(&mut self, now: Duration) -> Vec<Floor> {
        if now >= self.mark_at {
            self.mark_at = now + MARK_EVERY;
            for bucket in self.by_number.values_mut() {
                bucket.older = std::mem::replace(&mut bucket.newer, bucket.top);
            }
        }
        let never = mutant!("shared-relay-trusts-its-cursor")
            || mutant!("shared-relay-never-reads-from-zero");
        let rescan = now >= self.rescan_at && !never;
        let look_back = now >= self.look_back_at;
        if rescan {
            self.pause = self.pause.saturating_mul(2).min(self.rescan);
            self.rescan_at = now + self.pause;
        }
        if look_back {
            self.look_back_at = now + LOOK_BACK_EVERY;
        }
        let mut floors = Vec::new();
        for (number, bucket) in &mut self.by_number {
            if mutant!("shared-relay-trusts-its-cursor") {
                // It is never wound back.
            } else if rescan {
                bucket.cursor = 0;
            } else if look_back && bucket.behind {
                bucket.cursor = bucket.cursor.min(bucket.older);
            }
            if (bucket.behind || rescan) && !bucket.leaving {
                floors.push(Floor { bucket: *number, epoch: bucket.epoch, after: bucket.cursor });
                // What is written from now on is read the next time.
                bucket.behind = false;
            }
        }
        floors
    }

    /// What was asked for has been read, at most so many rows of each bucket. Answers the rows that
    /// count: not those of a lease that has gone meanwhile, nor those of a bucket that was wound back
    /// behind where this read began, since they may overtake others.
    pub(crate) fn read(
        &mut self,
        asked: &[Floor],
        rows: Vec<SharedRow>,
        limit: u32,
    ) -> Vec<SharedRow> {
        let mut pages: BTreeMap<u16, (u32, i64)> = BTreeMap::new();
        for row in &rows {
            let (count, last) = pages.entry(row.bucket).or_default();
            *count += 1;
            *last = row.row.id.max(*last);
        }
        let mut counts = BTreeSet::new();
        for floor in asked {
            let Some(bucket) = self.by_number.get_mut(&floor.bucket) else { continue };
            if bucket.epoch != floor.epoch || bucket.leaving || bucket.cursor != floor.after {
                continue;
            }
            counts.insert(floor.bucket);
            let (count, last) = pages.get(&floor.bucket).copied().unwrap_or_default();
            bucket.top = bucket.top.max(last);
            let is_last = count < limit;
            bucket.cursor = if is_last { bucket.top } else { last };
            bucket.behind |= !is_last;
        }
        rows.into_iter().filter(|row| counts.contains(&row.bucket)).collect()
    }

    /// What was asked for could not be read.
    pub(crate) fn not_read(&mut self, asked: &[Floor]) {
        for floor in asked {
            if let Some(bucket) = self.by_number.get_mut(&floor.bucket) {
                bucket.behind = true;
            }
        }
    }

    /// Whether there is something to read, as far as is known.
    pub(crate) fn any_behind(&self, now: Duration) -> bool {
        now >= self.rescan_at && !self.by_number.is_empty()
            || self.by_number.values().any(|bucket| bucket.behind && !bucket.leaving)
    }
}

#[cfg(test)]
mod tests {
    use contracts::{MessageId, Timestamp};
    use runtime::db::OutboxRow;

    use super::*;
    use crate::RESCAN;

    const SOON: Duration = Duration::from_millis(10);

    fn leases(held: &[(u16, i64)], share: u16) -> Leases {
        Leases { held: held.to_vec(), share }
    }

    fn row(bucket: u16, id: i64) -> SharedRow {
        let row = OutboxRow {
            id,
            key: "t/a".to_owned(),
            seq: 1,
            message_id: MessageId(uuid::Uuid::nil()),
            exchange: String::new(),
            routing_key: String::new(),
            payload: String::new(),
            created_at: Timestamp::from_millis(0),
        };
        SharedRow { bucket, attempts: 0, row }
    }

    /// Reads of one bucket: after which id, what is found, and with which limit.
    fn read(buckets: &mut Buckets, now: Duration, found: &[i64], limit: u32) -> Option<i64> {
        let asked = buckets.floors(now);
        let rows: Vec<_> = found.iter().map(|id| row(1, *id)).collect();
        buckets.read(&asked, rows, limit);
        asked.first().map(|floor| floor.after)
    }

    #[test]
    fn a_bucket_is_read_page_by_page_and_then_when_something_was_written() {
        let mut buckets = Buckets::new(Duration::ZERO, RESCAN);
        buckets.lease(&leases(&[(1, 1)], 64), Duration::ZERO);
        assert_eq!(read(&mut buckets, Duration::ZERO, &[5, 7], 2), Some(0));
        assert_eq!(read(&mut buckets, SOON, &[9], 2), Some(7), "a full page: there may be more");
        assert_eq!(read(&mut buckets, SOON, &[], 2), None);
        buckets.written();
        assert_eq!(read(&mut buckets, SOON, &[], 2), Some(9));
    }

    #[test]
    fn it_is_wound_back_to_where_it_stood_a_moment_ago() {
        let mut buckets = Buckets::new(Duration::ZERO, RESCAN);
        buckets.lease(&leases(&[(1, 1)], 64), Duration::ZERO);
        buckets.rescan_at = Duration::MAX;
        read(&mut buckets, Duration::ZERO, &[10], 9);
        buckets.written();
        read(&mut buckets, SOON, &[20], 9);
        buckets.written();
        // Nothing older is marked yet: everything is looked at.
        assert_eq!(read(&mut buckets, LOOK_BACK_EVERY, &[], 9), Some(0));
        let mut now = MARK_EVERY;
        for mark in [Some(0), Some(20)] {
            buckets.written();
            assert_eq!(read(&mut buckets, now, &[], 9), mark);
            now += MARK_EVERY;
        }
        buckets.wind_back(1, 14);
        assert_eq!(read(&mut buckets, now, &[], 9), Some(14));
    }

    #[test]
    fn everything_is_read_again_soon_after_a_lease_was_taken_and_then_more_seldom() {
        let mut buckets = Buckets::new(Duration::ZERO, RESCAN);
        buckets.lease(&leases(&[(1, 1)], 64), Duration::ZERO);
        let mut times = Vec::new();
        let mut now = Duration::ZERO;
        read(&mut buckets, now, &[10], 9);
        while times.len() < 8 {
            now += FIRST_RESCAN;
            if let Some(after) = read(&mut buckets, now, &[], 9) {
                assert_eq!(after, 0, "without being told of anything");
                times.push(now);
            }
        }
        let pauses: Vec<_> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
        assert_eq!((times[0], pauses[0]), (FIRST_RESCAN, FIRST_RESCAN * 2));
        assert_eq!(pauses.last(), Some(&RESCAN));
    }

    #[test]
    fn what_is_wound_back_during_a_read_stays_so() {
        let mut buckets = Buckets::new(Duration::ZERO, RESCAN);
        buckets.lease(&leases(&[(1, 1)], 64), Duration::ZERO);
        read(&mut buckets, Duration::ZERO, &[30], 9);
        buckets.written();
        let asked = buckets.floors(SOON);
        buckets.wind_back(1, 3);
        assert!(buckets.read(&asked, vec![row(1, 40)], 9).is_empty(), "it may overtake row 4");
        assert_eq!(read(&mut buckets, SOON, &[], 9), Some(3));
        buckets.written();
        let asked = buckets.floors(SOON);
        buckets.wind_back(1, 50);
        assert_eq!(buckets.read(&asked, vec![row(1, 60)], 9).len(), 1, "it was read all the same");
    }

    #[test]
    fn a_lease_that_changed_hands_begins_at_zero() {
        let mut buckets = Buckets::new(Duration::ZERO, RESCAN);
        buckets.lease(&leases(&[(1, 1), (2, 1)], 64), Duration::ZERO);
        read(&mut buckets, Duration::ZERO, &[30], 9);
        let asked = buckets.floors(Duration::ZERO);
        assert_eq!(buckets.lease(&leases(&[(1, 3), (2, 1)], 64), SOON), [1]);
        assert!(buckets.read(&asked, vec![row(1, 40)], 9).is_empty());
        assert_eq!(read(&mut buckets, SOON, &[], 9), Some(0));
        assert_eq!(buckets.lease(&Leases::default(), SOON), [1, 2]);
        assert!(!buckets.any_behind(RESCAN) && buckets.floors(RESCAN).is_empty());
    }

    #[test]
    fn what_others_wait_for_is_not_read_until_it_is_left() {
        let mut buckets = Buckets::new(Duration::ZERO, RESCAN);
        let held = leases(&[(1, 1), (2, 1), (3, 1)], 1);
        buckets.lease(&held, Duration::ZERO);
        assert_eq!(buckets.leave_surplus(held.share), [3, 2]);
        assert!(buckets.leave_surplus(held.share).is_empty(), "they are chosen already");
        assert_eq!(buckets.leaving(), [2, 3]);
        let read: Vec<u16> = buckets.floors(SOON).iter().map(|floor| floor.bucket).collect();
        assert_eq!(read, [1]);
        buckets.left(&[2, 3]);
        assert_eq!((buckets.numbers(), buckets.len()), (vec![1], 1));
    }
}

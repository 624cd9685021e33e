//! What the pump hears, and what follows from it.

use std::{collections::HashSet, time::Duration};

use mutants::mutant;
use runtime::{
    broker::Outcome,
    db::{DbError, Floor, LEASE, Leases, SharedRow},
};

use super::{Event, Pump};
use crate::shared::queue::Item;

/// The pause before something is tried again that the database could not do.
const PAUSE_OF_DATABASE: Duration = Duration::from_secs(1);
/// The server's clock is not this one's: a key that was put off there is looked for a little later.
const SLACK: Duration = Duration::from_millis(20);
/// How often one that has just begun looks for its share, while it has less.
const HURRY: Duration = Duration::from_millis(250);
/// How often the backlog is counted.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// By how much pages grow while they hold nothing new.
const LARGEST_PAGE: usize = 128;

impl Pump {
    pub(super) fn hear(&mut self, event: Event) {
        let now = self.ports.clock.elapsed();
        let source = self.source;
        match event {
            Event::Leased { asked, leases } => {
                self.under_way.lease.busy = false;
                match leases {
                    Ok(leases) => self.leased(asked, &leases),
                    Err(error) => {
                        self.under_way.lease.at = now + PAUSE_OF_DATABASE;
                        tracing::warn!(%source, %error, "the leases are not renewed");
                    }
                }
            }
            Event::GaveUp { buckets, done } => {
                self.under_way.lease.busy = false;
                match done {
                    Ok(()) => self.buckets.left(&buckets),
                    Err(error) => {
                        // Whether it was done shows with the next renewal.
                        self.under_way.lease.at = now;
                        tracing::warn!(%source, %error, "leases are not given up");
                    }
                }
            }
            Event::Read { asked, limit, rows } => self.was_read(&asked, limit, rows, now),
            Event::Answered { sent, began } => self.answered(sent, began, now),
            Event::Deleted { rows, done } => {
                self.under_way.delete.busy = false;
                match done {
                    Ok(()) if self.under_way.read.busy => self.deleted.extend(rows),
                    Ok(()) => self.queue.deleted(&rows),
                    Err(error) => {
                        self.confirmed.extend(rows);
                        self.under_way.delete.at = now + PAUSE_OF_DATABASE;
                        tracing::warn!(%source, %error, "confirmed rows are not deleted yet");
                    }
                }
            }
            Event::PutOff { items, parked, done } => {
                self.under_way.put_off.busy = false;
                self.metrics.parked.inc_by(parked);
                if let Err(error) = &done {
                    tracing::warn!(%source, %error, "refused rows are not put off yet");
                }
                for (item, pause) in items {
                    // Where it failed, it may have been done all the same.
                    let least = if done.is_ok() { Duration::ZERO } else { PAUSE_OF_DATABASE };
                    self.queue.away_until(&item, now + pause.max(least) + SLACK);
                }
            }
            Event::Looked(found) => {
                self.under_way.look.busy = false;
                self.under_way.look.at = now + LOOK_EVERY;
                match found {
                    Ok((rows, oldest)) => self.metrics.backlog(rows, oldest),
                    Err(error) => tracing::debug!(%source, %error, "the backlog is not counted"),
                }
            }
        }
    }

    fn leased(&mut self, asked: Duration, leases: &Leases) {
        let before = self.buckets.len();
        // By this clock the lease began no later than when it was asked for.
        self.fenced_at = asked + LEASE.saturating_sub(self.options.fence);
        let mut void = self.buckets.lease(leases, asked);
        void.extend(self.buckets.leave_surplus(leases.share));
        self.queue.void(&void);
        // What others give up is read by nobody until it is taken.
        let lacks = self.buckets.len() < usize::from(leases.share);
        if lacks && asked < self.hurry_until {
            self.under_way.lease.at = self.under_way.lease.at.min(asked + HURRY);
        }
        if self.buckets.len() != before {
            let (source, buckets) = (self.source, self.buckets.len());
            tracing::info!(%source, buckets, share = leases.share, "leases changed");
        }
    }

    fn was_read(
        &mut self,
        asked: &[Floor],
        limit: u32,
        rows: Result<Vec<SharedRow>, DbError>,
        now: Duration,
    ) {
        self.under_way.read.busy = false;
        match rows {
            Ok(rows) => {
                let zeros: HashSet<u16> =
                    asked.iter().filter(|floor| floor.after <= 0).map(|it| it.bucket).collect();
                let waiting = self.queue.waiting();
                let rows = self.buckets.read(asked, rows, limit);
                let full = rows.len() >= limit as usize;
                for row in rows {
                    let bucket = row.bucket;
                    if !self.queue.take_in(row, zeros.contains(&bucket)) {
                        self.buckets.rewind(bucket);
                    }
                }
                // Pages full of rows that wait for something else must not hide those behind them.
                let nothing_new = full && self.queue.waiting() == waiting;
                self.page = if nothing_new { (self.page * 2).min(LARGEST_PAGE) } else { 1 };
            }
            Err(error) => {
                self.under_way.read.at = now + PAUSE_OF_DATABASE;
                self.buckets.not_read(asked);
                tracing::warn!(source = %self.source, %error, "the outbox cannot be read");
            }
        }
        self.queue.deleted(&std::mem::take(&mut self.deleted));
    }

    fn answered(&mut self, mut sent: Vec<(Item, Outcome)>, began: Duration, now: Duration) {
        if mutant!("shared-relay-takes-a-return-for-a-confirm") {
            for (_, outcome) in sent.iter_mut().filter(|it| it.1 == Outcome::Unroutable) {
                *outcome = Outcome::Confirmed;
            }
        }
        if mutant!("shared-relay-blames-rows-for-an-outage") {
            for (_, outcome) in sent.iter_mut().filter(|it| it.1 == Outcome::Unavailable) {
                *outcome = Outcome::Unroutable;
            }
        }
        self.under_way.calls -= 1;
        let all = sent.len();
        let settled = self.queue.settle(sent, now);
        if settled.unavailable == all {
            if !self.breaker.is_open() {
                tracing::warn!(source = %self.source, "the broker takes nothing; trying again");
            }
            self.breaker.fail(now);
        } else {
            if self.breaker.is_open() {
                tracing::info!(source = %self.source, "the broker takes messages again");
            }
            self.breaker.close();
            self.metrics.confirm_seconds.observe(now.saturating_sub(began).as_secs_f64());
        }
        self.metrics.confirmed.inc_by(settled.confirmed.len() as u64);
        self.metrics.unavailable.inc_by(settled.unavailable as u64);
        self.metrics.returned.inc_by(settled.refused.len() as u64);
        for item in &settled.refused {
            let (source, key, id) = (self.source, &*item.key, item.id);
            let route = item.publication.routing_key.as_str();
            tracing::error!(%source, key, id, route, "no queue takes this message");
        }
        self.confirmed.extend(settled.confirmed);
        self.refused.extend(settled.refused);
        for (bucket, after) in settled.again {
            self.buckets.wind_back(bucket, after);
        }
    }
}

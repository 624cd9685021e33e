//! What the pump begins: each thing once at a time, publishing several times.

use std::{sync::Arc, time::Duration};

use mutants::mutant;
use runtime::{
    broker::Outcome,
    db::{DbError, PutOff, SharedOutbox},
};

use super::{Event, Pump};
use crate::shared::queue::Item;

/// The most rows in one delete.
const LARGEST_DELETE: usize = 1_024;
/// The fewest rows of a bucket in one read.
const SMALLEST_PAGE: usize = 8;

impl Pump {
    /// Begins whatever can begin now.
    pub(super) fn begin(&mut self, now: Duration) {
        if now >= self.poll_at {
            self.poll_at = now + self.options.poll;
            self.buckets.written();
        }
        for (bucket, after) in self.queue.release(now) {
            self.buckets.wind_back(bucket, after);
        }
        self.lease(now);
        self.put_off();
        self.delete(now);
        self.publish(now);
        self.read(now);
        self.look(now);
    }

    /// Renews the leases and takes free ones; or gives up what is too much. Never both at once: each
    /// would spoil the other's answer.
    fn lease(&mut self, now: Duration) {
        if self.under_way.lease.busy {
            return;
        }
        let (outbox, owner) = (Arc::clone(&self.outbox), self.owner);
        if now >= self.under_way.lease.at {
            self.under_way.lease.busy = true;
            self.under_way.lease.at = now + self.options.renew;
            self.work.push(Box::pin(async move {
                Event::Leased { asked: now, leases: outbox.lease(owner).await }
            }));
            return;
        }
        let idle = |bucket: &u16| !self.queue.is_going(*bucket);
        let buckets: Vec<u16> = self.buckets.leaving().into_iter().filter(idle).collect();
        if !buckets.is_empty() {
            self.under_way.lease.busy = true;
            self.work.push(Box::pin(async move {
                let done = outbox.give_up(owner, &buckets, false).await;
                Event::GaveUp { buckets, done }
            }));
        }
    }

    /// Reads while there is room for at least half of what may be read ahead.
    fn read(&mut self, now: Duration) {
        let room = self.options.window.saturating_sub(self.queue.waiting());
        let may = self.under_way.read.is_free(now) && now < self.fenced_at;
        if !may || room < self.options.window.div_ceil(2) || !self.buckets.any_behind(now) {
            return;
        }
        let asked = self.buckets.floors(now);
        if asked.is_empty() {
            return;
        }
        let limit = (room / asked.len()).max(SMALLEST_PAGE) * self.page;
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        self.under_way.read.busy = true;
        let (outbox, owner) = (Arc::clone(&self.outbox), self.owner);
        self.work.push(Box::pin(async move {
            let rows = outbox.read_leased(owner, &asked, limit).await;
            Event::Read { asked, limit, rows }
        }));
    }

    fn publish(&mut self, now: Duration) {
        while now < self.fenced_at
            && self.under_way.calls < self.options.calls
            && self.breaker.admits(now, self.under_way.calls)
        {
            let items = self.queue.take_out(self.options.batch);
            if items.is_empty() {
                return;
            }
            tracing::trace!(source = %self.source, rows = items.len(), "publishing");
            self.under_way.calls += 1;
            let broker = Arc::clone(&self.broker);
            self.work.push(Box::pin(async move {
                let publications = items.iter().map(|item| item.publication.clone()).collect();
                let confirms = broker.publish(publications).await;
                let mut sent = Vec::with_capacity(items.len());
                for (item, confirm) in items.into_iter().zip(confirms) {
                    let outcome = if mutant!("shared-relay-deletes-before-confirm") {
                        Outcome::Confirmed
                    } else {
                        confirm.await.unwrap_or(Outcome::Unavailable)
                    };
                    sent.push((item, outcome));
                }
                Event::Answered { sent, began: now }
            }));
        }
    }

    pub(super) fn delete(&mut self, now: Duration) {
        let way = &mut self.under_way;
        if !way.delete.is_free(now) || self.confirmed.is_empty() {
            return;
        }
        way.delete.busy = true;
        let most = self.confirmed.len().min(LARGEST_DELETE);
        let rows: Vec<_> = self.confirmed.drain(..most).collect();
        let outbox = Arc::clone(&self.outbox);
        self.work.push(Box::pin(async move {
            let done = outbox.delete_sent(&rows).await;
            Event::Deleted { rows, done }
        }));
    }

    /// Puts off what was refused, and parks what was refused too often.
    pub(super) fn put_off(&mut self) {
        if self.under_way.put_off.busy || self.refused.is_empty() {
            return;
        }
        self.under_way.put_off.busy = true;
        let items: Vec<(Item, Duration)> = std::mem::take(&mut self.refused)
            .into_iter()
            .map(|item| (self.pause(item.attempts), item))
            .map(|(pause, item)| (item, pause))
            .collect();
        let outbox = Arc::clone(&self.outbox);
        self.work.push(Box::pin(async move {
            let mut parked = 0;
            let done = put_off(&*outbox, &items, &mut parked).await;
            Event::PutOff { items, parked, done }
        }));
    }

    /// How long a row waits that has failed that often before; zero if it is parked.
    fn pause(&self, failed: u32) -> Duration {
        if failed + 1 >= self.options.attempts && !mutant!("shared-relay-never-parks") {
            return Duration::ZERO;
        }
        let pause = self.options.first_pause.saturating_mul(1 << failed.min(16));
        // Zero means something else.
        pause.min(self.options.longest_pause).max(Duration::from_millis(1))
    }

    fn look(&mut self, now: Duration) {
        if !self.under_way.look.is_free(now) {
            return;
        }
        self.under_way.look.busy = true;
        let outbox = Arc::clone(&self.outbox);
        self.work.push(Box::pin(async move { Event::Looked(outbox.backlog().await) }));
    }
}

async fn put_off(
    outbox: &dyn SharedOutbox,
    items: &[(Item, Duration)],
    parked: &mut u64,
) -> Result<(), DbError> {
    let error = |item: &Item| {
        let Item { publication, .. } = item;
        format!("no queue takes {} from {}", publication.routing_key, publication.exchange)
    };
    let rows: Vec<PutOff> = items
        .iter()
        .map(|(item, pause)| PutOff {
            bucket: item.bucket,
            id: item.id,
            pause: *pause,
            error: error(item),
        })
        .collect();
    // First of all the attempt is counted.
    outbox.put_off(&rows).await?;
    for (item, _) in items.iter().filter(|(_, pause)| pause.is_zero()) {
        if outbox.park(item.bucket, item.id, &error(item)).await? {
            *parked += 1;
        }
    }
    Ok(())
}

//! Looks for mailboxes in which something is to be sent: after every commit of this process, when a
//! pause is over, and once in a while, for what other processes leave behind.

use std::time::Duration;

use runtime::{
    Aggregate,
    db::{DbError, ListQuery, Row},
};
use tokio::sync::mpsc;

use super::Sender;
use crate::{
    aggregates::{Kept, MAILBOX, OUTSTANDING},
    mailbox::{Mailbox, READY},
    recipient::Recipient,
};

/// Between two looks where nothing is told.
const POLL: Duration = Duration::from_millis(500);
/// Between two looks at least, so that commits one after another share one: a look reads hundreds of
/// mailboxes, and people do not mind.
const SHORT: Duration = Duration::from_millis(50);
/// After the database could not be read.
const AWAY: Duration = Duration::from_secs(1);
/// How often all that waits is counted.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// How many mailboxes are counted at most.
const COUNTED: usize = 20_000;
/// How many rows are read at once.
const PAGE: u32 = 500;

impl Sender {
    /// Finds recipients, without end.
    pub(super) async fn find(&self, to: mpsc::UnboundedSender<Recipient>) {
        let mut commits = self.handle.live().commits();
        // Looks go round, so that nobody is overlooked for long where there are many.
        let mut after: Option<String> = None;
        let mut counted: Option<Duration> = None;
        loop {
            commits.borrow_and_update();
            let now = self.ports.clock.elapsed();
            if counted.is_none_or(|at| now.saturating_sub(at) >= COUNT_EVERY) {
                counted = Some(now);
                self.count().await;
            }
            let (width, opens) = self.width(now);
            let found = if width == 0 { Ok(0) } else { self.look(&to, &mut after, width).await };
            let pause = match found {
                Ok(_) => opens.map_or(POLL, |at| at.saturating_sub(now).clamp(SHORT, POLL)),
                Err(()) => AWAY,
            };
            // While all is taken or the channel is away, commits change nothing.
            let news = async {
                if width == 0 {
                    std::future::pending::<()>().await;
                }
                // Only where nothing is told any more; then only the clock is left.
                if commits.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                biased;
                () = news => {}
                () = self.freed.notified() => {}
                () = self.ports.clock.sleep(pause) => {}
            }
            self.ports.clock.sleep(SHORT).await;
        }
    }

    /// How many more recipients may be sent to now, and when the channel may be tried again.
    fn width(&self, now: Duration) -> (usize, Option<Duration>) {
        let busy = self.busy().len();
        let health = self.health();
        let width = if health.is_open() {
            usize::from(health.admits(now, busy))
        } else {
            self.handle.service().settings().at_once.max(1).saturating_sub(busy)
        };
        (width, health.opens())
    }

    /// Sends lanes on their way, at most `width`; answers how many.
    async fn look(
        &self,
        to: &mpsc::UnboundedSender<Recipient>,
        after: &mut Option<String>,
        width: usize,
    ) -> Result<usize, ()> {
        let mut started = 0;
        let begun = after.clone();
        let mut around = begun.is_none();
        // Those whose pause is over are told here even where timers wait for the broker.
        for recipient in self.due().await? {
            started += usize::from(started < width && self.begin(to, recipient));
        }
        while started < width {
            let query = query(&[READY], after.clone());
            let rows = self.handle.reader().list(&query).await.map_err(|error| away(&error))?;
            let last = rows.len() < PAGE as usize;
            for (id, row) in rows {
                if started == width {
                    return Ok(started);
                }
                *after = Some(id);
                started += usize::from(recipient(&row).is_some_and(|it| self.begin(to, it)));
            }
            if last {
                *after = None;
                if around {
                    break;
                }
                around = true;
            }
        }
        Ok(started)
    }

    /// Recipients whose pause, or whose sender's claim, is over.
    async fn due(&self) -> Result<Vec<Recipient>, ()> {
        let reader = self.handle.reader();
        let due = reader.due(self.ports.now(), PAGE).await.map_err(|error| away(&error))?;
        let mut found = Vec::new();
        for (kind, id) in due {
            if kind == MAILBOX.name {
                found.extend(Recipient::read(&id));
            }
        }
        Ok(found)
    }

    /// Where this sender is not at it already.
    fn begin(&self, to: &mpsc::UnboundedSender<Recipient>, recipient: Recipient) -> bool {
        self.busy().insert(recipient.clone()) && to.send(recipient).is_ok()
    }

    /// Counts what waits.
    async fn count(&self) {
        let (mut after, mut mailboxes, mut messages) = (None, 0, 0);
        while mailboxes < COUNTED {
            let Ok(rows) = self.handle.reader().list(&query(&[], after.take())).await else {
                return;
            };
            mailboxes += rows.len();
            messages += rows.iter().filter_map(|(_, row)| waiting(row)).sum::<usize>();
            let full = rows.len() == PAGE as usize;
            match rows.into_iter().last() {
                Some((id, _)) if full => after = Some(id),
                _ => break,
            }
        }
        self.metrics.pending(mailboxes, messages);
    }
}

fn query(states: &[&str], after: Option<String>) -> ListQuery {
    ListQuery {
        kind: MAILBOX.name,
        owner: Some(OUTSTANDING.to_owned()),
        states: states.iter().map(|&state| state.to_owned()).collect(),
        after,
        descending: false,
        limit: PAGE,
    }
}

fn kept(row: &Row) -> Option<Kept> {
    Kept::decode(MAILBOX.name, &row.body)
        .inspect_err(|error| tracing::error!(%error, "a mailbox cannot be read"))
        .ok()
}

fn recipient(row: &Row) -> Option<Recipient> {
    kept(row)?.mailbox().map(|mailbox| mailbox.recipient.clone())
}

fn waiting(row: &Row) -> Option<usize> {
    kept(row)?.mailbox().map(Mailbox::waiting)
}

fn away(error: &DbError) {
    tracing::warn!(%error, "mailboxes cannot be read");
}

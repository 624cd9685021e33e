//! How much lies in a service's outbox, as it was a moment ago: looked at once in a while, so that
//! metrics and the gate before new work cost nothing.
//!
//! While the broker is away a service goes on and its outbox grows. Only when the oldest message
//! has waited for too long is new work refused; what is under way is not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use contracts::Timestamp;
use mutants::mutant;
use tokio::sync::watch;

use crate::{
    Problem,
    broker::Reach,
    db::{Database, DbError},
    host::told_to_stop,
    ports::Ports,
};

/// How often an outbox is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A long outbox takes time to count: looking at it takes no more than this part of all time.
const PART: u32 = 20;
/// A message that has waited for so long shows that messages do not get through, whatever keeps them:
/// a relay that is down, a broker that takes nothing. In order, they leave within milliseconds.
const HINDERED: Duration = Duration::from_secs(5);
/// No row lies there.
const NONE: i64 = i64::MIN;
/// When a client that was refused should ask again, in seconds.
const ASK_AGAIN: u32 = 10;

/// The last look at an outbox. Clones share it.
#[derive(Clone, Debug)]
pub struct Backlog(Arc<Look>);

#[derive(Debug)]
struct Look {
    rows: AtomicU64,
    oldest: AtomicI64,
    parked: AtomicU64,
    reachable: AtomicBool,
}

impl Default for Backlog {
    fn default() -> Self {
        Self(Arc::new(Look {
            rows: AtomicU64::new(0),
            oldest: AtomicI64::new(NONE),
            parked: AtomicU64::new(0),
            reachable: AtomicBool::new(false),
        }))
    }
}

impl Backlog {
    /// Notes what lies there: how many rows, when the oldest was written, how many are parked.
    pub fn note(&self, rows: u64, oldest: Option<Timestamp>, parked: u64) {
        self.0.rows.store(rows, Relaxed);
        self.0.oldest.store(oldest.map_or(NONE, Timestamp::as_millis), Relaxed);
        self.0.parked.store(parked, Relaxed);
        self.0.reachable.store(true, Relaxed);
    }

    /// Messages that were not sent yet, or not confirmed.
    pub fn rows(&self) -> u64 {
        self.0.rows.load(Relaxed)
    }

    /// How long the oldest of them has waited.
    pub fn age(&self, now: Timestamp) -> Duration {
        match self.0.oldest.load(Relaxed) {
            NONE => Duration::ZERO,
            oldest => now.since(Timestamp::from_millis(oldest)),
        }
    }

    /// Messages that were given up until somebody sends them again.
    pub fn parked(&self) -> u64 {
        self.0.parked.load(Relaxed)
    }

    /// Whether the database could be read at the last look.
    pub fn is_reachable(&self) -> bool {
        self.0.reachable.load(Relaxed)
    }

    /// Lets new work pass as long as the oldest message has not waited longer than that; otherwise
    /// 503 `outbox-too-old`.
    pub fn admit(&self, limit: Duration, now: Timestamp) -> Result<(), Problem> {
        if self.age(now) <= limit || mutant!("orders-are-taken-whatever-waits") {
            return Ok(());
        }
        let detail = "Messages have not got through for a while, so nothing new is taken on.";
        let problem = Problem::new(503, "outbox-too-old", detail);
        Err(Problem { retry_after: Some(ASK_AGAIN), ..problem })
    }

    /// Looks again and again until told to stop, and says to `reach` when messages do not get
    /// through. A database that cannot be read leaves what was
    /// noted: the messages still wait.
    pub(crate) async fn follow(
        self,
        database: Arc<dyn Database>,
        reach: Reach,
        ports: Ports,
        mut stop: watch::Receiver<bool>,
    ) {
        let work = async {
            loop {
                let began = ports.clock.elapsed();
                match look(&*database).await {
                    Ok((rows, oldest, parked)) => {
                        self.note(rows, oldest, parked);
                        let now = ports.now();
                        if self.age(now) >= HINDERED {
                            reach.hindered(now);
                        }
                    }
                    Err(error) => {
                        self.0.reachable.store(false, Relaxed);
                        tracing::debug!(%error, "the outbox cannot be looked at");
                    }
                }
                let took = ports.clock.elapsed().saturating_sub(began);
                ports.clock.sleep(LOOK_EVERY.max(took * PART)).await;
            }
        };
        tokio::select! {
            biased;
            () = told_to_stop(&mut stop) => {}
            () = work => {}
        }
    }
}

async fn look(database: &dyn Database) -> Result<(u64, Option<Timestamp>, u64), DbError> {
    let (rows, oldest) = database.outbox().backlog().await?;
    let parked = match database.shared_outbox() {
        Some(shared) => shared.parked_count().await?,
        None => 0,
    };
    Ok((rows, oldest, parked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_work_is_refused_only_when_the_oldest_message_has_waited_too_long() {
        let at = Timestamp::from_millis;
        let limit = Duration::from_secs(600);
        let backlog = Backlog::default();
        assert_eq!(backlog.admit(limit, at(10_000_000)), Ok(()), "nothing is known yet");
        backlog.note(5_000, Some(at(1_000)), 0);
        assert_eq!(backlog.age(at(11_000)), Duration::from_secs(10));
        assert_eq!(backlog.admit(limit, at(601_000)), Ok(()), "however many there are");
        let refused = backlog.admit(limit, at(601_001)).unwrap_err();
        assert_eq!((refused.status, refused.slug()), (503, "outbox-too-old"));
        assert_eq!(refused.retry_after, Some(ASK_AGAIN));
        backlog.note(0, None, 0);
        assert_eq!(backlog.admit(limit, at(601_001)), Ok(()), "it has drained");
    }
}

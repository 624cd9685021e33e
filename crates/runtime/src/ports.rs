//! Clock, ids and tasks as ports: the only place that touches the real ones, so that a simulation
//! can run the services that are shipped.
#![allow(clippy::disallowed_methods, reason = "this module is the port that the ban points to")]

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use contracts::Timestamp;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Wall time for what is stored, and waiting.
#[async_trait::async_trait]
pub trait Clock: Send + Sync + 'static {
    /// The time of day.
    fn now(&self) -> Timestamp;
    /// Time since an arbitrary start, that never goes back: for measuring and for pauses.
    fn elapsed(&self) -> Duration;
    /// Returns after that long.
    async fn sleep(&self, duration: Duration);
}

/// Makes identities.
pub trait Ids: Send + Sync + 'static {
    /// A UUID version 7: sorted by time, so that keys made one after another lie side by side.
    fn next(&self) -> Uuid;
}

/// Starts tasks.
pub trait Spawner: Send + Sync + 'static {
    /// Starts a task that runs until it ends or is aborted.
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) -> JoinHandle<()>;
}

/// The ports, as every part of the runtime is given them.
#[derive(Clone)]
pub struct Ports {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identities.
    pub ids: Arc<dyn Ids>,
    /// Tasks.
    pub spawner: Arc<dyn Spawner>,
}

impl Ports {
    /// The real clock, ids and tasks of this machine.
    pub fn system() -> Self {
        Self {
            clock: Arc::new(SystemClock { start: std::time::Instant::now() }),
            ids: Arc::new(TimeOrderedIds::default()),
            spawner: Arc::new(TokioSpawner),
        }
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Starts a task.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.spawner.spawn(Box::pin(task))
    }
}

struct SystemClock {
    start: std::time::Instant,
}

#[async_trait::async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Version 7 UUIDs that grow within a process: 48 bits of milliseconds, a 12-bit counter within
/// the millisecond (which borrows from the next one when it overflows), 62 random bits.
#[derive(Default)]
struct TimeOrderedIds {
    last: std::sync::atomic::AtomicU64,
}

impl Ids for TimeOrderedIds {
    fn next(&self) -> Uuid {
        use std::sync::atomic::Ordering;
        let millis = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0));
        let floor = millis << 12;
        let last = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
                Some(floor.max(last.saturating_add(1)))
            })
            .unwrap_or(floor);
        let stamp = floor.max(last.saturating_add(1));
        let high = ((stamp >> 12) << 16) | 0x7000 | (stamp & 0xfff);
        let low = (fastrand::u64(..) & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
        Uuid::from_u64_pair(high, low)
    }
}

struct TokioSpawner;

impl Spawner for TokioSpawner {
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) -> JoinHandle<()> {
        tokio::spawn(task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_and_say_their_version() {
        let ids = TimeOrderedIds::default();
        let made: Vec<Uuid> = (0..10_000).map(|_| ids.next()).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(made.iter().all(|id| id.get_version_num() == 7));
    }
}

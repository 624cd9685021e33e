//! Who looks at what as it changes: told after each commit of this process's path, and of other
//! processes' commits by one look at all that is watched.
//!
//! - `watchers`: who watches what, and what is known of it. Pure.
//! - `watch`: one who watches.
//! - `shared`: what many look at is read once for all of them.
//! - `follow`: finds what other processes have committed.
//!
//! Whoever watches has a bell, which is rung or is not: nothing queues behind a slow reader, and
//! nobody waits for one. What is seen is read anew after each ring, so that states in between may be
//! left out and the newest never is. Where nobody watches, a commit costs two looks at a number and one count.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch as latest};

mod follow;
mod shared;
mod watch;
mod watchers;

pub(crate) use follow::follow;
pub use shared::Shown;
pub use watch::Watch;
pub use watchers::Subject;

use self::{shared::Cell, watchers::Watchers};
use crate::{Key, db::Row};

/// How many reads of all who watch go on at a time: fewer than the readers that a database has, so
/// that requests find one free however many watch.
const READS: usize = 2;

/// What a service's aggregates are watched by. Clones are the same.
#[derive(Clone)]
pub struct Live(Arc<Inner>);

struct Inner {
    watchers: Mutex<Watchers>,
    /// How many watch something, one for each subject.
    watching: AtomicUsize,
    /// Counts the times at which anybody was told of a change.
    moment: AtomicU64,
    somebody: Notify,
    /// Counts the commits of this process.
    commits: latest::Sender<u64>,
    cells: Mutex<HashMap<Key, Weak<Cell>>>,
    reads: Semaphore,
}

/// What a commit changes, for those who watch.
#[derive(Debug)]
pub(crate) enum Noted {
    /// Nobody watched anything before the commit.
    Nobody,
    /// Each row's key, owner and new version.
    Rows(Vec<(Key, Option<String>, u64)>),
}

impl Default for Live {
    fn default() -> Self {
        Self(Arc::new(Inner {
            watchers: Mutex::default(),
            watching: AtomicUsize::new(0),
            moment: AtomicU64::new(0),
            somebody: Notify::new(),
            commits: latest::Sender::new(0),
            cells: Mutex::default(),
            reads: Semaphore::new(READS),
        }))
    }
}

impl Live {
    /// Begins to watch; nothing yet.
    pub fn watch(&self) -> Watch {
        Watch::new(self.clone())
    }

    /// How many watch something, one for each subject.
    pub fn watching(&self) -> usize {
        self.0.watching.load(Ordering::SeqCst)
    }

    /// Changes with every commit of this process: something may be there that was not.
    pub fn commits(&self) -> latest::Receiver<u64> {
        self.0.commits.subscribe()
    }

    /// What rows that are about to be committed change.
    pub(crate) fn note(&self, rows: &[(Key, Row)]) -> Noted {
        if self.watching() == 0 {
            return Noted::Nobody;
        }
        let noted = rows.iter().map(|(key, row)| (key.clone(), row.owner.clone(), row.version));
        Noted::Rows(noted.collect())
    }

    /// Tells of what was noted, once it is committed or may be.
    pub(crate) fn tell(&self, noted: Noted) {
        self.0.commits.send_modify(|commits| *commits += 1);
        // Who has begun to watch meanwhile may have read before the commit, and must look again.
        if self.watching() == 0 {
            return;
        }
        self.told(|watchers, moment| match noted {
            Noted::Nobody => watchers.ring_all(moment),
            Noted::Rows(rows) => {
                for (key, owner, version) in rows {
                    watchers.changed(&key, owner.as_deref(), version, moment);
                }
            }
        });
    }

    /// Rings somebody, at a moment that comes after all that were before.
    fn told(&self, tell: impl FnOnce(&mut Watchers, u64)) {
        let mut watchers = self.watchers();
        let moment = self.0.moment.fetch_add(1, Ordering::SeqCst) + 1;
        tell(&mut watchers, moment);
    }

    fn moment(&self) -> u64 {
        self.0.moment.load(Ordering::SeqCst)
    }

    /// Resolves while somebody watches.
    async fn somebody(&self) {
        loop {
            let came = self.0.somebody.notified();
            if self.watching() > 0 {
                return;
            }
            came.await;
        }
    }

    /// The right to read; few read at a time.
    async fn turn(&self) -> SemaphorePermit<'_> {
        self.0.reads.acquire().await.expect("the semaphore of reads is never closed")
    }

    fn watchers(&self) -> MutexGuard<'_, Watchers> {
        self.0.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cells(&self) -> MutexGuard<'_, HashMap<Key, Weak<Cell>>> {
        self.0.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows how many watch.
impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Live").field(&self.watching()).finish()
    }
}

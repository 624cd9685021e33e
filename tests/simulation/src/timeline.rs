//! Virtual time: it stands still while anything can be done, and then goes on to the next moment for
//! which somebody sleeps. Nothing here looks at a real clock.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

/// Time that all processes of a simulation share. Clones are the same time.
#[derive(Clone, Default)]
pub struct Timeline(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    now: Duration,
    /// How many have ever slept: who has lain down first gets up first.
    slept: u64,
    sleepers: BTreeMap<(Duration, u64), Waker>,
}

/// The shortest sleep, so that who sleeps again and again lets time pass.
const SHORTEST: Duration = Duration::from_micros(1);

impl Timeline {
    /// Time since the beginning.
    pub fn now(&self) -> Duration {
        self.inner().now
    }

    /// Resolves after that long.
    pub fn after(&self, duration: Duration) -> Sleep {
        let due = self.now() + duration.max(SHORTEST);
        Sleep { timeline: self.clone(), due, place: None }
    }

    /// Goes on to the next moment for which somebody sleeps, and wakes those who do. Nothing else is
    /// to be done when this is called.
    pub fn advance(&self) {
        let mut inner = self.inner();
        let Some((&(due, _), _)) = inner.sleepers.first_key_value() else { return };
        inner.now = due;
        let later = inner.sleepers.split_off(&(due, u64::MAX));
        let woken = std::mem::replace(&mut inner.sleepers, later);
        drop(inner);
        woken.into_values().for_each(Waker::wake);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Every change of it is one step, so that a panic elsewhere leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Resolves at its time.
pub struct Sleep {
    timeline: Timeline,
    due: Duration,
    place: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let timeline = self.timeline.clone();
        let mut inner = timeline.inner();
        if inner.now >= self.due {
            return Poll::Ready(());
        }
        let place = *self.place.get_or_insert_with(|| {
            inner.slept += 1;
            inner.slept
        });
        inner.sleepers.insert((self.due, place), context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let woken = self.timeline.inner().sleepers.remove(&(self.due, place));
            // Outside of the lock: whatever a waker drops may sleep as well.
            drop(woken);
        }
    }
}

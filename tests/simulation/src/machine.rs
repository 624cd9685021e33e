//! What a process runs on: its tasks, its clock and its ids, as the ports of the runtime. It can be
//! held still, and it can end at any moment; then none of its tasks takes another step.
#![allow(clippy::disallowed_methods, reason = "this is the simulation's side of the ports")]

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use contracts::Timestamp;
use runtime::ports::{Clock, Ids, Ports, Spawner};
use tokio::{
    sync::Notify,
    task::{AbortHandle, JoinHandle},
};
use uuid::Uuid;

use crate::timeline::Timeline;

/// 2026-01-01, when every simulation begins.
const BEGINNING: i64 = 1_767_225_600_000;

/// One process's machine. Clones are the same.
#[derive(Clone)]
pub struct Machine {
    timeline: Timeline,
    /// By how many milliseconds its clock is wrong; the next process on it has the same clock.
    skew: Arc<AtomicI64>,
    made: Arc<AtomicU64>,
    /// Tells its ids from those of others.
    salt: u64,
    state: Arc<Mutex<State>>,
    end: Arc<Notify>,
}

#[derive(Default)]
struct State {
    tasks: Vec<AbortHandle>,
    ended: bool,
    /// Those who wait until it goes on, while it is held.
    held: Option<Vec<Waker>>,
}

impl Machine {
    /// A machine that runs, with that clock.
    pub fn new(timeline: Timeline, skew: Arc<AtomicI64>, salt: u64) -> Self {
        let (made, state) = (Arc::default(), Arc::default());
        Self { timeline, skew, made, salt, state, end: Arc::default() }
    }

    /// As the ports that services are given.
    pub fn ports(&self) -> Ports {
        let this = || Arc::new(self.clone());
        Ports { clock: this(), ids: this(), spawner: this() }
    }

    /// Ends it at once: none of its tasks goes on behind the point where it is.
    pub fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        let tasks = std::mem::take(&mut state.tasks);
        // Held tasks have to come to be dropped.
        let held = state.held.take();
        drop(state);
        tasks.iter().for_each(AbortHandle::abort);
        held.into_iter().flatten().for_each(Waker::wake);
        self.end.notify_one();
    }

    /// Resolves when it has ended, for one who waits.
    pub async fn ended(&self) {
        self.end.notified().await;
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.state().ended
    }

    /// Holds all tasks where they are.
    pub fn hold(&self) {
        self.state().held.get_or_insert_default();
    }

    /// Lets them go on.
    pub fn go_on(&self) {
        let held = self.state().held.take();
        held.into_iter().flatten().for_each(Waker::wake);
    }

    /// Resolves when it is not held.
    pub async fn moves(&self) {
        std::future::poll_fn(|context| self.poll_moves(context)).await;
    }

    fn poll_moves(&self, context: &Context<'_>) -> Poll<()> {
        match &mut self.state().held {
            None => Poll::Ready(()),
            Some(held) => {
                held.push(context.waker().clone());
                Poll::Pending
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for Machine {
    fn now(&self) -> Timestamp {
        let since = i64::try_from(self.timeline.now().as_millis()).expect("simulations are short");
        Timestamp::from_millis(BEGINNING + since + self.skew.load(Relaxed))
    }

    fn elapsed(&self) -> Duration {
        self.timeline.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.timeline.after(duration).await;
    }
}

impl Ids for Machine {
    fn next(&self) -> Uuid {
        let made = self.made.fetch_add(1, Relaxed);
        let millis = u64::try_from(self.now().as_millis()).unwrap_or_default();
        let high = (millis << 16) | 0x7000 | (made & 0xfff);
        // Odd multipliers spread what is counted over all bits, each number still once.
        let mixed = ((self.salt << 32) | made).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let low = (mixed & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
        Uuid::from_u64_pair(high, low)
    }
}

impl Spawner for Machine {
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) -> JoinHandle<()> {
        let spawned = tokio::spawn(Step { machine: self.clone(), task });
        let mut state = self.state();
        if state.ended {
            spawned.abort();
        } else {
            state.tasks.push(spawned.abort_handle());
        }
        drop(state);
        spawned
    }
}

/// A task that takes its steps only while its machine moves.
struct Step {
    machine: Machine,
    task: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Future for Step {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.machine.has_ended() {
            return Poll::Pending;
        }
        match self.machine.poll_moves(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => self.task.as_mut().poll(context),
        }
    }
}

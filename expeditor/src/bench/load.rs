//! Keeps a number of orders under way until all were placed and are at their end. Runs on a thread
//! of its own, so that its work can be told from the services'.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use runtime::ports::Ports;
use tokio::{runtime::Runtime, sync::mpsc};

use super::{
    actor::{Actor, Took},
    options::Actors,
    town::Town,
    usage::LOAD_THREAD,
    watched::Watch,
};
use crate::{
    exit::{Failure, disk},
    people::client::{Client, Trouble},
};

/// What is to be done.
#[derive(Clone)]
pub struct Load {
    /// An app of somebody in this town.
    pub client: Client,
    /// Clock and ids; tasks are started where the load runs.
    pub ports: Ports,
    /// Where orders come from and go to.
    pub town: Town,
    /// Tells what happens.
    pub watch: Arc<Watch>,
    /// Who decides.
    pub actors: Actors,
    /// Decides what is ordered.
    pub seed: u64,
    /// How many orders.
    pub orders: u32,
    /// How many at the same time.
    pub concurrency: u32,
}

/// What it took.
pub struct Done {
    /// Each order.
    pub took: Vec<Took>,
    /// From the first request until the last order was at its end.
    pub time: Duration,
}

/// How long a request that is not answered is repeated.
pub const PATIENCE: Duration = Duration::from_secs(30);

impl Load {
    /// Places the orders and follows them to their end; calls `ended` after each.
    pub async fn run(self, mut ended: impl FnMut()) -> Result<Done, Trouble> {
        let start = self.ports.clock.elapsed();
        let (report, mut reports) = mpsc::unbounded_channel();
        let next = Arc::new(AtomicU32::new(0));
        let workers = (0..self.concurrency.min(self.orders)).map(|place| {
            let work = self.work(place as usize, Arc::clone(&next), report.clone());
            self.ports.spawn(work)
        });
        let workers: Vec<_> = workers.collect();
        drop(report);
        let mut took = Vec::with_capacity(self.orders as usize);
        while let Some(result) = reports.recv().await {
            match result {
                Ok(one) => took.push(one),
                Err(trouble) => {
                    workers.iter().for_each(tokio::task::JoinHandle::abort);
                    return Err(trouble);
                }
            }
            ended();
        }
        if took.len() < self.orders as usize {
            return Err(Trouble::Odd("a task that placed orders ended early".to_owned()));
        }
        Ok(Done { took, time: self.ports.clock.elapsed().saturating_sub(start) })
    }

    /// Orders from one place, one after another, until enough were placed.
    fn work(
        &self,
        place: usize,
        next: Arc<AtomicU32>,
        report: mpsc::UnboundedSender<Result<Took, Trouble>>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let Self { client, ports, town, orders, seed, .. } = self.clone();
        let (watch, actors) = (Arc::clone(&self.watch), self.actors);
        let actor = Actor { client, watch, actors, rider: town.rider(place) };
        let mut random = fastrand::Rng::with_seed(seed ^ ((place as u64) << 32));
        async move {
            while next.fetch_add(1, Ordering::Relaxed) < orders {
                let body = town.compose(place, &mut random);
                let took = actor.order(&body, &format!("bench-{}", ports.ids.next())).await;
                let failed = took.is_err();
                // Nobody listens any more where another order went wrong.
                if report.send(took).is_err() || failed {
                    return;
                }
            }
        }
    }
}

/// The thread that the load runs on.
pub struct LoadThread(Option<Runtime>);

impl LoadThread {
    /// Starts it.
    pub fn start() -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(LOAD_THREAD)
            .enable_all()
            .build();
        runtime
            .map(|runtime| Self(Some(runtime)))
            .map_err(|error| disk("cannot start a thread", &error))
    }

    /// Runs that on it.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Failure> {
        let runtime =
            self.0.as_ref().expect("the thread ends when this is dropped, and not before");
        let failed = |error| Failure::Environment(format!("the load did not end well: {error}"));
        runtime.spawn(work).await.map_err(failed)
    }
}

impl Drop for LoadThread {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waiting for it would block a thread of the services'.
            runtime.shutdown_background();
        }
    }
}

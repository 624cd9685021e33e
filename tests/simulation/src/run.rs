//! One run, from the beginning until everything has come to rest, and what is wrong then.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use contracts::ServiceName;
use expeditor::audit::{self, Databases, Knowledge};
use runtime::db::{Database, ListQuery, Reader as _, SagaQuery};
use tokio::runtime::Builder;

use crate::{
    people, points::Point, scenario::Scenario, storm, timeline::Timeline, trace::Trace,
    world::World,
};

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// A number that two runs share only where everything was the same.
    pub digest: u64,
    /// How often each kind of fault has come.
    pub fired: BTreeMap<&'static str, u64>,
    /// How orders have ended, and how many of them.
    pub endings: BTreeMap<String, u64>,
    /// How long it took, in its own time.
    pub took: Duration,
    /// How many commits each service has tried.
    pub commits: BTreeMap<ServiceName, u64>,
    /// How often each service has passed which point.
    pub passed: BTreeMap<(ServiceName, Point), u64>,
    /// What is wrong; empty where nothing is.
    pub wrong: Vec<String>,
    /// The lines of the trace, where they were kept.
    pub lines: Vec<String>,
}

/// Everything has to come to rest within this time behind the last fault.
const BOUND: Duration = Duration::from_secs(240);
/// Between two looks whether it has.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// More orders and sagas than a run has.
const MANY: u32 = 1_000;

/// Runs a scenario, and keeps the lines of its trace where that is wanted.
///
/// # Panics
///
/// Where the system does not let a runtime be made.
pub fn run(scenario: &Scenario, keep: bool) -> Outcome {
    let timeline = Timeline::default();
    let trace = Trace::new(timeline.clone(), keep);
    let clock = timeline.clone();
    let runtime = Builder::new_current_thread()
        .on_thread_park(move || clock.advance())
        .build()
        .expect("a runtime of one thread");
    let (scenario, own) = (scenario.clone(), trace.clone());
    let mut outcome = runtime.block_on(async move {
        let world = World::start(timeline, own, scenario).await;
        let wrong = world.play().await;
        Outcome {
            digest: 0,
            fired: BTreeMap::new(),
            endings: world.endings().await,
            took: world.timeline.now(),
            commits: world
                .sites
                .iter()
                .map(|(it, site)| (*it, site.disk.storage.commits()))
                .collect(),
            passed: world.points.all_passed(),
            wrong,
            lines: Vec::new(),
        }
    });
    runtime.shutdown_background();
    outcome.digest = trace.digest();
    outcome.fired = trace.all_fired();
    outcome.lines = trace.lines();
    outcome
}

impl World {
    /// Lets everything happen; answers what is wrong at the end.
    async fn play(self: &Arc<Self>) -> Vec<String> {
        storm::gather(self);
        drop(self.ports.spawn(storm::blow(Arc::clone(self))));
        people::begin(self).await;
        let end = self.timeline.now() + BOUND;
        while !self.rests().await {
            if self.timeline.now() > end {
                return self.restless().await;
            }
            self.after(LOOK_AGAIN).await;
        }
        self.trace.note(format_args!("everything rests"));
        self.judge().await
    }

    /// Whether nothing is left to be done.
    async fn rests(&self) -> bool {
        self.busy.load(Relaxed) == 0
            && self.network.is_idle()
            && self.unsent().await == Some(0)
            && self.unended().await.is_empty()
    }

    /// How many messages lie in outboxes, as the processes see them; nothing while one is down.
    async fn unsent(&self) -> Option<u64> {
        let mut unsent = 0;
        for site in self.sites.values() {
            let (rows, _) = site.process()?.database.outbox().backlog().await.ok()?;
            unsent += rows;
        }
        Some(unsent)
    }

    /// The sagas that have not ended, and what each waits for; orders for later that have not begun.
    async fn unended(&self) -> Vec<String> {
        let query = SagaQuery { limit: MANY, ..SagaQuery::default() };
        let eye = &self.site(ServiceName::Orchestrator).eye;
        let sagas = eye.sagas(&query).await.unwrap_or_default();
        let over = ["completed", "cancelled", "returned"];
        let unended = sagas.iter().filter(|saga| !over.contains(&&*saga.status)).map(|saga| {
            let waiting = saga.waiting_on.as_deref().unwrap_or("nothing");
            format!("order {} is {} and waits for {waiting}", saga.order_id, saga.status)
        });
        let waiting = self.orders("scheduled").await;
        let waiting = waiting.into_iter().map(|(id, _)| format!("order {id} has not begun"));
        unended.chain(waiting).collect()
    }

    /// Orders in that state, or in any.
    async fn orders(&self, state: &str) -> Vec<(String, String)> {
        let states = if state.is_empty() { Vec::new() } else { vec![state.to_owned()] };
        let query = ListQuery {
            kind: "order",
            owner: None,
            states,
            after: None,
            descending: false,
            limit: MANY,
        };
        let rows = self.site(ServiceName::Orchestrator).eye.list(&query).await;
        rows.unwrap_or_default().into_iter().map(|(id, row)| (id, row.state)).collect()
    }

    /// How orders have ended and why, as their customers see it.
    async fn endings(&self) -> BTreeMap<String, u64> {
        let mut endings = BTreeMap::new();
        for (id, state) in self.orders("").await {
            let path = format!("/orders/{id}");
            let order = people::get(self, ServiceName::Orchestrator, &path).await;
            let reason = order.and_then(|it| Some(it.body["reason"].as_str()?.to_owned()));
            let reason = reason.map(|it| format!(" ({it})")).unwrap_or_default();
            *endings.entry(format!("{state}{reason}")).or_default() += 1;
        }
        endings
    }

    /// Why nothing has come to rest.
    async fn restless(&self) -> Vec<String> {
        let mut wrong = vec![format!("nothing has come to rest after {BOUND:?}")];
        wrong.extend(self.unended().await);
        wrong.push(format!(
            "{} people are busy, {:?} messages unsent, the network idle: {}",
            self.busy.load(Relaxed),
            self.unsent().await,
            self.network.is_idle()
        ));
        wrong
    }

    /// What is wrong when everything rests: what the auditor finds, and what nobody expects.
    async fn judge(&self) -> Vec<String> {
        let databases = self.sites.iter().filter_map(|(service, site)| {
            let database: Arc<dyn Database> = Arc::new(site.process()?.database.clone());
            Some((*service, database))
        });
        let stored = Databases::of(databases.collect(), true);
        let known = Knowledge { at_rest: true, ..self.known().clone() };
        let mut wrong = self.remarks();
        match audit::audit(&stored, &known).await {
            Err(error) => wrong.push(format!("the audit cannot be finished: {error}")),
            Ok(report) => {
                let broken = report.findings().filter(|it| it.violations > 0);
                wrong.extend(broken.map(|it| {
                    let offender = it.first_offender.as_deref().unwrap_or_default();
                    format!("{} ({}): {offender}", it.invariant, it.says)
                }));
                let dead = report.dead_letters().iter().filter(|(_, number)| **number > 0);
                wrong.extend(
                    dead.map(|(service, number)| format!("{number} dead letters of {service}")),
                );
            }
        }
        wrong
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} in {:?}", self.endings, self.fired, self.took)
    }
}

//! Everything at once: the processes, the network between them, the disks below them, and time.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use contracts::ServiceName;
use expeditor::{audit::Knowledge, system::Settings};
use orchestrator::settings::{Deadlines, Lead, Retry};
use runtime::{db::memory::MemoryDatabase, ports::Ports};

use crate::{
    board::Board,
    chance::Chance,
    disk::Disk,
    machine::Machine,
    network::Network,
    points::Points,
    process::{Place, Process},
    scenario::Scenario,
    timeline::Timeline,
    trace::Trace,
};

/// A service at its place: its disk, the clock of its machine, and the process that runs there now.
pub(crate) struct Site {
    pub(crate) disk: Disk,
    pub(crate) skew: Arc<AtomicI64>,
    /// What is stored, for those who only look on.
    pub(crate) eye: MemoryDatabase,
    pub(crate) process: Mutex<Option<Arc<Process>>>,
    /// How long the next process is waited for, where that is planned.
    pub(crate) away: Mutex<Option<Duration>>,
}

impl Site {
    /// The process that runs there now.
    pub(crate) fn process(&self) -> Option<Arc<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Everything.
pub struct World {
    pub(crate) timeline: Timeline,
    pub(crate) trace: Trace,
    pub(crate) network: Arc<Network>,
    pub(crate) points: Points,
    pub(crate) board: Board,
    pub(crate) scenario: Scenario,
    pub(crate) sites: BTreeMap<ServiceName, Site>,
    /// What people know.
    pub(crate) known: Mutex<Knowledge>,
    remarks: Mutex<Vec<String>>,
    /// How many people are not done.
    pub(crate) busy: AtomicUsize,
    settings: Settings,
    /// What people and the world itself run on.
    pub(crate) ports: Ports,
    restarts: Chance,
    started: AtomicU64,
}

/// Deadlines short enough that people who say nothing cost little time.
fn settings() -> Settings {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let mut settings = Settings::default();
    settings.orchestrator.deadlines = Deadlines {
        pay: seconds(4),
        accept: seconds(6),
        cook_start: seconds(6),
        cook_finish: seconds(8),
        assign: seconds(6),
        pickup: seconds(8),
        deliver: seconds(8),
        reprice: seconds(4),
        amend: seconds(4),
    };
    let (first, cap) = (Duration::from_millis(500), Duration::from_secs(4));
    settings.orchestrator.retry = Retry { first, cap, ..Retry::default() };
    settings.orchestrator.schedule = Lead { earliest: Duration::from_secs(2), ..Lead::default() };
    settings.payment.slow_after = Duration::from_secs(6);
    settings
}

impl World {
    /// Makes it and starts every process.
    pub(crate) async fn start(timeline: Timeline, trace: Trace, scenario: Scenario) -> Arc<Self> {
        let seed = scenario.seed;
        let chance = |part: &str| Chance::of(seed, part);
        let (points, board) = (Points::default(), Board::default());
        let own = Machine::new(timeline.clone(), Arc::default(), 0);
        let network = Network::start(
            timeline.clone(),
            trace.clone(),
            chance("network"),
            scenario.weather.clone(),
            points.clone(),
            own.clone(),
        )
        .await;
        let site = |service: ServiceName| {
            let luck = chance(service.as_str());
            let disk = Disk::new(service, timeline.clone(), trace.clone(), luck, board.clone());
            disk.slow(scenario.weather.commit);
            let (eye, skew) = (disk.storage.open(), Arc::default());
            Site { disk, skew, eye, process: Mutex::default(), away: Mutex::default() }
        };
        let sites = ServiceName::ALL.into_iter().map(|it| (it, site(it))).collect();
        let restarts = chance("restarts");
        let world = Arc::new(Self {
            timeline,
            trace,
            network,
            points,
            board,
            scenario,
            sites,
            known: Mutex::default(),
            remarks: Mutex::default(),
            busy: AtomicUsize::new(0),
            settings: settings(),
            ports: own.ports(),
            restarts,
            started: AtomicU64::new(0),
        });
        for service in ServiceName::ALL {
            world.launch(service).await;
            drop(world.ports.spawn(Arc::clone(&world).supervise(service)));
        }
        world
    }

    /// Where a service lives.
    pub(crate) fn site(&self, service: ServiceName) -> &Site {
        self.sites.get(&service).expect("every service has its site")
    }

    /// What people know.
    pub(crate) fn known(&self) -> MutexGuard<'_, Knowledge> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something that nobody expects.
    pub(crate) fn remark(&self, what: std::fmt::Arguments<'_>) {
        self.remarks.lock().unwrap_or_else(PoisonError::into_inner).push(what.to_string());
    }

    /// What nobody expected.
    pub(crate) fn remarks(&self) -> Vec<String> {
        self.remarks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns after that long.
    pub(crate) async fn after(&self, duration: Duration) {
        self.timeline.after(duration).await;
    }

    /// Starts a process where none runs.
    async fn launch(&self, service: ServiceName) {
        let site = self.site(service);
        let salt = 1 + self.started.fetch_add(1, Relaxed);
        let machine = Machine::new(self.timeline.clone(), Arc::clone(&site.skew), salt);
        let (settings, network, disk) = (&self.settings, &self.network, &site.disk);
        let process = Process::start(service, Place { settings, network, disk, machine }).await;
        *site.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(process));
    }

    /// Starts a process again each time that it has ended.
    async fn supervise(self: Arc<Self>, service: ServiceName) {
        let site = self.site(service);
        loop {
            let Some(process) = site.process() else { return };
            process.machine.ended().await;
            process.crash();
            self.trace.note(format_args!("{service} is down"));
            *site.process.lock().unwrap_or_else(PoisonError::into_inner) = None;
            drop(process);
            let away = site.away.lock().unwrap_or_else(PoisonError::into_inner).take();
            let away = away.unwrap_or_else(|| self.restarts.millis(5..1_500));
            self.after(away).await;
            self.launch(service).await;
            self.trace.note(format_args!("{service} is up again"));
        }
    }
}

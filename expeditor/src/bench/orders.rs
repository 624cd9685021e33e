//! Orders from placed to delivered, through the whole system.
//!
//! Each run has databases of its own and begins with orders that are not counted. That an order is
//! delivered is seen where its messages pass, so that nothing is asked for while it is measured. A
//! run's rate is that of orders at their very end, settled and paid; the times told are those until
//! customers see it delivered.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use contracts::ServiceName;
use runtime::{broker::Broker, db::Database, ports::Ports};

use super::{
    ceilings,
    counted::Counted,
    figures::{Figures, Unit, millis, number, percentile, rate},
    load::{Done, Load, LoadThread, PATIENCE},
    options::Actors,
    place,
    town::Town,
    usage::{self, Cpu},
    watched::{From, Watch, Watched},
};
use crate::{
    exit::Failure,
    people::client::{Client, Trouble},
    progress::Progress,
    system::{Fittings, Settings, System},
};

/// How long each ceiling is measured in a run.
const CEILING: Duration = Duration::from_millis(500);

/// What is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Who decides.
    pub actors: Actors,
    /// How many orders a run places.
    pub orders: u32,
    /// How many at the same time.
    pub concurrency: u32,
    /// Decides what is ordered.
    pub seed: u64,
}

/// One run of the embedded profile.
pub async fn run(
    plan: &Plan,
    within: Option<&Path>,
    settings: &Settings,
    ports: &Ports,
    progress: Progress,
    figures: &mut Figures,
) -> Result<Progress, Failure> {
    let place = place::make(within)?;
    let database = ceilings::open(place.path(), "ceilings.db", ports).await?;
    let ceiling = ceilings::in_batches(&database, ports, CEILING).await?;
    let lone = ceilings::one_by_one(&database, ports, CEILING).await?;
    database.close().await;

    let town = Town::new(plan.concurrency as usize);
    let data = place.path().join("data");
    let settings = with(settings, plan.actors);
    let before = furnish(&data, &town, &settings, ports).await?;

    usage::forget_peak_memory();
    let watch = Arc::new(Watch::new(plan.actors == Actors::Http, From::Within));
    let commits = Arc::new(AtomicU64::new(0));
    let fittings = Instruments {
        watch: Arc::clone(&watch),
        commits: Arc::clone(&commits),
        ports: ports.clone(),
    };
    let system =
        System::start_fitted(&data, anywhere(), settings, ports.clone(), &fittings).await?;
    let load = plan.load(system.client(PATIENCE), &town, &watch, ports);
    let counted = async || {
        Ok(Counts { messages: watch.published(), transactions: commits.load(Ordering::Relaxed) })
    };
    let measured = async {
        let thread = LoadThread::start()?;
        // Opens connections too; the processor time that it takes counts with its orders.
        let cpu = Cpu::now();
        let (progress, driven) = drive(load, plan.warm_up(), &thread, progress, counted).await?;
        let cpu = Cpu::now().zip(cpu).map(|(now, start)| now.since(start));
        Ok::<_, Failure>((progress, driven, cpu, usage::peak_memory()))
    };
    let measured = measured.await;
    system.stop().await;
    let (progress, driven, cpu, memory) = measured?;

    let bytes = place::database_bytes(&data)?.saturating_sub(before);
    let Told { speed, messages, transactions } = plan.tell(driven, figures);
    let an_order = plan.of_an_order();
    let cpu = |of: fn(&Cpu) -> Duration| cpu.map(|cpu| millis(of(&cpu)) * an_order);
    let unit = Unit::CpuMillis;
    figures.tell("services_cpu_ms", "an order: services", unit, cpu(|cpu| cpu.services));
    figures.tell("sqlite_cpu_ms", "an order: SQLite", unit, cpu(|cpu| cpu.sqlite));
    figures.tell("load_cpu_ms", "an order: customers and people", unit, cpu(|cpu| cpu.load));
    let memory = memory.map(mebibytes);
    figures.tell("peak_memory_mib", "peak memory, all in one process", Unit::MiB, memory);
    let bytes = number(bytes) * an_order;
    figures.tell("database_bytes", "an order in the databases", Unit::Bytes, bytes);
    let says = "ceiling: messages into SQLite in batches";
    figures.tell("ceiling_batched_messages_per_second", says, Unit::PerSecond, ceiling);
    let says = "ceiling: commits of a row to SQLite";
    figures.tell("ceiling_commits_per_second", says, Unit::PerSecond, lone);
    let ratio = speed * messages / ceiling;
    figures.tell("ratio_to_batched", "messages to the ceiling in batches", Unit::Ratio, ratio);
    let ratio = speed * transactions / lone;
    figures.tell("ratio_to_commits", "transactions to the ceiling of commits", Unit::Ratio, ratio);
    Ok(progress)
}

impl Plan {
    /// How many orders come before those that are measured.
    pub(super) fn warm_up(&self) -> u32 {
        self.concurrency.max(50)
    }

    /// The part of one order in what all have taken, also those that were not measured.
    pub(super) fn of_an_order(&self) -> f64 {
        1.0 / f64::from(self.orders + self.warm_up())
    }

    pub(super) fn load(
        &self,
        client: Client,
        town: &Town,
        watch: &Arc<Watch>,
        ports: &Ports,
    ) -> Load {
        Load {
            client,
            ports: ports.clone(),
            town: town.clone(),
            watch: Arc::clone(watch),
            actors: self.actors,
            seed: self.seed,
            orders: self.orders,
            concurrency: self.concurrency,
        }
    }

    /// Tells what every profile tells alike.
    pub(super) fn tell(&self, driven: Driven, figures: &mut Figures) -> Told {
        let Driven { done, counts } = driven;
        let speed = rate(u64::from(self.orders), done.time);
        figures.tell("orders_per_second", "orders to their end", Unit::PerSecond, speed);
        let mut delivered: Vec<Duration> = done.took.iter().map(|took| took.delivered).collect();
        let mut placed: Vec<Duration> = done.took.iter().map(|took| took.placed).collect();
        let mut tell = |name, says, of_thousand| {
            let time = percentile(&mut delivered, of_thousand).map(millis);
            figures.tell(name, says, Unit::Millis, time);
        };
        tell("delivered_p50_ms", "placed → delivered, p50", 500);
        tell("delivered_p95_ms", "placed → delivered, p95", 950);
        tell("delivered_p99_ms", "placed → delivered, p99", 990);
        let placed = percentile(&mut placed, 500).map(millis);
        figures.tell("placed_p50_ms", "POST /orders, p50", Unit::Millis, placed);
        let orders = f64::from(self.orders);
        let messages = number(counts.messages) / orders;
        figures.tell("messages", "messages an order", Unit::Count, messages);
        let transactions = number(counts.transactions) / orders;
        figures.tell("transactions", "transactions an order", Unit::Count, transactions);
        Told { speed, messages, transactions }
    }
}

/// What was told of a run.
pub(super) struct Told {
    /// Orders a second.
    pub(super) speed: f64,
    /// Messages an order.
    pub(super) messages: f64,
    /// Transactions an order.
    pub(super) transactions: f64,
}

/// What is counted while orders go through.
pub(super) struct Counts {
    pub(super) messages: u64,
    pub(super) transactions: u64,
}

/// Orders that were driven to their end, and what was counted meanwhile.
pub(super) struct Driven {
    done: Done,
    counts: Counts,
}

/// Drives orders to their end, after some that are not measured.
pub(super) async fn drive(
    load: Load,
    warm_up: u32,
    thread: &LoadThread,
    mut progress: Progress,
    counted: impl AsyncFn() -> Result<Counts, Failure>,
) -> Result<(Progress, Driven), Failure> {
    let first = Load { orders: warm_up, seed: !load.seed, ..load.clone() };
    thread.run(first.run(|| {})).await?.map_err(went_wrong)?;
    let before = counted().await?;
    let work = async move {
        let done = load.run(|| progress.step()).await;
        (progress, done)
    };
    let (progress, done) = thread.run(work).await?;
    let done = done.map_err(went_wrong)?;
    let after = counted().await?;
    let counts = Counts {
        messages: after.messages.saturating_sub(before.messages),
        transactions: after.transactions.saturating_sub(before.transactions),
    };
    Ok((progress, Driven { done, counts }))
}

/// Bytes as it is told.
pub(super) fn mebibytes(bytes: u64) -> f64 {
    number(bytes) / 1_048_576.0
}

/// Opens the town on new databases and closes them; answers how many bytes they take.
async fn furnish(
    data: &Path,
    town: &Town,
    settings: &Settings,
    ports: &Ports,
) -> Result<u64, Failure> {
    let system = System::start(data, anywhere(), settings.clone(), ports.clone()).await?;
    let opened = town.open(&system.client(Duration::from_secs(10))).await;
    system.stop().await;
    opened.map_err(went_wrong)?;
    place::database_bytes(data)
}

fn anywhere() -> std::net::SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// The settings with who decides.
pub(super) fn with(settings: &Settings, actors: Actors) -> Settings {
    let mut settings = settings.clone();
    let auto = actors == Actors::Auto;
    settings.store.auto = auto;
    settings.cook.auto = auto;
    settings.rider.auto = auto;
    settings
}

/// How a command ends that met this.
pub(super) fn went_wrong(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Odd(text) => Failure::No(text),
        Trouble::Down(text) => Failure::Environment(text),
    }
}

/// What looks on while a system runs.
struct Instruments {
    watch: Arc<Watch>,
    commits: Arc<AtomicU64>,
    ports: Ports,
}

impl Fittings for Instruments {
    fn broker(&self, broker: Arc<dyn Broker>) -> Arc<dyn Broker> {
        Arc::new(Watched::new(broker, Arc::clone(&self.watch), self.ports.clone()))
    }

    fn database(&self, _service: ServiceName, database: Arc<dyn Database>) -> Arc<dyn Database> {
        Arc::new(Counted::new(database, Arc::clone(&self.commits)))
    }
}

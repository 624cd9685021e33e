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
    load::{Done, Load, LoadThread},
    options::Actors,
    place,
    town::Town,
    usage::{self, Cpu},
    watched::{Watch, Watched},
};
use crate::{
    exit::Failure,
    people::client::Trouble,
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
    let watch = Arc::new(Watch::new(plan.actors == Actors::Http));
    let commits = Arc::new(AtomicU64::new(0));
    let fittings = Instruments {
        watch: Arc::clone(&watch),
        commits: Arc::clone(&commits),
        ports: ports.clone(),
    };
    let system =
        System::start_fitted(&data, anywhere(), settings, ports.clone(), &fittings).await?;
    let load = Load {
        url: system.url(),
        ports: ports.clone(),
        town,
        watch: Arc::clone(&watch),
        actors: plan.actors,
        seed: plan.seed,
        orders: plan.orders,
        concurrency: plan.concurrency,
    };
    let warm_up = plan.concurrency.max(50);
    let measured = measure(load, warm_up, &watch, &commits, progress).await;
    system.stop().await;
    let (progress, measured) = measured?;

    let all = u64::from(plan.orders);
    let an_order = |count: u64| number(count) / number(all);
    let bytes = place::database_bytes(&data)?.saturating_sub(before);
    let speed = rate(all, measured.done.time);
    figures.tell("orders_per_second", "orders to their end", Unit::PerSecond, speed);
    let mut delivered: Vec<Duration> =
        measured.done.took.iter().map(|took| took.delivered).collect();
    let mut placed: Vec<Duration> = measured.done.took.iter().map(|took| took.placed).collect();
    let mut tell = |name, says, of_thousand| {
        figures.tell(name, says, Unit::Millis, percentile(&mut delivered, of_thousand).map(millis));
    };
    tell("delivered_p50_ms", "placed → delivered, p50", 500);
    tell("delivered_p95_ms", "placed → delivered, p95", 950);
    tell("delivered_p99_ms", "placed → delivered, p99", 990);
    let placed = percentile(&mut placed, 500).map(millis);
    figures.tell("placed_p50_ms", "POST /orders, p50", Unit::Millis, placed);
    let cpu = |of: fn(&Cpu) -> Duration| {
        measured.cpu.map(|cpu| millis(of(&cpu)) / number(all + u64::from(warm_up)))
    };
    let unit = Unit::CpuMillis;
    figures.tell("services_cpu_ms", "an order: services", unit, cpu(|cpu| cpu.services));
    figures.tell("sqlite_cpu_ms", "an order: SQLite", unit, cpu(|cpu| cpu.sqlite));
    figures.tell("load_cpu_ms", "an order: customers and people", unit, cpu(|cpu| cpu.load));
    let memory = measured.memory.map(|bytes| number(bytes) / 1_048_576.0);
    figures.tell("peak_memory_mib", "peak memory, all in one process", Unit::MiB, memory);
    let bytes = number(bytes) / number(all + u64::from(warm_up));
    figures.tell("database_bytes", "an order in the databases", Unit::Bytes, bytes);
    let messages = an_order(measured.messages);
    figures.tell("messages", "messages an order", Unit::Count, messages);
    let transactions = an_order(measured.transactions);
    figures.tell("transactions", "transactions an order", Unit::Count, transactions);
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

struct Measured {
    done: Done,
    cpu: Option<Cpu>,
    memory: Option<u64>,
    messages: u64,
    transactions: u64,
}

async fn measure(
    load: Load,
    warm_up: u32,
    watch: &Watch,
    commits: &AtomicU64,
    mut progress: Progress,
) -> Result<(Progress, Measured), Failure> {
    let thread = LoadThread::start()?;
    // Opens connections too; the processor time that it takes counts with its orders.
    let cpu = Cpu::now();
    let first = Load { orders: warm_up, seed: !load.seed, ..load.clone() };
    thread.run(first.run(|| {})).await?.map_err(went_wrong)?;
    let (published, committed) = (watch.published(), commits.load(Ordering::Relaxed));
    let work = async move {
        let done = load.run(|| progress.step()).await;
        (progress, done)
    };
    let (progress, done) = thread.run(work).await?;
    let done = done.map_err(went_wrong)?;
    let measured = Measured {
        done,
        cpu: Cpu::now().zip(cpu).map(|(now, start)| now.since(start)),
        memory: usage::peak_memory(),
        messages: watch.published() - published,
        transactions: commits.load(Ordering::Relaxed) - committed,
    };
    Ok((progress, measured))
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

fn with(settings: &Settings, actors: Actors) -> Settings {
    let mut settings = settings.clone();
    let auto = actors == Actors::Auto;
    settings.store.auto = auto;
    settings.cook.auto = auto;
    settings.rider.auto = auto;
    settings
}

fn went_wrong(trouble: Trouble) -> Failure {
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

//! All processes on servers, and people who order there while something happens to them.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use expeditor::{
    audit::{self, Knowledge, Report},
    exit::Failure,
    fleet::{self, Access, FleetPlan, Ground, OnServers},
    people::{
        client::Client,
        pace::Closing,
        plan::{Plan, Plans},
        show::{Script, Show, Stage},
    },
    system::Settings,
};
use runtime::ports::Ports;

/// Starts all processes on that ground with the deadlines of the demo, planned otherwise where that
/// is wanted. They are that program; their files are written to that directory.
pub async fn start_fleet(
    program: &str,
    ground: &Arc<Ground>,
    directory: &Path,
    ports: &Ports,
    otherwise: impl FnOnce(&mut FleetPlan),
) -> Result<OnServers, Failure> {
    let (keys, tokens) = fleet::new_keys(directory, ports)?;
    let access = Access { keys: Some(keys), ..ground.prepare().await? };
    let settings = Show::settings(Settings::default());
    let mut plan = FleetPlan::new(directory, access, settings)?;
    plan.program = program.into();
    otherwise(&mut plan);
    Ok(OnServers {
        fleet: plan.start(ports).await?,
        ground: Arc::clone(ground),
        databases: ground.databases().await?,
        tokens: Some(tokens),
        ports: ports.clone(),
    })
}

/// Deadlines long enough that none runs out while somebody else is away.
pub fn long_deadlines(plan: &mut FleetPlan, long: Duration) {
    let deadlines = &mut plan.settings.orchestrator.deadlines;
    deadlines.pay = Some(long);
    deadlines.accept = Some(long);
    deadlines.cook_start = Some(long);
}

/// What the audit says of what is stored there.
pub async fn look(ground: &Ground, known: &Knowledge) -> Result<Report, Failure> {
    let stored = ground.databases().await?;
    let report = audit::audit(&stored, known).await;
    stored.close().await;
    report.map_err(|error| Failure::Environment(error.to_string()))
}

/// People more patient than those of the demo: their patience would end before what is done to
/// their services.
pub struct Patient<'a> {
    /// Where they are.
    pub stage: &'a OnServers,
    /// How long they send a request again that nobody answers.
    pub asking: Duration,
    /// How long they wait for anything else.
    pub for_anything: Duration,
    /// How far ahead an order for later lies.
    pub lead: Duration,
}

/// What people have where nothing is said of it.
const PATIENCE: Duration = Duration::from_secs(60);

impl<'a> Patient<'a> {
    /// With a minute's patience.
    pub fn on(stage: &'a OnServers) -> Self {
        Self { stage, asking: PATIENCE, for_anything: 2 * PATIENCE, lead: stage.lead() }
    }
}

#[async_trait]
impl Stage for Patient<'_> {
    fn client(&self, _patience: Duration) -> Client {
        self.stage.client(self.asking)
    }

    async fn on_their_way(&self) -> Result<u64, Failure> {
        self.stage.on_their_way().await
    }

    fn patience(&self) -> Duration {
        self.for_anything
    }

    fn lead(&self) -> Duration {
        self.lead
    }
}

/// How many order.
pub struct Load {
    /// What decides the plans.
    pub seed: u64,
    /// How many a second.
    pub rate: f64,
    /// The first orders. Those that wait out a deadline are among these alone, so that nobody has to
    /// wait for them in the end.
    pub first: Vec<Plan>,
}

impl Load {
    /// People order until what happens meanwhile has happened, and stay until all their orders have
    /// ended.
    pub async fn during<T>(
        self,
        stage: &OnServers,
        meanwhile: impl Future<Output = T>,
    ) -> (Show, T) {
        let enough = AtomicBool::new(false);
        let mut plans = Plans::new(self.seed);
        let usual = std::iter::repeat_with(|| plans.draw()).filter(|plan| !plan.is_slow());
        let plans = self.first.into_iter().chain(usual);
        let plans = plans.take_while(|_| !enough.load(Ordering::SeqCst));
        // How many there are is not known before.
        let script = Script { orders: 0, rate: self.rate, seed: self.seed };
        let (_open, closing) = Closing::new();
        let patient = Patient::on(stage);
        let play = async {
            let show = Show::play_plans(&patient, plans, &script, closing, || ()).await;
            show.unwrap_or_else(|failure| panic!("{failure}"))
        };
        let meanwhile = async {
            let done = meanwhile.await;
            enough.store(true, Ordering::SeqCst);
            done
        };
        tokio::join!(play, meanwhile)
    }
}

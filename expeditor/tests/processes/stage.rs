//! All processes on a place of the test's own, and people who order there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;

use expeditor::{
    audit::{self, Databases, Knowledge, Report},
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

use crate::place::Place;

/// Databases and queues of the test's own.
pub(crate) fn ground(place: &Place) -> Arc<Ground> {
    let ground = Ground::new(&place.database_url, &place.amqp_url, None, &place.ports).unwrap();
    place.owns(ground.prefix());
    Arc::new(ground)
}

/// Starts all processes, with the deadlines of the demo.
pub(crate) async fn start(
    place: &Place,
    ground: &Arc<Ground>,
    directory: &std::path::Path,
) -> OnServers {
    start_with(place, ground, directory, |_| ()).await
}

/// The same, planned otherwise.
pub(crate) async fn start_with(
    place: &Place,
    ground: &Arc<Ground>,
    directory: &std::path::Path,
    otherwise: impl FnOnce(&mut FleetPlan),
) -> OnServers {
    let (keys, tokens) = fleet::new_keys(directory, &place.ports).unwrap();
    let access = Access { keys: Some(keys), ..ground.prepare().await.unwrap() };
    let settings = Show::settings(Settings::default());
    let mut plan = FleetPlan::new(directory, access, settings).unwrap();
    plan.program = env!("CARGO_BIN_EXE_expeditor").into();
    otherwise(&mut plan);
    OnServers {
        fleet: plan.start(&place.ports).await.unwrap(),
        ground: Arc::clone(ground),
        databases: ground.databases().await.unwrap(),
        tokens: Some(tokens),
        ports: place.ports.clone(),
    }
}

/// Deadlines long enough that none runs out while somebody else is away.
pub(crate) fn long_deadlines(plan: &mut FleetPlan, long: Duration) {
    let deadlines = &mut plan.settings.orchestrator.deadlines;
    deadlines.pay = Some(long);
    deadlines.accept = Some(long);
    deadlines.cook_start = Some(long);
}

/// The people's own patience would end before what these tests do to their services.
struct Patient<'a>(&'a OnServers);

const PATIENCE: Duration = Duration::from_secs(60);

#[async_trait]
impl Stage for Patient<'_> {
    fn client(&self, _patience: Duration) -> Client {
        self.0.client(PATIENCE)
    }

    async fn on_their_way(&self) -> Result<u64, Failure> {
        self.0.on_their_way().await
    }

    fn patience(&self) -> Duration {
        2 * PATIENCE
    }
}

/// How many order.
pub(crate) struct Load {
    pub(crate) seed: u64,
    /// How many a second.
    pub(crate) rate: f64,
    /// The first orders. Those that wait out a deadline are among these alone, so that nobody has to
    /// wait for them in the end.
    pub(crate) first: Vec<Plan>,
}

impl Load {
    /// People order until what happens meanwhile has happened, and stay until all their orders have
    /// ended.
    pub(crate) async fn during<T>(
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
        let patient = Patient(stage);
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

/// Ends all processes; then every order must have ended as planned, and the audit must hold.
pub(crate) async fn end_well(stage: OnServers, show: &Show) {
    stage.fleet.stop_all().await.unwrap();
    stage.databases.close().await;
    assert_eq!(show.complaints, Vec::<String>::new());
    assert_holds(&look(&stage.ground, &show.knowledge()).await, "after all that");
}

/// What the audit says.
pub(crate) async fn look(ground: &Ground, known: &Knowledge) -> Report {
    let stored: Databases = ground.databases().await.unwrap();
    let report = audit::audit(&stored, known).await.unwrap();
    stored.close().await;
    report
}

pub(crate) fn assert_holds(report: &Report, when: &str) {
    let offenders: Vec<_> =
        report.findings().filter_map(|finding| finding.first_offender.as_ref()).collect();
    assert!(report.holds(), "{when}: {offenders:#?}");
}

//! One run: people order until enough has gone wrong, all is healed and comes to rest, and then it
//! is looked at.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use expeditor::{
    exit::Failure,
    people::{
        pace::Closing,
        plan::{Ending, Plan, Plans},
        show::{Script, Show},
    },
};
use futures_util::future::try_join_all;
use runtime::ports::Ports;
use testkit::fleet::{Patient, look};

use crate::{Least, Report, inflict::Inflictor, plan::Lane, report::Tally, stand::Stand};

/// How many order a second at most. A machine that cannot do so many gets them as it can: only so
/// many orders are open at a time.
const RATE: f64 = 40.0;
/// How long a request is repeated that nobody answers.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long anything else is waited for, beside all the time in which things go wrong.
const WAITS: Duration = Duration::from_secs(900);
/// How many orders at most wait out a deadline. It does not run while nothing is heard, and begins anew
/// after that: so these end when no more goes wrong, and until then their customers keep looking.
const SILENT: u64 = 2 * Least::TIMED_OUT;
/// How far ahead an order for later lies: what its customer does before its time must not be late
/// for what goes wrong meanwhile.
const LEAD: Duration = Duration::from_secs(40);
/// Orders that wait out a deadline, or for their time, are not placed in the last part, so that
/// nobody has to wait for them alone: so many of a hundred are placed before it.
const WITH_SLOW: u64 = 65;

/// Every so many orders it is said how many there are.
const TOLD: u64 = 500;

/// How much is to happen.
#[derive(Clone, Debug)]
pub struct Extent {
    /// It ends not before all rounds are played that are enough, and so many orders were placed…
    pub orders: Option<u64>,
    /// …or else not before so long has gone by.
    pub time: Duration,
    /// What must have happened.
    pub least: Least,
}

impl Extent {
    /// That of the suite.
    pub fn of_suite() -> Self {
        let least = Least::of_suite();
        Self { orders: Some(least.orders), time: Duration::ZERO, least }
    }

    /// So long, whatever can happen in that time.
    pub fn lasting(time: Duration) -> Self {
        Self { orders: None, time, least: Least::of_any() }
    }
}

/// How far it has come.
struct Progress<'a> {
    extent: &'a Extent,
    ports: &'a Ports,
    start: Duration,
    placed: Cell<u64>,
    silent: Cell<u64>,
    ended: Cell<u64>,
    lanes_done: Cell<bool>,
}

impl Progress<'_> {
    fn took(&self) -> Duration {
        self.ports.clock.elapsed().saturating_sub(self.start)
    }

    fn lane_is_done(&self, lane: &Lane) -> bool {
        match self.extent.orders {
            Some(_) => lane.rounds() >= lane.enough(),
            None => self.took() >= self.extent.time,
        }
    }

    fn is_enough(&self) -> bool {
        self.lanes_done.get() && self.extent.orders.is_none_or(|orders| self.placed.get() >= orders)
    }

    /// Not the payment that is slow: for as long as its deadline is put off, the gateway comes first.
    fn may_come(&self, plan: Plan) -> bool {
        if plan == Plan::SlowPayment || (plan.is_slow() && self.is_late()) {
            return false;
        }
        let silent = plan.ending() == Ending::TimedOut;
        if silent && self.silent.get() >= SILENT {
            return false;
        }
        self.silent.set(self.silent.get() + u64::from(silent));
        true
    }

    fn is_late(&self) -> bool {
        match self.extent.orders {
            Some(orders) => self.placed.get() >= orders * WITH_SLOW / 100,
            None => self.took() * 100 >= self.extent.time * u32::try_from(WITH_SLOW).unwrap_or(100),
        }
    }
}

/// Runs it: `program` is what services and relays are. Says through `say` what goes wrong. Fails
/// where it could not be run to its end; what was found wrong is in the report.
pub async fn run(
    extent: &Extent,
    seed: u64,
    program: &str,
    say: &dyn Fn(&str),
) -> Result<Report, Failure> {
    let ports = Ports::system();
    let stand = Stand::start(program, &ports).await?;
    say(&format!("seed {seed}, logs in {}", stand.directory.path().display()));
    let progress = Progress {
        extent,
        ports: &ports,
        start: ports.clock.elapsed(),
        placed: Cell::new(0),
        silent: Cell::new(0),
        ended: Cell::new(0),
        lanes_done: Cell::new(false),
    };
    let played = play(&stand, &progress, seed, say).await;
    let judged = match played {
        Ok((show, tally)) => judge(&stand, &progress, seed, show, tally).await,
        Err(failure) => Err(failure),
    };
    let well = judged.as_ref().is_ok_and(|report| report.wrong.is_empty());
    if !well {
        let Stand { stage, directory, .. } = stand;
        drop(stage);
        say(&format!("logs are kept in {}", directory.keep().display()));
    }
    judged
}

async fn play(
    stand: &Stand,
    progress: &Progress<'_>,
    seed: u64,
    say: &dyn Fn(&str),
) -> Result<(Show, Tally), Failure> {
    let tally = RefCell::new(Tally::default());
    let inflictor = Inflictor { stand, ended: &progress.ended };
    let lanes = Lane::all(seed, &stand.names()).into_iter().map(async |mut lane| {
        while !progress.lane_is_done(&lane) {
            let Some(planned) = lane.next() else { break };
            progress.ports.clock.sleep(planned.pause).await;
            let seen = inflictor.inflict(&planned.fault).await?;
            let (at, ended) = (progress.took().as_secs_f64(), progress.ended.get());
            let (back, on) = (seen.back.as_secs_f64(), seen.went_on.as_secs_f64());
            say(&format!(
                "{at:6.1} s, {ended:5} ended: {} (worked again after {back:.1} s, an order ended after {on:.1} s)",
                planned.fault
            ));
            tally.borrow_mut().count(&planned.fault, seen);
        }
        Ok::<_, Failure>(())
    });
    let lanes = async {
        try_join_all(lanes).await?;
        progress.lanes_done.set(true);
        say(&format!("{:6.1} s: nothing more goes wrong", progress.took().as_secs_f64()));
        Ok(())
    };
    let mut plans = Plans::new(seed);
    let plans = std::iter::repeat_with(|| plans.draw())
        .filter(|plan| progress.may_come(*plan))
        .take_while(|_| !progress.is_enough())
        .inspect(|_| progress.placed.set(progress.placed.get() + 1));
    let script = Script { orders: 0, rate: RATE, seed };
    let (_open, closing) = Closing::new();
    let for_anything = WAITS + progress.extent.time;
    let people = Patient { stage: &stand.stage, asking: PATIENCE, for_anything, lead: LEAD };
    let step = || {
        progress.ended.set(progress.ended.get() + 1);
        if progress.ended.get().is_multiple_of(TOLD) {
            let at = progress.took().as_secs_f64();
            say(&format!("{at:6.1} s, {:5} ended", progress.ended.get()));
        }
    };
    let show = Show::play_plans(&people, plans, &script, closing, step);
    let (show, ()) = tokio::try_join!(show, lanes)?;
    Ok((show, tally.into_inner()))
}

/// Ends the processes and looks at what they have left.
async fn judge(
    stand: &Stand,
    progress: &Progress<'_>,
    seed: u64,
    show: Show,
    tally: Tally,
) -> Result<Report, Failure> {
    let took = progress.took();
    for name in stand.names() {
        stand.stage.fleet.check(&name)?;
    }
    stand.stage.fleet.stop_all().await?;
    stand.stage.databases.close().await;
    let audit = look(&stand.stage.ground, &show.knowledge()).await?;
    Ok(Report::new(seed, took, show, tally, audit, &progress.extent.least))
}

//! `demo --chaos`: while people order, one process after another is killed as a crash would, and
//! started again at once. Told is what died, how soon it worked again, and when orders went on.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use runtime::ports::Ports;

use crate::{
    exit::Failure,
    fleet::{Fleet, Toll},
    people::{
        pace::Closing,
        show::{Script, Show, Stage},
    },
    progress::Progress,
    system::Settings,
};

/// How long everything is left alone before the next one dies.
const CALM: Duration = Duration::from_secs(1);
/// How long until it is looked again whether orders go on: nobody tells of it.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// What people are given to act, so that nobody is late because somebody else was dead.
const DEADLINE: Duration = Duration::from_secs(15);

/// The settings for it.
pub(super) fn settings(mut settings: Settings) -> Settings {
    let deadlines = &mut settings.orchestrator.deadlines;
    for deadline in [&mut deadlines.accept, &mut deadlines.cook_start, &mut deadlines.assign] {
        *deadline = Some(DEADLINE);
    }
    settings
}

/// Plays the script, and kills meanwhile where that is wanted. Fails at once when a process ends by
/// itself.
pub(super) async fn play(
    stage: &dyn Stage,
    fleet: &Fleet,
    script: &Script,
    closing: Closing,
    chaos: bool,
    ports: &Ports,
) -> Result<(Show, Toll), Failure> {
    let progress = RefCell::new(Progress::new(u64::from(script.orders)));
    let ended = Cell::new(0);
    let step = || {
        ended.set(ended.get() + 1);
        progress.borrow_mut().step();
    };
    let say = |line: &str| progress.borrow().tell(line);
    let killer = Killer { fleet, ports, orders: script.orders, ended: &ended, say: &say };
    let killing = async { if chaos { killer.run(script.seed).await } else { Ok(Toll::default()) } };
    let played = tokio::select! {
        played = async { tokio::try_join!(Show::play(stage, script, closing, step), killing) } => played,
        fallen = fleet.fallen() => Err(fallen),
    };
    progress.borrow().end();
    played
}

struct Killer<'a> {
    fleet: &'a Fleet,
    ports: &'a Ports,
    orders: u32,
    /// How many of them have ended.
    ended: &'a Cell<u32>,
    say: &'a dyn Fn(&str),
}

impl Killer<'_> {
    /// Kills each in turn, in an order that the seed decides, until all orders have ended.
    async fn run(&self, seed: u64) -> Result<Toll, Failure> {
        let mut toll = Toll::default();
        let mut names: Vec<String> =
            self.fleet.members().into_iter().map(|member| member.name).collect();
        fastrand::Rng::with_seed(seed).shuffle(&mut names);
        for name in names.iter().cycle() {
            self.ports.clock.sleep(CALM).await;
            if self.all_have_ended() {
                break;
            }
            let (back, went_on) = self.kill(name).await?;
            (self.say)(&told(name, back, went_on));
            toll.count(name, back, went_on);
        }
        if toll.is_empty() {
            let why = "all orders had ended before anything was killed: more are wanted (--orders)";
            return Err(Failure::No(why.to_owned()));
        }
        Ok(toll)
    }

    /// Answers after what time it was back, and after what time an order ended thereafter.
    async fn kill(&self, name: &str) -> Result<(Duration, Option<Duration>), Failure> {
        let start = self.ports.clock.elapsed();
        let since = || self.ports.clock.elapsed().saturating_sub(start);
        self.fleet.kill(name)?;
        self.fleet.launch(name).await?;
        let (back, before) = (since(), self.ended.get());
        while self.ended.get() == before {
            if self.all_have_ended() {
                return Ok((back, None));
            }
            self.ports.clock.sleep(LOOK_AGAIN).await;
        }
        Ok((back, Some(since())))
    }

    fn all_have_ended(&self) -> bool {
        self.ended.get() >= self.orders
    }
}

fn told(name: &str, back: Duration, went_on: Option<Duration>) -> String {
    let back = back.as_secs_f64();
    let next = match went_on {
        Some(time) => format!("the next order ended {:.2} s after the kill", time.as_secs_f64()),
        None => "no order was left to go on".to_owned(),
    };
    format!("killed {name}: it worked again after {back:.2} s, {next}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_is_told_with_what_came_after() {
        let (back, after) = (Duration::from_millis(820), Duration::from_millis(1_054));
        assert_eq!(
            told("cook-1", back, Some(after)),
            "killed cook-1: it worked again after 0.82 s, the next order ended 1.05 s after the kill"
        );
        assert!(told("cook-1", back, None).ends_with("no order was left to go on"));
    }

    #[tokio::test]
    async fn a_run_in_which_nothing_dies_is_a_no() {
        let (ports, dir) = (Ports::system(), tempfile::tempdir().unwrap());
        let fleet = Fleet::start("/none", dir.path(), [], &ports).await.unwrap();
        let (ended, say) = (Cell::new(0), |_: &str| ());
        let killer = Killer { fleet: &fleet, ports: &ports, orders: 0, ended: &ended, say: &say };
        let failure = killer.run(1).await.unwrap_err();
        assert_eq!(failure.status(), 1);
        assert!(failure.to_string().contains("--orders"), "{failure}");
    }
}

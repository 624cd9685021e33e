//! What goes wrong, and when, drawn from a seed: three lanes of faults, each one after another, that
//! overlap with those of the other lanes as it happens.

use std::{fmt, ops::Range, time::Duration};

use fastrand::Rng;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A service or a relay is killed.
    ProcessKilled,
    /// PostgreSQL is killed.
    DatabaseKilled,
    /// RabbitMQ is killed.
    BrokerKilled,
    /// A service or a relay is stopped, and goes on after its leases have run out.
    ProcessHeld,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::ProcessKilled, Self::DatabaseKilled, Self::BrokerKilled, Self::ProcessHeld];

    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProcessKilled => "process killed",
            Self::DatabaseKilled => "database killed",
            Self::BrokerKilled => "broker killed",
            Self::ProcessHeld => "process held",
        }
    }
}

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// That process is killed with SIGKILL, and started again after so long.
    KillProcess(String, Duration),
    /// The same of PostgreSQL.
    KillDatabase(Duration),
    /// The same of RabbitMQ.
    KillBroker(Duration),
    /// That process is stopped with SIGSTOP, and goes on after so long.
    Hold(String, Duration),
}

impl Fault {
    /// As what it is counted.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::KillProcess(..) => Kind::ProcessKilled,
            Self::KillDatabase(_) => Kind::DatabaseKilled,
            Self::KillBroker(_) => Kind::BrokerKilled,
            Self::Hold(..) => Kind::ProcessHeld,
        }
    }

    /// Whom it happens to.
    pub fn whom(&self) -> &str {
        match self {
            Self::KillProcess(name, _) | Self::Hold(name, _) => name,
            Self::KillDatabase(_) => "PostgreSQL",
            Self::KillBroker(_) => "RabbitMQ",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whom = self.whom();
        match self {
            Self::KillProcess(_, away) | Self::KillDatabase(away) | Self::KillBroker(away) => {
                write!(f, "{whom} is killed and away for {away:?}")
            }
            Self::Hold(_, long) => write!(f, "{whom} is held for {long:?}"),
        }
    }
}

/// A fault with how long nothing of its lane happens before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// How long.
    pub pause: Duration,
    /// What.
    pub fault: Fault,
}

/// Longer than the lease of a relay, which is 15 s, and than a broker waits for a heartbeat.
const HELD: Range<u64> = 16_000..18_000;
/// Whom a round of the lane of stopped processes takes. A relay's share is taken over, the second
/// orchestrator goes on, a participant is waited for.
const HOLDABLE: [&[&str]; 3] = [
    &["relay-1", "relay-2"],
    &["orchestrator-1", "orchestrator-2"],
    &["payment-1", "store-1", "cook-1", "rider-1"],
];

/// Faults one after another, without end, in rounds: in each round the same ones in another order.
#[derive(Clone, Debug)]
pub struct Lane {
    rng: Rng,
    what: What,
    /// What is left of this round.
    round: Vec<Fault>,
    rounds: u64,
}

#[derive(Clone, Debug)]
enum What {
    /// Each process of these is killed once a round.
    Processes(Vec<String>),
    /// PostgreSQL is killed ten times a round, RabbitMQ three times.
    Servers,
    /// One of each kind of process is stopped once a round.
    Holds,
}

impl Lane {
    /// The lanes of a seed: the deaths of these processes, those of servers, processes that are held.
    pub fn all(seed: u64, processes: &[String]) -> Vec<Self> {
        let mut rng = Rng::with_seed(seed);
        let whats = [What::Processes(processes.to_owned()), What::Servers, What::Holds];
        let lane = |what| Self { rng: rng.fork(), what, round: Vec::new(), rounds: 0 };
        whats.map(lane).into()
    }

    /// How many rounds it has to play to have been played enough.
    pub fn enough(&self) -> u64 {
        match self.what {
            What::Processes(_) => 6,
            What::Servers | What::Holds => 1,
        }
    }

    /// How many rounds have been drawn to their ends.
    pub fn rounds(&self) -> u64 {
        if self.round.is_empty() { self.rounds } else { self.rounds - 1 }
    }

    fn draw_round(&mut self) {
        let rng = &mut self.rng;
        let mut round: Vec<Fault> = match &self.what {
            What::Processes(names) => {
                let kill = |name: &String| {
                    Fault::KillProcess(name.clone(), Duration::from_millis(rng.u64(0..1_500)))
                };
                names.iter().map(kill).collect()
            }
            What::Servers => {
                let mut away = |most| Duration::from_millis(rng.u64(0..most));
                let databases: Vec<_> = (0..10).map(|_| Fault::KillDatabase(away(3_000))).collect();
                let brokers = (0..3).map(|_| Fault::KillBroker(away(4_000)));
                databases.into_iter().chain(brokers).collect()
            }
            What::Holds => {
                let hold = |names: &[&str]| {
                    let name = names[rng.usize(0..names.len())].to_owned();
                    Fault::Hold(name, Duration::from_millis(rng.u64(HELD)))
                };
                HOLDABLE.into_iter().map(hold).collect()
            }
        };
        self.rng.shuffle(&mut round);
        self.round = round;
        self.rounds += 1;
    }
}

impl Iterator for Lane {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        if self.round.is_empty() {
            self.draw_round();
        }
        let pause = match self.what {
            What::Processes(_) => 100..1_200,
            What::Servers => 1_000..6_000,
            What::Holds => 5_000..15_000,
        };
        let pause = Duration::from_millis(self.rng.u64(pause));
        Some(Planned { pause, fault: self.round.pop()? })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn names() -> Vec<String> {
        ["cook-1", "relay-1", "relay-2"].map(str::to_owned).into()
    }

    fn first_rounds(seed: u64) -> Vec<Vec<Planned>> {
        let draw = |mut lane: Lane| {
            let mut drawn = Vec::new();
            while lane.rounds() < lane.enough() {
                drawn.extend(lane.next());
            }
            drawn
        };
        Lane::all(seed, &names()).into_iter().map(draw).collect()
    }

    #[test]
    fn the_same_seed_plans_the_same_and_another_one_does_not() {
        assert_eq!(first_rounds(7), first_rounds(7));
        for (one, other) in first_rounds(7).iter().zip(first_rounds(8)) {
            assert_ne!(*one, other);
        }
    }

    #[test]
    fn enough_rounds_have_enough_of_everything() {
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        for planned in first_rounds(1).concat() {
            *counts.entry(planned.fault.kind()).or_default() += 1;
        }
        let expected = [
            (Kind::ProcessKilled, 18),
            (Kind::DatabaseKilled, 10),
            (Kind::BrokerKilled, 3),
            (Kind::ProcessHeld, 3),
        ];
        assert_eq!(counts, expected.into());
    }
}

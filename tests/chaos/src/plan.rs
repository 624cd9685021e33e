//! What goes wrong, and when, drawn from a seed: lanes of faults, each one after another, that
//! overlap with those of the other lanes as it happens.

use std::{fmt, ops::Range, time::Duration};

use fastrand::Rng;
use testkit::proxy::{Side, Trouble, Wire};

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
    /// A connection is cut before a COMMIT reaches the database.
    CommitCutOff,
    /// A connection is cut after the database has committed, before its answer is heard.
    CommitUnheard,
    /// A confirm of the broker does not arrive.
    ConfirmLost,
    /// An acknowledgement does not arrive at the broker, and then the connection is cut.
    AckLost,
    /// Connections stay open, but what one side says does not arrive any more.
    HalfOpen,
    /// The broker takes nothing more, as it says that it lacks memory or disk.
    BrokerFull,
    /// All that waited in a queue of commands is gone.
    QueuePurged,
    /// A process's wall clock goes ahead, and back again.
    ClockMoved,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::ProcessKilled,
        Self::DatabaseKilled,
        Self::BrokerKilled,
        Self::ProcessHeld,
        Self::CommitCutOff,
        Self::CommitUnheard,
        Self::ConfirmLost,
        Self::AckLost,
        Self::HalfOpen,
        Self::BrokerFull,
        Self::QueuePurged,
        Self::ClockMoved,
    ];

    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProcessKilled => "process killed",
            Self::DatabaseKilled => "database killed",
            Self::BrokerKilled => "broker killed",
            Self::ProcessHeld => "process held",
            Self::CommitCutOff => "commit cut off",
            Self::CommitUnheard => "commit unheard",
            Self::ConfirmLost => "confirm lost",
            Self::AckLost => "ack lost",
            Self::HalfOpen => "half-open",
            Self::BrokerFull => "broker full",
            Self::QueuePurged => "queue purged",
            Self::ClockMoved => "clock moved",
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
    /// That happens to the next chance between these processes and their server.
    Lose(String, Trouble),
    /// Of the connections that these processes have, what that side says is swallowed for so long;
    /// then those that are left are cut.
    HalfOpen(String, Wire, Side, Duration),
    /// RabbitMQ says for so long that it lacks that.
    Lack(Resource, Duration),
    /// That service is killed, all commands that then wait for it are lost, and it is started.
    Purge(String),
    /// That process is killed and started with a clock that is ahead by the first, and after the
    /// second the other way round.
    Clock(String, Duration, Duration),
}

/// What a broker can lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// It has taken more memory than it may.
    Memory,
    /// Less of its disk is free than must be.
    Disk,
}

impl Fault {
    /// As what it is counted.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::KillProcess(..) => Kind::ProcessKilled,
            Self::KillDatabase(_) => Kind::DatabaseKilled,
            Self::KillBroker(_) => Kind::BrokerKilled,
            Self::Hold(..) => Kind::ProcessHeld,
            Self::Lose(_, Trouble::CutBeforeCommit) => Kind::CommitCutOff,
            Self::Lose(_, Trouble::CutAfterCommit) => Kind::CommitUnheard,
            Self::Lose(_, Trouble::LoseConfirm) => Kind::ConfirmLost,
            Self::Lose(_, Trouble::LoseAck) => Kind::AckLost,
            Self::HalfOpen(..) => Kind::HalfOpen,
            Self::Lack(..) => Kind::BrokerFull,
            Self::Purge(_) => Kind::QueuePurged,
            Self::Clock(..) => Kind::ClockMoved,
        }
    }

    /// Whom it happens to.
    pub fn whom(&self) -> &str {
        match self {
            Self::KillProcess(name, _)
            | Self::Hold(name, _)
            | Self::Lose(name, _)
            | Self::HalfOpen(name, ..)
            | Self::Purge(name)
            | Self::Clock(name, ..) => name,
            Self::KillDatabase(_) => "PostgreSQL",
            Self::KillBroker(_) | Self::Lack(..) => "RabbitMQ",
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
            Self::Lose(_, trouble) => write!(f, "{whom}: {trouble:?}"),
            Self::HalfOpen(_, wire, side, long) => {
                write!(f, "{whom}: of {wire:?}, the {side:?} is not heard for {long:?}")
            }
            Self::Lack(what, long) => write!(f, "{whom} lacks {what:?} for {long:?}"),
            Self::Purge(_) => write!(f, "{whom}'s queue of commands is purged"),
            Self::Clock(_, ahead, long) => {
                write!(f, "{whom}'s clock is ahead by {ahead:?} for {long:?}")
            }
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

/// What all replicas of a service, or all relays, are called together.
const RELAY: &str = "relay";
const SERVICES: [&str; 7] =
    ["orchestrator", "payment", "store", "cook", "rider", "mypage", "notification"];
/// Longer than an answer of the database is waited for, and than heartbeats of the broker.
const UNHEARD: Range<u64> = 16_000..22_000;

/// A clock that goes back by more than 5 s takes tokens for such of the future, one that is ahead by
/// more than two minutes takes them for old.
const AHEAD: Range<u64> = 20_000..100_000;

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
    /// Something of what each service says to its servers, and they to it, is lost once a round.
    Wires,
    /// What a machine does once a round: memory and disk run out, a queue is emptied, clocks move.
    Machines,
}

impl Lane {
    /// The lanes of a seed: two of the deaths of these processes, so that several are dead at a time,
    /// the deaths of servers, processes that are held, connections that fail, machines that do.
    pub fn all(seed: u64, processes: &[String]) -> Vec<Self> {
        let mut rng = Rng::with_seed(seed);
        let processes = What::Processes(processes.to_owned());
        let whats =
            [processes.clone(), processes, What::Servers, What::Holds, What::Wires, What::Machines];
        let lane = |what| Self { rng: rng.fork(), what, round: Vec::new(), rounds: 0 };
        whats.map(lane).into()
    }

    /// How many rounds it has to play to have been played enough.
    pub fn enough(&self) -> u64 {
        match self.what {
            What::Processes(_) => 3,
            What::Servers | What::Holds | What::Wires | What::Machines => 1,
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
            What::Wires => wires(rng),
            What::Machines => machines(rng),
        };
        self.rng.shuffle(&mut round);
        self.round = round;
        self.rounds += 1;
    }
}

/// Every service commits unheard once.
fn wires(rng: &mut Rng) -> Vec<Fault> {
    let lose = |whom: &str, trouble| Fault::Lose(whom.to_owned(), trouble);
    let unheard = SERVICES.map(|service| lose(service, Trouble::CutAfterCommit));
    let mut some = SERVICES;
    rng.shuffle(&mut some);
    let cut_off = some[..3].iter().map(|service| lose(service, Trouble::CutBeforeCommit));
    let acks = some[3..6].iter().map(|service| lose(service, Trouble::LoseAck));
    let confirms = [lose(RELAY, Trouble::LoseConfirm), lose(RELAY, Trouble::LoseConfirm)];
    let open = [
        (some[0], Wire::Postgres, Side::Server),
        (some[1], Wire::Amqp, Side::Server),
        (RELAY, Wire::Amqp, Side::Client),
    ];
    let open: Vec<Fault> = open
        .into_iter()
        .map(|(whom, wire, side)| {
            let long = Duration::from_millis(rng.u64(UNHEARD));
            Fault::HalfOpen(whom.to_owned(), wire, side, long)
        })
        .collect();
    unheard.into_iter().chain(cut_off).chain(acks).chain(confirms).chain(open).collect()
}

/// Only the payment's commands are purged: it answers each by itself, so that each is sent again until
/// it is answered. What a person is asked for is sent again as well, but ever more seldom; an event
/// that is lost nobody would tell again.
fn machines(rng: &mut Rng) -> Vec<Fault> {
    let mut millis = |range: Range<u64>| Duration::from_millis(rng.u64(range));
    let mut faults: Vec<Fault> = [Resource::Memory, Resource::Disk]
        .map(|what| Fault::Lack(what, millis(1_000..8_000)))
        .into();
    let clocks = [AHEAD, AHEAD].map(|ahead| (millis(ahead), millis(2_000..6_000)));
    let whom = ["store-1", "cook-1", "rider-1", "mypage-1", "notification-1", "relay-1"];
    faults.extend(
        clocks.map(|(ahead, long)| {
            Fault::Clock(whom[rng.usize(0..whom.len())].to_owned(), ahead, long)
        }),
    );
    faults.push(Fault::Purge("payment-1".to_owned()));
    faults
}

impl Iterator for Lane {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        if self.round.is_empty() {
            self.draw_round();
        }
        let pause = match self.what {
            What::Processes(_) => 100..1_200,
            What::Servers => 300..3_000,
            What::Wires => 300..2_500,
            What::Holds | What::Machines => 1_000..6_000,
        };
        let pause = Duration::from_millis(self.rng.u64(pause));
        Some(Planned { pause, fault: self.round.pop()? })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Least;

    fn names() -> Vec<String> {
        let replicas = ["orchestrator-2", "relay-1", "relay-2"].map(str::to_owned);
        SERVICES.into_iter().map(|service| format!("{service}-1")).chain(replicas).collect()
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
    fn enough_rounds_have_what_a_run_of_the_suite_must_have_had() {
        let mut counts: BTreeMap<Kind, u64> = BTreeMap::new();
        for planned in first_rounds(1).concat() {
            *counts.entry(planned.fault.kind()).or_default() += 1;
        }
        assert_eq!(counts, Least::of_suite().faults);
    }
}

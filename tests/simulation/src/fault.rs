//! What goes wrong at a time that is planned. What goes wrong by chance on the way is the
//! [`Weather`](crate::weather::Weather)'s.

use std::{fmt, time::Duration};

use contracts::ServiceName;
use runtime::db::memory::Fault as CommitFault;

use crate::{chance::Chance, points::Point};

/// Something that goes wrong, planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its number, by which it is left out.
    pub number: u32,
    /// When.
    pub at: Duration,
    /// What.
    pub fault: Fault,
}

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// With that commit from now, counted from 1.
    Commit(ServiceName, u64, CommitFault),
    /// The process ends where it passes that point so often from now.
    At(ServiceName, Point, u64),
    /// The process ends at once, and is away for so long.
    Kill(ServiceName, Duration),
    /// The process is held for so long.
    Pause(ServiceName, Duration),
    /// Its clock is wrong by so many milliseconds from now on.
    Skew(ServiceName, i64),
    /// Each commit takes up to so many milliseconds, for so long.
    Slow(ServiceName, u64, Duration),
    /// Its messages are those of a later version of their schemas from now on.
    Newer(ServiceName),
    /// The broker is away for so long.
    BrokerAway(Duration),
}

/// How many are planned.
const FAULTS: std::ops::Range<u32> = 5..10;

/// Those of a run.
pub(crate) fn draw(chance: &Chance) -> Vec<Planned> {
    let number = chance.number(FAULTS);
    let draw = |number| {
        let at = chance.millis(200..8_000);
        Planned { number, at, fault: Fault::draw(chance) }
    };
    (0..number).map(draw).collect()
}

impl Fault {
    fn draw(chance: &Chance) -> Self {
        let service = chance.one_of(&ServiceName::ALL);
        match chance.below(13) {
            0..=3 => Self::Commit(service, 1 + chance.below(4), chance.one_of(&CommitFault::ALL)),
            4..=6 => Self::At(service, chance.one_of(&Point::ALL), 1 + chance.below(4)),
            7 => Self::Kill(service, chance.millis(10..12_000)),
            8 => Self::Pause(service, chance.millis(10..6_000)),
            9 => Self::Skew(service, i64::from(chance.number(0..20_000)) - 10_000),
            10 => Self::Slow(service, 100 + chance.below(900), chance.millis(1_000..6_000)),
            11 => Self::Newer(service),
            _ => Self::BrokerAway(chance.millis(100..6_000)),
        }
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {:?} on, ", self.at)?;
        match &self.fault {
            Fault::Commit(service, nth, fault) => {
                write!(f, "{fault:?} with {service}'s commit {nth}")
            }
            Fault::At(service, point, nth) => write!(f, "{} {nth} of {service}", point.name()),
            Fault::Kill(service, away) => write!(f, "{service} is killed and away for {away:?}"),
            Fault::Pause(service, held) => write!(f, "{service} is held for {held:?}"),
            Fault::Skew(service, millis) => write!(f, "{service}'s clock is off by {millis} ms"),
            Fault::Slow(service, millis, long) => {
                write!(f, "{service}'s commits take up to {millis} ms for {long:?}")
            }
            Fault::Newer(service) => write!(f, "{service}'s messages are of a later version"),
            Fault::BrokerAway(away) => write!(f, "the broker is away for {away:?}"),
        }
    }
}

//! The parts of a scenario that can be left out, by names that a command line takes.

use std::{fmt, str::FromStr};

use crate::{Scenario, weather::Weather};

/// A part of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A fault that is planned, by its number.
    Fault(u32),
    /// An order, by its number.
    Order(u32),
    /// That its customer cancels.
    Cancel(u32),
    /// That its customer changes it.
    Change(u32),
    /// That it is for later.
    Later(u32),
    /// Something about the weather.
    Weather(Trouble),
}

/// Something about the weather.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// Some messages come late.
    Late,
    /// Some messages come twice.
    Twice,
    /// Some publications are not taken.
    Untaken,
    /// Some confirms are not heard.
    Unheard,
    /// Messages take time.
    Slow,
    /// Commits take time.
    Commits,
    /// The broker keeps what is published.
    Stored,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Late,
        Self::Twice,
        Self::Untaken,
        Self::Unheard,
        Self::Slow,
        Self::Commits,
        Self::Stored,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Twice => "twice",
            Self::Untaken => "untaken",
            Self::Unheard => "unheard",
            Self::Slow => "slow",
            Self::Commits => "commits",
            Self::Stored => "stored",
        }
    }

    fn leave(self, weather: &mut Weather) {
        match self {
            Self::Late => weather.late = 0,
            Self::Twice => weather.twice = 0,
            Self::Untaken => weather.untaken = 0,
            Self::Unheard => weather.unheard = 0,
            Self::Slow => weather.usual = 0,
            Self::Commits => weather.commit = 0,
            Self::Stored => weather.stored = false,
        }
    }
}

impl Scenario {
    /// Every part that can be left out, those first without which most is gone.
    pub fn parts(&self) -> Vec<Part> {
        let faults = self.faults.iter().map(|it| Part::Fault(it.number));
        let troubles = Trouble::ALL.into_iter().map(Part::Weather);
        let orders = self.orders.iter().map(|it| Part::Order(it.number));
        let wishes = self.orders.iter().flat_map(|it| {
            let number = it.number;
            let cancel = it.cancel.map(|_| Part::Cancel(number));
            let change = it.change.map(|_| Part::Change(number));
            let later = it.later.map(|_| Part::Later(number));
            [cancel, change, later].into_iter().flatten()
        });
        orders.chain(faults).chain(troubles).chain(wishes).collect()
    }

    /// The same without these parts.
    #[must_use]
    pub fn without(mut self, parts: &[Part]) -> Self {
        for part in parts {
            match *part {
                Part::Fault(number) => self.faults.retain(|it| it.number != number),
                Part::Order(number) => self.orders.retain(|it| it.number != number),
                Part::Weather(trouble) => trouble.leave(&mut self.weather),
                Part::Cancel(number) => self.wish(number, |it| it.cancel = None),
                Part::Change(number) => self.wish(number, |it| it.change = None),
                Part::Later(number) => self.wish(number, |it| it.later = None),
            }
        }
        self
    }

    fn wish(&mut self, number: u32, change: impl FnOnce(&mut crate::scenario::Wish)) {
        if let Some(wish) = self.orders.iter_mut().find(|it| it.number == number) {
            change(wish);
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(number) => write!(f, "fault-{number}"),
            Self::Order(number) => write!(f, "order-{number}"),
            Self::Cancel(number) => write!(f, "cancel-{number}"),
            Self::Change(number) => write!(f, "change-{number}"),
            Self::Later(number) => write!(f, "later-{number}"),
            Self::Weather(trouble) => f.write_str(trouble.name()),
        }
    }
}

/// There is no such part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchPart;

impl FromStr for Part {
    type Err = NoSuchPart;

    fn from_str(text: &str) -> Result<Self, NoSuchPart> {
        if let Some(trouble) = Trouble::ALL.into_iter().find(|it| it.name() == text) {
            return Ok(Self::Weather(trouble));
        }
        let (name, number) = text.split_once('-').ok_or(NoSuchPart)?;
        let number = number.parse().map_err(|_| NoSuchPart)?;
        match name {
            "fault" => Ok(Self::Fault(number)),
            "order" => Ok(Self::Order(number)),
            "cancel" => Ok(Self::Cancel(number)),
            "change" => Ok(Self::Change(number)),
            "later" => Ok(Self::Later(number)),
            _ => Err(NoSuchPart),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_read_as_it_is_written_and_can_be_left_out() {
        for seed in 0..50 {
            let scenario = Scenario::of(seed);
            let parts = scenario.parts();
            for part in &parts {
                assert_eq!(part.to_string().parse(), Ok(*part));
            }
            let left = scenario.without(&parts);
            assert!(left.orders.is_empty() && left.faults.is_empty(), "{left}");
            assert_eq!(
                left.weather,
                Weather { lateness: left.weather.lateness.clone(), commit: 0, ..Weather::CALM }
            );
        }
        for text in ["", "fault", "fault-x", "lunch-1", "sunny"] {
            assert_eq!(text.parse::<Part>(), Err(NoSuchPart), "{text}");
        }
    }
}

//! What happens in one run: what people want, how messages fare, and what goes wrong when. All of it
//! is drawn from the seed before anything begins, so that parts of it can be left out.

use std::{fmt, time::Duration};

use crate::{
    chance::Chance,
    fault::{self, Planned},
    weather::Weather,
};

/// A run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it was drawn from, and what draws everything that is decided on the way.
    pub seed: u64,
    /// The orders.
    pub orders: Vec<Wish>,
    /// What goes wrong at its time.
    pub faults: Vec<Planned>,
    /// How messages fare.
    pub weather: Weather,
}

/// What people do with one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Its number.
    pub number: u32,
    /// When it is placed.
    pub at: Duration,
    /// How many bowls.
    pub quantity: u32,
    /// What the payment gateway says.
    pub token: &'static str,
    /// How long the order is for later, if it is.
    pub later: Option<Duration>,
    /// What the owner says.
    pub owner: Owner,
    /// What the cook does.
    pub cook: Cook,
    /// What the rider does.
    pub rider: Rider,
    /// When the customer cancels, after the order was placed.
    pub cancel: Option<Duration>,
    /// When the customer wants so many bowls instead.
    pub change: Option<(Duration, u32)>,
}

/// What the owner says to a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Yes.
    Accepts,
    /// No.
    Rejects,
    /// Nothing.
    Silent,
}

/// What the cook does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cook {
    /// Starts and finishes.
    Cooks,
    /// Declines.
    Declines,
    /// Nothing.
    Silent,
}

/// What the rider does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rider {
    /// Claims, picks up, and confirms.
    Delivers,
    /// Gives the delivery back once before.
    ReleasesOnce,
    /// Picks up, and brings it back.
    Returns,
}

/// How many orders a run has at least.
const ORDERS: u32 = 5;

impl Scenario {
    /// The run of that seed.
    pub fn of(seed: u64) -> Self {
        let chance = Chance::of(seed, "scenario");
        let number = chance.number(ORDERS..ORDERS + 3);
        let orders = (0..number).map(|number| Wish::draw(number, &chance)).collect();
        let weather = Weather::draw(&chance);
        let faults = fault::draw(&chance);
        Self { seed, orders, faults, weather }
    }

    /// The same without anything that goes wrong.
    #[must_use]
    pub fn calm(self) -> Self {
        Self {
            faults: Vec::new(),
            weather: Weather { stored: self.weather.stored, ..Weather::CALM },
            ..self
        }
    }
}

impl Wish {
    fn draw(number: u32, chance: &Chance) -> Self {
        let sometimes = |permille, range| chance.permille(permille).then(|| chance.millis(range));
        let at = chance.millis(0..4_000);
        let quantity = chance.number(1..4);
        let token = chance.one_of(&[
            "tok-ok",
            "tok-ok",
            "tok-ok",
            "tok-ok",
            "tok-ok",
            "tok-ok",
            "tok-declined",
            "tok-slow",
        ]);
        let later = sometimes(100, 2_500..5_000);
        let owner = chance.one_of(&[
            Owner::Accepts,
            Owner::Accepts,
            Owner::Accepts,
            Owner::Accepts,
            Owner::Accepts,
            Owner::Accepts,
            Owner::Rejects,
            Owner::Silent,
        ]);
        let cook = chance.one_of(&[
            Cook::Cooks,
            Cook::Cooks,
            Cook::Cooks,
            Cook::Cooks,
            Cook::Cooks,
            Cook::Cooks,
            Cook::Declines,
            Cook::Silent,
        ]);
        let rider = chance.one_of(&[
            Rider::Delivers,
            Rider::Delivers,
            Rider::Delivers,
            Rider::ReleasesOnce,
            Rider::Returns,
        ]);
        let cancel = sometimes(200, 0..3_000);
        let change = chance.permille(150).then(|| (chance.millis(0..1_000), chance.number(1..5)));
        Self { number, at, quantity, token, later, owner, cook, rider, cancel, change }
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, at, quantity, token, owner, cook, rider, .. } = self;
        write!(
            f,
            "order {number}: {quantity} bowls at {at:?} by {token}; owner {owner:?}, cook {cook:?}, rider {rider:?}"
        )?;
        if let Some(later) = self.later {
            write!(f, "; for {later:?} later")?;
        }
        if let Some(after) = self.cancel {
            write!(f, "; cancelled after {after:?}")?;
        }
        if let Some((after, quantity)) = self.change {
            write!(f, "; {quantity} bowls instead after {after:?}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "weather: {:?}", self.weather)?;
        for wish in &self.orders {
            writeln!(f, "{wish}")?;
        }
        for fault in &self.faults {
            writeln!(f, "fault {}: {fault}", fault.number)?;
        }
        Ok(())
    }
}

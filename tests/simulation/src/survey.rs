//! Many seeds, and what came of them: how faults and endings are distributed, and which seeds are
//! wrong.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use crate::{Outcome, Scenario, run};

/// The fewest orders of a run.
pub const ORDERS: u64 = 5;
/// The fewest faults that come in a run.
pub const FAULTS: u64 = 3;

/// What came of many seeds.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// How many seeds were run.
    pub seeds: u64,
    /// How many orders there were, by how they ended.
    pub endings: BTreeMap<String, u64>,
    /// How often each kind of fault has come.
    pub fired: BTreeMap<&'static str, u64>,
    /// In how many seeds each kind of fault has come.
    pub seeds_with: BTreeMap<&'static str, u64>,
    /// By how many faults came in a seed: how many seeds.
    pub faults: BTreeMap<u64, u64>,
    /// How much time all of them took, in their own time.
    pub took: Duration,
    /// The seeds that are wrong, each with what is.
    pub wrong: BTreeMap<u64, Vec<String>>,
}

impl Survey {
    /// Runs so many seeds from that one on, on so many threads; no more are begun once one is wrong.
    pub fn of(first: u64, seeds: u64, threads: usize) -> Self {
        let (next, found) = (AtomicU64::new(0), Mutex::new(Self::default()));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Relaxed);
                        if number >= seeds {
                            return;
                        }
                        let seed = first.wrapping_add(number);
                        let outcome = run(&Scenario::of(seed), false);
                        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                        found.add(seed, outcome);
                        if !found.wrong.is_empty() {
                            next.store(seeds, Relaxed);
                        }
                    }
                });
            }
        });
        found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&mut self, seed: u64, outcome: Outcome) {
        let mut wrong = outcome.wrong;
        let orders: u64 = outcome.endings.values().sum();
        let faults: u64 = outcome.fired.values().sum();
        if wrong.is_empty() && (orders < ORDERS || faults < FAULTS) {
            wrong.push(format!("{orders} orders and {faults} faults are too few"));
        }
        self.seeds += 1;
        self.took += outcome.took;
        *self.faults.entry(faults).or_default() += 1;
        for (ending, number) in outcome.endings {
            *self.endings.entry(ending).or_default() += number;
        }
        for (kind, number) in outcome.fired {
            *self.fired.entry(kind).or_default() += number;
            *self.seeds_with.entry(kind).or_default() += 1;
        }
        if !wrong.is_empty() {
            self.wrong.insert(seed, wrong);
        }
    }

    /// The number of faults that so many of a hundred seeds do not exceed.
    fn percentile(&self, percent: u64) -> u64 {
        let mut left = self.seeds * percent / 100;
        for (faults, seeds) in &self.faults {
            if left <= *seeds {
                return *faults;
            }
            left -= seeds;
        }
        0
    }
}

impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let orders: u64 = self.endings.values().sum();
        let faults: u64 = self.fired.values().sum();
        writeln!(f, "{} seeds, {orders} orders, {faults} faults", self.seeds)?;
        let (least, most) = (self.faults.keys().next(), self.faults.keys().next_back());
        let (least, most) = (least.unwrap_or(&0), most.unwrap_or(&0));
        let (half, nine) = (self.percentile(50), self.percentile(90));
        writeln!(f, "faults a seed: least {least}, half {half}, nine of ten {nine}, most {most}")?;
        writeln!(f, "{:<26} {:>10} {:>10}", "ended", "orders", "")?;
        for (ending, number) in &self.endings {
            writeln!(f, "{ending:<26} {number:>10}")?;
        }
        writeln!(f, "{:<26} {:>10} {:>10}", "fault", "times", "seeds")?;
        for (kind, number) in &self.fired {
            writeln!(f, "{kind:<26} {number:>10} {:>10}", self.seeds_with[kind])?;
        }
        Ok(())
    }
}

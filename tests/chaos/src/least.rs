//! What must have happened at least, so that a run shows something.

use std::collections::BTreeMap;

use expeditor::people::plan::Ending;

use crate::plan::Kind;

/// The least of a run.
#[derive(Clone, Debug)]
pub struct Least {
    /// How many orders.
    pub orders: u64,
    /// How many of each kind of fault.
    pub faults: BTreeMap<Kind, u64>,
}

impl Least {
    /// That of the suite.
    pub fn of_suite() -> Self {
        let faults = [
            (Kind::ProcessKilled, 60),
            (Kind::DatabaseKilled, 10),
            (Kind::BrokerKilled, 3),
            (Kind::ProcessHeld, 3),
            (Kind::CommitCutOff, 3),
            (Kind::CommitUnheard, 7),
            (Kind::ConfirmLost, 2),
            (Kind::AckLost, 3),
            (Kind::HalfOpen, 3),
            (Kind::BrokerFull, 2),
            (Kind::QueuePurged, 1),
            (Kind::ClockMoved, 2),
        ];
        Self { orders: 3_000, faults: faults.into() }
    }

    /// That of a run of any length: some of everything.
    pub fn of_any() -> Self {
        Self { orders: 100, faults: Kind::ALL.map(|kind| (kind, 1)).into() }
    }

    /// So many of those whose deadline must run out have ended: half of those that are planned.
    pub const TIMED_OUT: u64 = 15;

    /// Of a thousand orders, at least so many must have ended this way: about half of those that
    /// are planned so.
    const fn of_a_thousand(ending: Ending) -> u64 {
        match ending {
            Ending::Delivered => 400,
            Ending::Rejected | Ending::Declined | Ending::CancelledInTime => 40,
            Ending::CancelledTooLate | Ending::Returned => 30,
            // No more than so many are planned, however many orders there are.
            Ending::TimedOut => 0,
        }
    }

    /// What has happened too seldom.
    pub fn lacking(
        &self,
        ended: &BTreeMap<Ending, u64>,
        faults: &BTreeMap<Kind, u64>,
    ) -> Vec<String> {
        let few = |what: &str, number: u64, least: u64| {
            (number < least).then(|| format!("{what}: {number}, and {least} are the least"))
        };
        let orders: u64 = ended.values().sum();
        let count = |kind| faults.get(kind).copied().unwrap_or_default();
        let faults =
            self.faults.iter().map(|(kind, least)| few(kind.as_str(), count(kind), *least));
        let endings = Ending::ALL.into_iter().map(|ending| {
            let number = ended.get(&ending).copied().unwrap_or_default();
            let least = match ending {
                Ending::TimedOut => Self::TIMED_OUT.min(orders / 100),
                _ => orders * Self::of_a_thousand(ending) / 1_000,
            };
            few(ending.as_str(), number, least)
        });
        [few("orders", orders, self.orders)]
            .into_iter()
            .chain(faults)
            .chain(endings)
            .flatten()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_in_which_nothing_happened_lacks_everything_that_is_wanted() {
        let lacking = Least::of_suite().lacking(&BTreeMap::new(), &BTreeMap::new());
        assert_eq!(lacking.len(), 1 + Kind::ALL.len(), "{lacking:?}");
        assert_eq!(lacking[0], "orders: 0, and 3000 are the least");
    }

    #[test]
    fn each_ending_and_each_fault_is_counted() {
        let faults: BTreeMap<Kind, u64> = Kind::ALL.map(|kind| (kind, 60)).into();
        let mut ended: BTreeMap<Ending, u64> = Ending::ALL.map(|ending| (ending, 300)).into();
        ended.insert(Ending::Delivered, 1_700);
        let least = Least::of_suite();
        assert_eq!(least.lacking(&ended, &faults), Vec::<String>::new());
        ended.insert(Ending::TimedOut, 14);
        let lacking = least.lacking(&ended, &faults);
        assert_eq!(lacking, ["timed out: 14, and 15 are the least"]);
    }
}

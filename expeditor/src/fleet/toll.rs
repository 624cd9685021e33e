//! What the processes of a fleet have gone through that were killed.

use std::{collections::BTreeMap, time::Duration};

/// What one process has gone through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deaths {
    /// How often it was killed.
    pub killed: u32,
    /// From a kill until it could work again, at the longest.
    pub back: Duration,
    /// From a kill until an order ended after it was back, at the longest; none where no order was
    /// left to end.
    pub went_on: Option<Duration>,
}

/// What each has gone through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Toll(BTreeMap<String, Deaths>);

impl Toll {
    /// Counts a kill.
    pub fn count(&mut self, name: &str, back: Duration, went_on: Option<Duration>) {
        self.0.entry(name.to_owned()).or_default().and(Deaths { killed: 1, back, went_on });
    }

    /// Whether nothing was killed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By their names.
    pub fn by_name(&self) -> impl Iterator<Item = (&str, Deaths)> {
        self.0.iter().map(|(name, deaths)| (name.as_str(), *deaths))
    }

    /// All of them together.
    pub fn in_all(&self) -> Deaths {
        let mut all = Deaths::default();
        self.0.values().for_each(|deaths| all.and(*deaths));
        all
    }
}

impl Deaths {
    fn and(&mut self, other: Self) {
        self.killed += other.killed;
        self.back = self.back.max(other.back);
        self.went_on = self.went_on.max(other.went_on);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_are_counted_and_the_longest_times_kept() {
        let ms = Duration::from_millis;
        let mut toll = Toll::default();
        assert!(toll.is_empty());
        toll.count("cook-1", ms(900), Some(ms(1_000)));
        toll.count("cook-1", ms(700), None);
        toll.count("relay-1", ms(100), Some(ms(2_000)));
        let cook = Deaths { killed: 2, back: ms(900), went_on: Some(ms(1_000)) };
        assert_eq!(toll.by_name().next(), Some(("cook-1", cook)));
        let all = Deaths { killed: 3, back: ms(900), went_on: Some(ms(2_000)) };
        assert_eq!(toll.in_all(), all);
    }
}

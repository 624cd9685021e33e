//! What was written against what was heard.

use std::collections::{HashMap, HashSet};

/// What became of everything that was written. Places are a key and a number in its series.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Written, and neither heard nor parked.
    pub(crate) missing: Vec<(String, u64)>,
    /// Heard or parked, and never written.
    pub(crate) unknown: Vec<(String, u64)>,
    /// Heard for the first time before one that was written before it.
    pub(crate) disordered: Vec<(String, u64)>,
    /// How many were heard, each counted once.
    pub(crate) heard: usize,
    /// How many were heard again.
    pub(crate) repeated: usize,
    /// How many are parked.
    pub(crate) parked: usize,
}

impl Verdict {
    pub(crate) fn on(
        written: &HashSet<(String, u64)>,
        heard: &[(String, u64)],
        parked: &HashSet<(String, u64)>,
    ) -> Self {
        let mut verdict = Self { parked: parked.len(), ..Self::default() };
        let mut seen = HashSet::new();
        let mut last: HashMap<&str, u64> = HashMap::new();
        for place in heard {
            if !seen.insert(place.clone()) {
                verdict.repeated += 1;
                continue;
            }
            let last = last.entry(&place.0).or_default();
            if place.1 < *last {
                verdict.disordered.push(place.clone());
            }
            *last = (*last).max(place.1);
        }
        for (key, _) in &verdict.disordered {
            let seqs: Vec<u64> = heard.iter().filter(|(of, _)| of == key).map(|it| it.1).collect();
            eprintln!("{key} was heard in this order: {seqs:?}");
        }
        verdict.heard = seen.len();
        let accounted: HashSet<_> = seen.union(parked).cloned().collect();
        verdict.missing = written.difference(&accounted).cloned().collect();
        verdict.unknown = accounted.difference(written).cloned().collect();
        verdict
    }

    /// Nothing is lost, nothing invented, and every key is in order.
    pub(crate) fn holds(&self) {
        let well = self.missing.is_empty()
            && self.unknown.is_empty()
            && self.disordered.is_empty()
            && self.heard > 0;
        assert!(well, "{self:?}");
    }
}

//! What the audit found: a line an invariant, with the first offender.

use std::collections::BTreeMap;

use contracts::ServiceName;
use serde::Serialize;

use super::Name;

/// What was found about one invariant.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// `I4`.
    pub invariant: String,
    /// What must hold.
    pub says: &'static str,
    /// How many things were looked at.
    pub checked: u64,
    /// How many of them are wrong.
    pub violations: u64,
    /// How many could not be judged because they are on their way.
    pub in_flight: u64,
    /// The first that is wrong, and how.
    pub first_offender: Option<String>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    findings: BTreeMap<Name, Finding>,
    dead_letters: BTreeMap<&'static str, u64>,
}

/// What the audit can say about each invariant from what is stored.
const SAYS: [(u8, &str); 10] = [
    (1, "acknowledged orders exist, a key made one"),
    (2, "one effect each; stock and loads add up"),
    (3, "every saga ends, waits with a timer, or is stuck"),
    (4, "ended orders: money, stock and food agree"),
    (5, "histories replay to what is stored, columns say it"),
    (6, "nothing without its saga or after its end"),
    (7, "the catalog and MyPage are the fold of the events"),
    (8, "each aggregate's events in their sequence"),
    (9, "outboxes in order; empty at rest"),
    (10, "operators' actions name their actor"),
];

impl Report {
    /// Nothing looked at yet.
    pub fn new() -> Self {
        let finding = |says| Finding {
            invariant: String::new(),
            says,
            checked: 0,
            violations: 0,
            in_flight: 0,
            first_offender: None,
        };
        let findings = SAYS
            .into_iter()
            .map(|(number, says)| {
                let name = Name(number);
                (name, Finding { invariant: name.to_string(), ..finding(says) })
            })
            .collect();
        Self { findings, dead_letters: BTreeMap::new() }
    }

    /// One more thing was looked at, and is as it must be unless a complaint is given.
    pub fn judge(&mut self, name: Name, complaint: Option<String>) {
        let Some(finding) = self.findings.get_mut(&name) else { return };
        finding.checked += 1;
        if let Some(complaint) = complaint {
            finding.violations += 1;
            finding.first_offender.get_or_insert(complaint);
        }
    }

    /// Something could not be judged: it is on its way.
    pub fn in_flight(&mut self, name: Name) {
        if let Some(finding) = self.findings.get_mut(&name) {
            finding.in_flight += 1;
        }
    }

    /// A service keeps so many dead letters. That is no violation: each waits for a person.
    pub fn keeps_dead_letters(&mut self, service: ServiceName, number: u64) {
        self.dead_letters.insert(service.as_str(), number);
    }

    /// How many dead letters each service keeps.
    pub const fn dead_letters(&self) -> &BTreeMap<&'static str, u64> {
        &self.dead_letters
    }

    /// The findings, by invariant.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.values()
    }

    /// One finding.
    pub fn finding(&self, number: u8) -> Option<&Finding> {
        self.findings.get(&Name(number))
    }

    /// Whether nothing is wrong.
    pub fn holds(&self) -> bool {
        self.findings.values().all(|finding| finding.violations == 0)
    }

    /// How many violations there are in all.
    pub fn violations(&self) -> u64 {
        self.findings.values().map(|finding| finding.violations).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_offender_is_kept_and_the_rest_counted() {
        let mut report = Report::new();
        report.judge(Name(4), None);
        assert!(report.holds());
        report.judge(Name(4), Some("order a".into()));
        report.judge(Name(4), Some("order b".into()));
        let finding = report.finding(4).unwrap();
        assert_eq!((finding.checked, finding.violations), (3, 2));
        assert_eq!(finding.first_offender.as_deref(), Some("order a"));
        assert!(!report.holds());
    }
}

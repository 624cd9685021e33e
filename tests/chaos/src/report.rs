//! What came of a run: what went wrong on purpose, how the orders ended, and what is wrong with it.

use std::{collections::BTreeMap, fmt, time::Duration};

use expeditor::{audit, people::show::Show, tables};

use crate::{
    Least,
    inflict::Seen,
    plan::{Fault, Kind},
};

/// Faults that have happened.
#[derive(Clone, Debug, Default)]
pub struct Tally(BTreeMap<(Kind, String), Times>);

/// What was seen of the faults of one kind that happened to one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Times {
    number: u64,
    back: Duration,
    went_on: Duration,
}

impl Tally {
    /// Counts one.
    pub fn count(&mut self, fault: &Fault, seen: Seen) {
        let times = self.0.entry((fault.kind(), fault.whom().to_owned())).or_default();
        times.number += 1;
        times.back = times.back.max(seen.back);
        times.went_on = times.went_on.max(seen.went_on);
    }

    /// How many of each kind.
    pub fn by_kind(&self) -> BTreeMap<Kind, u64> {
        let mut counts = BTreeMap::new();
        for ((kind, _), times) in &self.0 {
            *counts.entry(*kind).or_default() += times.number;
        }
        counts
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<18} {:<16} {:>6} {:>14} {:>18}",
            "fault", "of", "times", "worked again", "an order ended"
        )?;
        let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
        for ((kind, whom), times) in &self.0 {
            let (back, on) = (seconds(times.back), seconds(times.went_on));
            let number = times.number;
            writeln!(f, "{:<18} {whom:<16} {number:>6} {back:>14} {on:>18}", kind.as_str())?;
        }
        let sums = self.by_kind().into_iter();
        let sums: Vec<_> = sums.map(|(kind, sum)| format!("{} {sum}", kind.as_str())).collect();
        write!(f, "in all: {}; times are the longest, from the fault on", sums.join(", "))
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// What decided it.
    pub seed: u64,
    /// From the first order until all had come to rest.
    pub took: Duration,
    /// What people wanted, and what became of it.
    pub show: Show,
    /// What went wrong on purpose.
    pub tally: Tally,
    /// What the auditor says.
    pub audit: audit::Report,
    /// What is wrong with it.
    pub wrong: Vec<String>,
}

impl Report {
    /// Puts it together.
    pub fn new(
        seed: u64,
        took: Duration,
        show: Show,
        tally: Tally,
        audit: audit::Report,
        least: &Least,
    ) -> Self {
        let mut wrong = show.complaints.clone();
        let violations = audit.findings().filter(|finding| finding.violations > 0);
        wrong.extend(violations.map(|finding| {
            let first = finding.first_offender.as_deref().unwrap_or_default();
            format!("{}, {} times: {first}", finding.invariant, finding.violations)
        }));
        let buried = audit.dead_letters().iter().filter(|(_, number)| **number > 0);
        wrong.extend(buried.map(|(service, number)| format!("{service}: {number} dead letters")));
        wrong.extend(least.lacking(&show.ended, &tally.by_kind()));
        Self { seed, took, show, tally, audit, wrong }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, {:.0} s", self.seed, self.took.as_secs_f64())?;
        writeln!(f, "{}", self.tally)?;
        writeln!(f, "{}", tables::endings(&self.show.planned, &self.show.ended))?;
        write!(f, "{}", tables::audit(&self.audit))?;
        self.wrong.iter().try_for_each(|line| write!(f, "\nwrong: {line}"))
    }
}

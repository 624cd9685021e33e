//! What was done, a line a step.

use std::fmt;

use crate::print;

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there, and is now.
    Made,
    /// It was there, and is different now.
    Changed,
    /// It was there as it should be.
    There,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Made => "made",
            Self::Changed => "changed",
            Self::There => "was there",
        })
    }
}

/// Prints steps as they are done, and counts those that changed something.
#[derive(Debug, Default)]
pub struct Report {
    steps: usize,
    changes: usize,
}

impl Report {
    /// A step was done.
    pub fn step(&mut self, what: impl fmt::Display, outcome: Outcome) {
        self.steps += 1;
        self.changes += usize::from(outcome != Outcome::There);
        print::line(format_args!("{what}: {outcome}"));
    }

    /// All is done.
    pub fn end(self) -> String {
        match self.changes {
            0 => "everything was there: nothing was changed".to_owned(),
            changes => format!("done: {changes} of {} steps changed something", self.steps),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_says_whether_anything_was_changed() {
        let mut report = Report::default();
        report.step("a", Outcome::There);
        assert!(report.end().contains("nothing was changed"));
        let mut report = Report::default();
        report.step("a", Outcome::There);
        report.step("b", Outcome::Changed);
        report.step("c", Outcome::Made);
        assert_eq!(report.end(), "done: 2 of 3 steps changed something");
    }
}

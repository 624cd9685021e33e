//! Makes a scenario that is wrong smaller: part after part is left out as long as it stays wrong.

use crate::{Outcome, Scenario, part::Part, run};

/// A scenario of which nothing more can be left out.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// What was left out.
    pub without: Vec<Part>,
    /// What is left.
    pub scenario: Scenario,
    /// What comes of it, with its trace.
    pub outcome: Outcome,
}

/// Leaves out what is not needed for `is_wrong` to hold of what comes of it.
pub fn shrink(scenario: &Scenario, is_wrong: impl Fn(&Outcome) -> bool) -> Shrunk {
    let mut without = Vec::new();
    let mut left = scenario.clone();
    loop {
        let before = without.len();
        for part in left.parts() {
            let smaller = left.clone().without(&[part]);
            let changes = !without.contains(&part);
            if changes && is_wrong(&run(&smaller, false)) {
                without.push(part);
                left = smaller;
            }
        }
        if without.len() == before {
            break;
        }
    }
    let outcome = run(&left, true);
    Shrunk { without, scenario: left, outcome }
}

/// The command that repeats it.
pub fn command(seed: u64, without: &[Part]) -> String {
    let mut command = format!("cargo xtask simulate --seed {seed}");
    if !without.is_empty() {
        let parts: Vec<String> = without.iter().map(Part::to_string).collect();
        command += " --without ";
        command += &parts.join(",");
    }
    command
}

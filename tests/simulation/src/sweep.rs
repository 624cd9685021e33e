//! The crash sweep: one order, run again with a crash at every point at which a process may end.

use std::{collections::BTreeMap, time::Duration};

use contracts::ServiceName;
use runtime::db::memory::Fault as CommitFault;

use crate::{
    Outcome, Scenario,
    fault::{Fault, Planned},
    points::Point,
    run,
};

/// What a sweep has found.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The run without a crash.
    pub undisturbed: Outcome,
    /// How many crashes there were, by kind.
    pub crashes: BTreeMap<&'static str, u64>,
    /// Each crash after which something was not as it was without, and what.
    pub differs: Vec<String>,
}

/// Runs the scenario with a crash at each durable write, and before and after each publish, confirm
/// and acknowledgement; each in a run of its own.
pub fn sweep(scenario: &Scenario) -> Sweep {
    let undisturbed = run(scenario, false);
    let mut found = Sweep { undisturbed, crashes: BTreeMap::new(), differs: Vec::new() };
    for fault in crashes(&found.undisturbed) {
        let planned = Planned { number: 0, at: Duration::ZERO, fault };
        let outcome = run(&Scenario { faults: vec![planned.clone()], ..scenario.clone() }, false);
        let crashed: Vec<_> = outcome.fired.keys().filter(|it| it.starts_with("crash")).collect();
        if crashed.is_empty() {
            // What is done once without a crash is done again with it, so that it must come.
            found.differs.push(format!("{planned}: it did not come"));
        }
        for kind in crashed {
            *found.crashes.entry(kind).or_default() += 1;
        }
        if !outcome.wrong.is_empty() {
            found.differs.push(format!("{planned}: {}", outcome.wrong.join("; ")));
        }
        if outcome.endings != found.undisturbed.endings {
            let (one, other) = (&outcome.endings, &found.undisturbed.endings);
            found.differs.push(format!("{planned}: {one:?} and not {other:?}"));
        }
    }
    found
}

/// Every crash that there can be.
fn crashes(undisturbed: &Outcome) -> Vec<Fault> {
    let mut crashes = Vec::new();
    for service in ServiceName::ALL {
        for commit in 1..=undisturbed.commits[&service] {
            for fault in [CommitFault::CrashBefore, CommitFault::CrashAfter] {
                crashes.push(Fault::Commit(service, commit, fault));
            }
        }
        for point in Point::ALL {
            let passed = undisturbed.passed.get(&(service, point)).copied().unwrap_or_default();
            crashes.extend((1..=passed).map(|nth| Fault::At(service, point, nth)));
        }
    }
    crashes
}

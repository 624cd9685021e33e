//! Walks through every state within the bounds, and tells what was found.

use stateright::{Checker, HasDiscoveries, Model as _};

use crate::{
    bounds::Bounds,
    laws::{self, ENDS},
    scene::{Faults, Model},
    timeline::timeline,
};

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// How many states there are within the bounds; fewer where a law was broken before all were
    /// seen.
    pub states: usize,
    /// How many steps lead from one to another.
    pub steps: usize,
    /// The length of the longest way that was needed to reach one.
    pub depth: usize,
    /// How many states the orchestrator alone was in, and how many decisions it took.
    pub orders: (usize, usize),
    /// The ends that an order was seen to have.
    pub ends: Vec<&'static str>,
    /// The laws that were broken, each with how it came to that.
    pub broken: Vec<(&'static str, String)>,
}

/// Explores with so many threads, until all is seen. One finds the shortest way to what breaks a
/// law.
pub fn explore(bounds: Bounds, faults: Faults, threads: usize) -> Found {
    search(bounds, faults, threads, HasDiscoveries::All)
}

/// Explores until a law is broken whose name begins so, or all is seen; the shortest way to it.
pub fn explore_until(bounds: Bounds, faults: Faults, law: &str) -> Found {
    let names = laws::all().into_iter().map(|it| it.name).filter(|name| name.starts_with(law));
    search(bounds, faults, 1, HasDiscoveries::AnyOf(names.collect()))
}

fn search(bounds: Bounds, faults: Faults, threads: usize, until: HasDiscoveries) -> Found {
    let model = Model::new(bounds, faults);
    let checker = model.checker().threads(threads).finish_when(until).spawn_bfs().join();
    let model = checker.model();
    let (mut ends, mut broken) = (Vec::new(), Vec::new());
    for (law, path) in checker.discoveries() {
        if ENDS.iter().any(|(end, _)| *end == law) {
            ends.push(law);
        } else {
            broken.push((law, timeline(model, path)));
        }
    }
    ends.sort_unstable();
    broken.sort_unstable();
    Found {
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        orders: model.orchestrator.counts(),
        ends,
        broken,
    }
}

impl Found {
    /// How it came to what broke any law, in words; empty where none was broken.
    pub fn report(&self) -> String {
        let told = |(law, timeline): &(&str, String)| format!("{law}: broken\n{timeline}\n");
        self.broken.iter().map(told).collect()
    }
}

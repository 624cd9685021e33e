//! Walks through every state within the bounds, and tells what was found.

use stateright::{Checker, Model as _};

use crate::{
    bounds::Bounds,
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
    /// The laws that were broken, each with how it came to that.
    pub broken: Vec<(&'static str, String)>,
}

/// Explores with so many threads. One finds the shortest way to what breaks a law.
pub fn explore(bounds: Bounds, faults: Faults, threads: usize) -> Found {
    let checker = Model::new(bounds, faults).checker().threads(threads).spawn_bfs().join();
    let model = checker.model();
    let mut broken: Vec<(&'static str, String)> =
        checker.discoveries().into_iter().map(|(law, path)| (law, timeline(model, path))).collect();
    broken.sort_unstable();
    Found {
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        orders: model.orchestrator.counts(),
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

//! Whether an end can be reached from a state, shown by going there: what is on its way arrives,
//! people do what brings the order forward, and what nobody has answered is asked again. None of
//! that is bounded in the world, so it is not here either.

use std::{
    collections::{HashSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::RwLock,
};

use crate::{
    clocks::Clock,
    people::Deed,
    scene::Model,
    world::{Happens, World},
};

/// The prints of states from which an end was reached.
#[derive(Default)]
pub(crate) struct Ends {
    known: RwLock<HashSet<u64>>,
}

impl Model {
    pub(crate) fn reaches_an_end(&self, world: &World) -> bool {
        let mut walked = Vec::new();
        let mut at = world.clone();
        loop {
            let print = print(&at);
            if self.has_ended(&at) || self.ends.knows(print) {
                self.ends.learn(&walked);
                return true;
            }
            if walked.contains(&print) {
                return false;
            }
            walked.push(print);
            match self.forward(&at) {
                Some(next) => at = next,
                None => return false,
            }
        }
    }

    pub(crate) fn has_ended(&self, world: &World) -> bool {
        self.orchestrator.stands(world.orchestrator).is_some_and(|order| order.finished)
    }

    /// The next state on the way to an end.
    fn forward(&self, world: &World) -> Option<World> {
        if let Some(letter) = world.on_the_way.first() {
            return self.after(world, Happens::Arrives(*letter));
        }
        let deeds = Deed::FORWARD.into_iter().map(Happens::Does);
        let late = [Happens::GatewayAnswers].into_iter();
        let late = late.filter(|_| self.payment.stands(world.payment).flag);
        let again = [Happens::RunsOut(Clock::Pauses)];
        deeds.chain(late).chain(again).find_map(|happens| self.after(world, happens))
    }
}

impl Ends {
    fn knows(&self, print: u64) -> bool {
        self.known.read().expect("nobody panics with the lock").contains(&print)
    }

    fn learn(&self, walked: &[u64]) {
        if !walked.is_empty() {
            self.known.write().expect("nobody panics with the lock").extend(walked);
        }
    }
}

fn print(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

//! Whether an end can be reached from a state, shown by going there: what is on its way arrives,
//! people do what brings the orders forward, and what nobody has answered is asked again. None of
//! that is bounded in the world, so it is not here either.

use std::{
    collections::{HashSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::RwLock,
};

use crate::{
    bounds::Left,
    clocks::Clock,
    operations::{Operation, RECALL},
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
        // What may still go wrong has no part in what goes well.
        let mut at = World { left: Left::default(), ..world.clone() };
        loop {
            let print = print(&at);
            if self.ends.knows(print) || self.has_ended(&at) {
                self.ends.learn(&walked);
                return true;
            }
            if walked.contains(&print) || at.breach.is_some() {
                return false;
            }
            walked.push(print);
            match self.forward(&at) {
                Some(next) => at = next,
                None => return false,
            }
        }
    }

    /// Whether every order has.
    pub(crate) fn has_ended(&self, world: &World) -> bool {
        self.orders().all(|order| {
            let stands = self.orchestrator.stands(world.apart(order).orchestrator);
            stands.is_some_and(|order| order.finished)
        })
    }

    /// The next state on the way to an end.
    fn forward(&self, world: &World) -> Option<World> {
        if let Some(letter) = world.on_the_way.first() {
            return self.after(world, Happens::Arrives(*letter));
        }
        let does = |deed| self.orders().map(move |order| Happens::Does(order, deed));
        let resumes = does(Deed::Operate(Operation::Resume));
        let resumes = resumes.filter(|_| self.bounds.left.operations > 0);
        let deeds = Deed::FORWARD.into_iter().flat_map(does);
        let late = self.orders().filter(|order| self.awaits_gateway(world, *order));
        let happens = resumes.chain(deeds).chain(late.map(Happens::GatewayAnswers));
        // Where another order has taken what this one needs, its store's owner has to say no.
        let refuses = does(Deed::Reject).filter(|_| self.bounds.orders > 1);
        // What nobody says again is for an operator to end.
        let recalls = does(Deed::Operate(RECALL)).filter(|_| self.bounds.left.losses > 0);
        happens
            .chain(refuses)
            .find_map(|happens| self.after(world, happens))
            .or_else(|| self.asked_again(world))
            .or_else(|| recalls.into_iter().find_map(|happens| self.after(world, happens)))
    }

    /// Everything that is awaited is asked for again, of every order; none where that comes to
    /// nothing even when all has arrived.
    fn asked_again(&self, world: &World) -> Option<World> {
        let again = |at: World, order| {
            let happens = Happens::RunsOut(order, Clock::Pauses);
            self.after(&at, happens).unwrap_or(at)
        };
        let asked = self.orders().fold(world.clone(), again);
        let mut heard = asked.clone();
        while let Some(letter) = heard.on_the_way.first() {
            heard = self.after(&heard, Happens::Arrives(*letter))?;
        }
        (heard != *world).then_some(asked)
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

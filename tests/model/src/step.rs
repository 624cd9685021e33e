//! From one state to the next: what may happen, and what comes of it.

use std::sync::Arc;

use contracts::ServiceName;
use runtime::Input;
use stateright::{Model as Explored, Property};

use crate::{
    clocks::Clock,
    laws,
    node::{Decided, Heard},
    people::{Asked, Deed},
    scene::Model,
    world::{Happens, World},
};

impl Explored for Model {
    type State = World;
    type Action = Happens;

    fn init_states(&self) -> Vec<World> {
        vec![self.start()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Happens>) {
        if world.breach.is_some() {
            return;
        }
        let left = &world.left;
        for letter in &world.on_the_way {
            actions.push(Happens::Arrives(*letter));
            if left.repeats > 0 {
                actions.push(Happens::Repeats(*letter));
            }
            if left.losses > 0 {
                actions.push(Happens::IsLost(*letter));
            }
        }
        let deeds = Deed::ALL.into_iter().filter(|deed| self.may(*deed, world));
        actions.extend(deeds.map(Happens::Does));
        if self.payment.stands(world.payment).flag {
            actions.push(Happens::GatewayAnswers);
        }
        let Some(order) = self.orchestrator.stands(world.orchestrator) else { return };
        if left.deadlines > 0 {
            actions.extend(places(order.deadlines).map(Clock::Deadline).map(Happens::RunsOut));
        }
        if left.resends > 0 {
            actions.extend(places(order.pauses).map(Clock::Pause).map(Happens::RunsOut));
        }
        if left.deadlines > 0 && left.resends > 0 && order.deadlines > 0 {
            actions.push(Happens::RunsOut(Clock::Everything));
        }
    }

    fn next_state(&self, world: &World, happens: Happens) -> Option<World> {
        let mut next = self.after(world, happens)?;
        let left = &mut next.left;
        let spent = match happens {
            Happens::Repeats(_) => &mut left.repeats,
            Happens::IsLost(_) => &mut left.losses,
            Happens::Does(Deed::Cancel) => &mut left.cancels,
            Happens::Does(Deed::Release) => &mut left.releases,
            Happens::RunsOut(Clock::Deadline(_)) => &mut left.deadlines,
            Happens::RunsOut(Clock::Everything) => {
                left.deadlines = left.deadlines.saturating_sub(1);
                &mut left.resends
            }
            Happens::RunsOut(_) => &mut left.resends,
            Happens::Arrives(_) | Happens::GatewayAnswers | Happens::Does(_) => return Some(next),
        };
        *spent = spent.saturating_sub(1);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        laws::all()
    }
}

impl Model {
    /// The state after that has happened, whether it still may or not. None where that state is the
    /// same.
    pub(crate) fn after(&self, world: &World, happens: Happens) -> Option<World> {
        let mut next = match happens {
            Happens::Arrives(letter) | Happens::IsLost(letter) => world.without(letter),
            _ => world.clone(),
        };
        if let Some(heard) = happens.heard() {
            self.hear(&mut next, heard);
        }
        (next != *world).then_some(next)
    }

    fn may(&self, deed: Deed, world: &World) -> bool {
        match deed {
            Deed::Cancel => world.left.cancels > 0,
            Deed::Release => world.left.releases > 0,
            Deed::Reject | Deed::Decline => self.bounds.refusals,
            Deed::Return => self.bounds.returns,
            _ => true,
        }
    }

    fn hear(&self, world: &mut World, heard: Heard) {
        match heard {
            Heard::Letter(number) => {
                let letter = self.letters.get(number);
                self.tell(world, letter.to, heard, || letter.incoming.clone());
            }
            Heard::Deed(deed) => match deed.asked(&self.order_id, &self.rider_id) {
                Asked::Orchestrator(request) => {
                    let decided =
                        self.orchestrator.decide(world.orchestrator, heard, &self.letters, || {
                            Input::Request(request)
                        });
                    apply(world, &decided, |world| &mut world.orchestrator);
                }
                Asked::Store(request) => {
                    let decided = self
                        .store
                        .decide(world.store, heard, &self.letters, || Input::Request(request));
                    apply(world, &decided, |world| &mut world.store);
                }
                Asked::Cook(request) => {
                    let decided = self
                        .cook
                        .decide(world.cook, heard, &self.letters, || Input::Request(request));
                    apply(world, &decided, |world| &mut world.cook);
                }
                Asked::Rider(request) => {
                    let decided = self
                        .rider
                        .decide(world.rider, heard, &self.letters, || Input::Request(request));
                    apply(world, &decided, |world| &mut world.rider);
                }
            },
            Heard::Clock(Clock::Gateway) => {
                let decided = self.payment.decide(world.payment, heard, &self.letters, || {
                    Input::Wake(self.payment_key.clone())
                });
                apply(world, &decided, |world| &mut world.payment);
            }
            Heard::Clock(_) => {
                let decided =
                    self.orchestrator.decide(world.orchestrator, heard, &self.letters, || {
                        Input::Wake(self.order_key.clone())
                    });
                apply(world, &decided, |world| &mut world.orchestrator);
            }
        }
    }

    fn tell(
        &self,
        world: &mut World,
        to: ServiceName,
        heard: Heard,
        incoming: impl FnOnce() -> runtime::Incoming,
    ) {
        let letters = &self.letters;
        match to {
            ServiceName::Orchestrator => {
                let at = world.orchestrator;
                let input = || Input::Message(incoming());
                let decided = self.orchestrator.decide(at, heard, letters, input);
                apply(world, &decided, |world| &mut world.orchestrator);
            }
            ServiceName::Payment => {
                let input = || Input::Message(incoming());
                let decided = self.payment.decide(world.payment, heard, letters, input);
                apply(world, &decided, |world| &mut world.payment);
            }
            ServiceName::Store => {
                let input = || Input::Message(incoming());
                let decided = self.store.decide(world.store, heard, letters, input);
                apply(world, &decided, |world| &mut world.store);
            }
            ServiceName::Cook => {
                let input = || Input::Message(incoming());
                let decided = self.cook.decide(world.cook, heard, letters, input);
                apply(world, &decided, |world| &mut world.cook);
            }
            ServiceName::Rider => {
                let input = || Input::Message(incoming());
                let decided = self.rider.decide(world.rider, heard, letters, input);
                apply(world, &decided, |world| &mut world.rider);
            }
            ServiceName::Mypage | ServiceName::Notification => {}
        }
    }
}

fn apply(world: &mut World, decided: &Arc<Decided>, of: impl FnOnce(&mut World) -> &mut u32) {
    *of(world) = decided.state;
    world.post(&decided.said);
    world.breach = decided.breach;
}

fn places(bits: u16) -> impl Iterator<Item = u8> {
    (0..16).filter(move |place| bits & (1 << place) != 0)
}

//! From one state to the next: what may happen, and what comes of it.

use std::sync::Arc;

use contracts::ServiceName;
use runtime::Input;
use stateright::{Model as Explored, Property};

use crate::{
    clocks::Clock,
    laws,
    node::{Decided, Heard},
    operations::{Operation, RECALL},
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
        for order in self.orders() {
            self.about(order, world, actions);
        }
    }

    fn next_state(&self, world: &World, happens: Happens) -> Option<World> {
        let mut next = self.after(world, happens)?;
        let left = &mut next.left;
        let spent = match happens {
            Happens::Repeats(_) => &mut left.repeats,
            Happens::IsLost(_) => &mut left.losses,
            Happens::Does(_, Deed::Cancel) => &mut left.cancels,
            Happens::Does(_, Deed::Release) => &mut left.releases,
            Happens::Does(_, Deed::Operate(operation)) if operation != Operation::Resume => {
                &mut left.operations
            }
            Happens::RunsOut(_, Clock::Deadline(_)) => &mut left.deadlines,
            Happens::RunsOut(_, Clock::Everything) => {
                left.deadlines = left.deadlines.saturating_sub(1);
                &mut left.resends
            }
            Happens::RunsOut(..) => &mut left.resends,
            Happens::Arrives(_) | Happens::GatewayAnswers(_) | Happens::Does(..) => {
                return Some(next);
            }
        };
        *spent = spent.saturating_sub(1);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        laws::all()
    }
}

impl Model {
    /// What may happen to that order but that its messages arrive.
    fn about(&self, order: u8, world: &World, actions: &mut Vec<Happens>) {
        let left = &world.left;
        let deeds = Deed::ALL.into_iter().filter(|deed| self.may(*deed, world));
        actions.extend(deeds.map(|deed| Happens::Does(order, deed)));
        if self.awaits_gateway(world, order) {
            actions.push(Happens::GatewayAnswers(order));
        }
        let Some(it) = self.orchestrator.stands(world.apart(order).orchestrator) else { return };
        if left.operations > 0 {
            let operations = self.operations.iter().filter(|it| self.confirmed(**it, world, order));
            actions.extend(operations.map(|it| Happens::Does(order, Deed::Operate(*it))));
        }
        if it.suspended {
            actions.push(Happens::Does(order, Deed::Operate(Operation::Resume)));
        }
        let runs_out = |clock| Happens::RunsOut(order, clock);
        if left.deadlines > 0 {
            actions.extend(places(it.deadlines).map(Clock::Deadline).map(runs_out));
        }
        if left.resends > 0 {
            actions.extend(places(it.pauses).map(Clock::Pause).map(runs_out));
        }
        if left.deadlines > 0 && left.resends > 0 && it.deadlines > 0 {
            actions.push(runs_out(Clock::Everything));
        }
    }

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

    pub(crate) fn awaits_gateway(&self, world: &World, order: u8) -> bool {
        self.payment.stands(world.apart(order).payment).flag
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

    /// Whether the participants' holdings speak for the action.
    fn confirmed(&self, operation: Operation, world: &World, order: u8) -> bool {
        let Some((source, fact)) = operation.confirmed_by() else { return true };
        let apart = world.apart(order);
        let it = self.orchestrator.stands(apart.orchestrator);
        if operation == RECALL && it.is_some_and(|it| it.undelivered) {
            // It is only asked for, and the rider decides.
            return true;
        }
        let facts = match source {
            ServiceName::Payment => self.payment.stands(apart.payment).facts,
            ServiceName::Store => self.store.stands(world.store).of(order).facts,
            ServiceName::Cook => self.cook.stands(apart.cook).facts,
            ServiceName::Rider => self.rider.stands(world.rider).of(order).facts,
            ServiceName::Orchestrator | ServiceName::Mypage | ServiceName::Notification => {
                return false;
            }
        };
        facts.confirm(fact)
    }

    fn hear(&self, world: &mut World, heard: Heard) {
        match heard {
            Heard::Letter(number) => {
                let letter = self.letters.get(number);
                let order = letter.order;
                self.tell(world, (order, letter.to), heard, || letter.incoming.clone());
            }
            Heard::Deed(order, deed) => self.ask(world, order, deed),
            Heard::Clock(order, clock) => self.wake(world, order, clock),
        }
    }

    fn ask(&self, world: &mut World, order: u8, deed: Deed) {
        let (letters, heard) = (&self.letters, Heard::Deed(order, deed));
        let apart = *world.apart(order);
        match deed.asked(&self.names(order).order_id, &self.rider_id) {
            Asked::Orchestrator(request) => {
                let at = apart.orchestrator;
                let input = || Input::Request(request);
                let decided = self.orchestrator.decide(at, heard, letters, input);
                apply(world, &decided, |world| &mut world.apart_mut(order).orchestrator);
            }
            Asked::Store(request) => {
                let input = || Input::Request(request);
                let decided = self.store.decide(world.store, heard, letters, input);
                apply(world, &decided, |world| &mut world.store);
            }
            Asked::Cook(request) => {
                let input = || Input::Request(request);
                let decided = self.cook.decide(apart.cook, heard, letters, input);
                apply(world, &decided, |world| &mut world.apart_mut(order).cook);
            }
            Asked::Rider(request) => {
                let input = || Input::Request(request);
                let decided = self.rider.decide(world.rider, heard, letters, input);
                apply(world, &decided, |world| &mut world.rider);
            }
        }
    }

    fn wake(&self, world: &mut World, order: u8, clock: Clock) {
        let (letters, heard) = (&self.letters, Heard::Clock(order, clock));
        let (apart, names) = (*world.apart(order), self.names(order));
        if clock == Clock::Gateway {
            let input = || Input::Wake(names.payment_key.clone());
            let decided = self.payment.decide(apart.payment, heard, letters, input);
            apply(world, &decided, |world| &mut world.apart_mut(order).payment);
        } else {
            let input = || Input::Wake(names.order_key.clone());
            let decided = self.orchestrator.decide(apart.orchestrator, heard, letters, input);
            apply(world, &decided, |world| &mut world.apart_mut(order).orchestrator);
        }
    }

    fn tell(
        &self,
        world: &mut World,
        (order, to): (u8, ServiceName),
        heard: Heard,
        incoming: impl FnOnce() -> runtime::Incoming,
    ) {
        let (letters, apart) = (&self.letters, *world.apart(order));
        match to {
            ServiceName::Orchestrator => {
                let input = || Input::Message(incoming());
                let decided = self.orchestrator.decide(apart.orchestrator, heard, letters, input);
                apply(world, &decided, |world| &mut world.apart_mut(order).orchestrator);
            }
            ServiceName::Payment => {
                let input = || Input::Message(incoming());
                let decided = self.payment.decide(apart.payment, heard, letters, input);
                apply(world, &decided, |world| &mut world.apart_mut(order).payment);
            }
            ServiceName::Store => {
                let input = || Input::Message(incoming());
                let decided = self.store.decide(world.store, heard, letters, input);
                apply(world, &decided, |world| &mut world.store);
            }
            ServiceName::Cook => {
                let input = || Input::Message(incoming());
                let decided = self.cook.decide(apart.cook, heard, letters, input);
                apply(world, &decided, |world| &mut world.apart_mut(order).cook);
            }
            ServiceName::Rider => {
                let input = || Input::Message(incoming());
                let decided = self.rider.decide(world.rider, heard, letters, input);
                apply(world, &decided, |world| &mut world.rider);
            }
            ServiceName::Mypage => {
                let input = || Input::Message(incoming());
                let decided = self.mypage.decide(world.listener, heard, letters, input);
                apply(world, &decided, |world| &mut world.listener);
            }
            ServiceName::Notification => {
                let input = || Input::Message(incoming());
                let decided = self.notification.decide(world.listener, heard, letters, input);
                apply(world, &decided, |world| &mut world.listener);
            }
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

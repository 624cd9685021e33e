//! How it came to a state, in the words of the domain.

use std::{collections::BTreeMap, fmt::Write};

use contracts::ServiceName;
use orchestrator::State;
use runtime::Aggregate;
use stateright::Path;

use crate::{
    clocks::Clock,
    node::States,
    scene::Model,
    world::{Happens, World},
};

/// One line for each thing that happened, with what it changed and what was said.
pub(crate) fn timeline(model: &Model, path: Path<World, Happens>) -> String {
    let mut told = String::new();
    let steps = path.into_vec();
    for (number, window) in steps.windows(2).enumerate() {
        let [(before, Some(happens)), (after, _)] = window else { continue };
        let line = model.words(before, *happens);
        let number = number + 1;
        writeln!(told, "{number:>4}. {line}{}", model.change(before, after))
            .expect("a text takes every line");
    }
    told
}

impl Model {
    fn words(&self, world: &World, happens: Happens) -> String {
        let letter = |number, what| {
            let letter = self.letters.get(number);
            format!("{} {what} {}{}", letter.to, letter.words(), self.of(letter.order))
        };
        match happens {
            Happens::Arrives(number) => letter(number, "hears"),
            Happens::Repeats(number) => letter(number, "hears, and will once more,"),
            Happens::IsLost(number) => letter(number, "never hears"),
            Happens::Does(order, deed) => deed.words() + &self.of(order),
            Happens::GatewayAnswers(order) => "the gateway answers".to_owned() + &self.of(order),
            Happens::RunsOut(order, clock) => self.clock(world, order, clock) + &self.of(order),
        }
    }

    fn clock(&self, world: &World, order: u8, clock: Clock) -> String {
        match clock {
            Clock::Deadline(place) => {
                format!("the deadline of {} passes", self.step(world, order, place))
            }
            Clock::Pause(place) => {
                format!("{} is asked for again", self.step(world, order, place))
            }
            Clock::Pauses => "all is asked for again".to_owned(),
            Clock::Everything | Clock::Gateway => "everything that can be due is due".to_owned(),
        }
    }

    /// Of which order something is, where there are several.
    fn of(&self, order: u8) -> String {
        match self.bounds.orders {
            1 => String::new(),
            _ => format!(" of {}", self.names(order).order_id),
        }
    }

    fn step(&self, world: &World, order: u8, place: u8) -> String {
        let states = self.orchestrator.states(world.apart(order).orchestrator);
        let saga = states.values().find_map(State::as_order).and_then(|order| order.latest());
        let step = saga.and_then(|saga| saga.steps().get(usize::from(place)));
        step.map_or_else(String::new, |step| step.name.clone())
    }

    fn change(&self, before: &World, after: &World) -> String {
        let (was, is) = (self.stand_in_words(before), self.stand_in_words(after));
        let mut told = String::new();
        for (what, now) in &is {
            if was.get(what) != Some(now) {
                let _ = write!(told, "; {what}: {now}");
            }
        }
        let said = after.on_the_way.iter().filter(|it| !before.on_the_way.contains(it));
        for number in said {
            let letter = self.letters.get(*number);
            let of = self.of(letter.order);
            let _ = write!(told, " → {}{of} to {}", letter.words(), letter.to);
        }
        if let Some(breach) = after.breach {
            let _ = write!(told, "  !! {breach:?}");
        }
        told
    }

    fn stand_in_words(&self, world: &World) -> BTreeMap<String, String> {
        let mut words = BTreeMap::new();
        for place in self.orders() {
            self.apart_in_words(world, place, &mut words);
        }
        let several = self.bounds.orders > 1;
        add(&mut words, ServiceName::Store, &self.store.states(world.store), several);
        add(&mut words, ServiceName::Rider, &self.rider.states(world.rider), several);
        match self.bounds.listener {
            Some(ServiceName::Notification) => {
                let states = self.notification.states(world.listener);
                add(&mut words, ServiceName::Notification, &states, true);
            }
            Some(service) => {
                add(&mut words, service, &self.mypage.states(world.listener), several);
            }
            None => {}
        }
        words
    }

    fn apart_in_words(&self, world: &World, place: u8, words: &mut BTreeMap<String, String>) {
        let (apart, several) = (world.apart(place), self.bounds.orders > 1);
        let of = self.of(place);
        let order = self.orchestrator.states(apart.orchestrator);
        add(words, ServiceName::Orchestrator, &order, several);
        for saga in order.values().filter_map(State::as_order).flat_map(|order| &order.sagas) {
            let definition = saga.definition();
            for step in saga.steps() {
                let status = step.status.as_str().to_owned();
                words.insert(format!("{definition}.{}{of}", step.name), status);
            }
            words.insert(format!("{definition}{of}"), saga.status().as_str().to_owned());
        }
        add(words, ServiceName::Payment, &self.payment.states(apart.payment), several);
        add(words, ServiceName::Cook, &self.cook.states(apart.cook), several);
    }
}

/// How everything stands that a service has stored; with its id where there are several of a kind.
fn add<S: Aggregate>(
    words: &mut BTreeMap<String, String>,
    service: ServiceName,
    states: &States<S>,
    several: bool,
) {
    for (key, state) in states {
        let id = if several { format!(" {}", key.id) } else { String::new() };
        words.insert(format!("{service}'s {}{id}", key.kind.name), state.state().to_owned());
    }
}

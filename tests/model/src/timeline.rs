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
            format!("{} {what} {}", letter.to, letter.words())
        };
        match happens {
            Happens::Arrives(number) => letter(number, "hears"),
            Happens::Repeats(number) => letter(number, "hears, and will once more,"),
            Happens::IsLost(number) => letter(number, "never hears"),
            Happens::Does(deed) => deed.words().to_owned(),
            Happens::GatewayAnswers => "the gateway answers".to_owned(),
            Happens::RunsOut(Clock::Deadline(place)) => {
                format!("the deadline of {} passes", self.step(world, place))
            }
            Happens::RunsOut(Clock::Pause(place)) => {
                format!("{} is asked for again", self.step(world, place))
            }
            Happens::RunsOut(Clock::Pauses) => "all is asked for again".to_owned(),
            Happens::RunsOut(_) => "everything that can be due is due".to_owned(),
        }
    }

    fn step(&self, world: &World, place: u8) -> String {
        let states = self.orchestrator.states(world.orchestrator);
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
            let _ = write!(told, " → {} to {}", letter.words(), letter.to);
        }
        if let Some(breach) = after.breach {
            let _ = write!(told, "  !! {breach:?}");
        }
        told
    }

    fn stand_in_words(&self, world: &World) -> BTreeMap<String, String> {
        let mut words = BTreeMap::new();
        let order = self.orchestrator.states(world.orchestrator);
        add(&mut words, ServiceName::Orchestrator, &order);
        for saga in order.values().filter_map(State::as_order).flat_map(|order| &order.sagas) {
            let definition = saga.definition();
            for step in saga.steps() {
                let status = step.status.as_str().to_owned();
                words.insert(format!("{definition}.{}", step.name), status);
            }
            words.insert(definition.to_owned(), saga.status().as_str().to_owned());
        }
        add(&mut words, ServiceName::Payment, &self.payment.states(world.payment));
        add(&mut words, ServiceName::Store, &self.store.states(world.store));
        add(&mut words, ServiceName::Cook, &self.cook.states(world.cook));
        add(&mut words, ServiceName::Rider, &self.rider.states(world.rider));
        words
    }
}

fn add<S: Aggregate>(
    words: &mut BTreeMap<String, String>,
    service: ServiceName,
    states: &States<S>,
) {
    for (key, state) in states {
        words.insert(format!("{service}'s {}", key.kind.name), state.state().to_owned());
    }
}

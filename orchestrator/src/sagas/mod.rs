//! The definitions by name and version: data that the engine, the graph and the checks read.
//!
//! Every file of a saga has the same parts in the same order: name, version, the table, then one
//! function for each row, in the order of the table, which says why the row is as it is.

use std::sync::LazyLock;

use runtime::HistoryEntry;
use saga::{Definition, Event, Instance};

pub mod order;
pub mod payload;
pub mod return_order;
pub mod revise;

pub use payload::payload;

static DEFINITIONS: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    [order::spec(), return_order::spec(), revise::spec()]
        .into_iter()
        .map(|spec| Definition::build(spec).expect("a test builds every table of this list"))
        .collect()
});

/// Every definition that sagas in flight may have been started with.
pub fn all() -> &'static [Definition] {
    &DEFINITIONS
}

/// The definition of that name and version.
pub fn definition(name: &str, version: u32) -> Option<&'static Definition> {
    all().iter().find(|definition| definition.name() == name && definition.version() == version)
}

/// The definition of that name that new sagas are started with.
pub fn latest(name: &str) -> Option<&'static Definition> {
    let named = all().iter().filter(|definition| definition.name() == name);
    named.max_by_key(|definition| definition.version())
}

/// The definition that a saga was started with.
pub fn of(saga: &Instance) -> Option<&'static Definition> {
    definition(saga.definition(), saga.definition_version())
}

/// The graph of the latest definition of that name, as Mermaid.
///
/// ```
/// let drawn = orchestrator::graph("order").expect("there is an order saga");
/// assert!(drawn.contains("cook-start"));
/// assert_eq!(orchestrator::graph("lunch"), None);
/// ```
pub fn graph(name: &str) -> Option<String> {
    latest(name).map(saga::mermaid)
}

/// The state that a stored history leads to. Errors with what is wrong where it cannot be read.
pub fn replay(history: &[HistoryEntry]) -> Result<Instance, String> {
    let read = |entry: &HistoryEntry| {
        serde_json::from_str::<Event>(&entry.body)
            .map_err(|error| format!("version {} cannot be read: {error}", entry.version))
    };
    let events: Vec<Event> = history.iter().map(read).collect::<Result<_, _>>()?;
    let Some(saga::EventKind::SagaStarted { definition: name, definition_version, .. }) =
        events.first().map(|event| &event.kind)
    else {
        return Err("the history does not begin with a start".to_owned());
    };
    let definition = definition(name, *definition_version)
        .ok_or_else(|| format!("there is no definition {name} version {definition_version}"))?;
    saga::replay(definition, &events).ok_or_else(|| "the history is empty".to_owned())
}

#[cfg(test)]
mod tests {
    use contracts::{CommandType, EventType, ServiceName};

    use super::*;

    #[test]
    fn every_table_is_valid() {
        for spec in [order::spec(), return_order::spec(), revise::spec()] {
            let name = spec.name;
            assert!(Definition::build(spec).is_ok(), "{name}");
        }
    }

    #[test]
    fn the_tables_speak_the_published_language() {
        for definition in all() {
            for sent in definition.commands() {
                let command = CommandType::parse(sent.command).expect(sent.command);
                assert_eq!(command.destination().as_str(), sent.to, "{}", sent.command);
            }
            for step in definition.steps() {
                let source = definition.participant(step.name).and_then(ServiceName::parse);
                let facts = [
                    Some(step.done_by),
                    step.failed_by.map(|(fact, _)| fact),
                    step.reopened_by,
                    step.undo.map(|undo| undo.undone_by),
                    step.hand_over.map(|hand_over| hand_over.fact),
                ];
                for fact in facts.into_iter().flatten() {
                    let event = EventType::parse(fact).expect(fact);
                    assert!(event.is_fact(), "{fact}");
                    assert_eq!(Some(event.source()), source, "{fact} is heard by {}", step.name);
                    let heard = contracts::routes::subscriptions(ServiceName::Orchestrator);
                    assert!(heard.contains(&event), "{fact} reaches the orchestrator");
                }
            }
            let published = definition.published();
            let names = [
                published.passed,
                published.completed,
                published.cancelled,
                published.returned,
                published.cancellation_refused,
            ];
            for name in names.into_iter().flatten() {
                let event = EventType::parse(name).expect(name);
                assert_eq!(event.source(), ServiceName::Orchestrator, "{name}");
            }
        }
    }

    #[test]
    fn a_hand_over_leads_to_a_definition_that_exists() {
        for definition in all() {
            for hand_over in definition.steps().iter().filter_map(|step| step.hand_over) {
                assert!(latest(hand_over.definition).is_some(), "{}", hand_over.definition);
            }
        }
    }

    #[test]
    fn every_definition_can_be_drawn() {
        for definition in all() {
            let drawn = graph(definition.name()).unwrap();
            for step in definition.steps() {
                assert!(drawn.contains(step.name), "{} in {drawn}", step.name);
            }
        }
        assert_eq!(graph("lunch"), None);
    }
}

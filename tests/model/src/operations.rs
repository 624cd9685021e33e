//! What operators do, as the engine's actions. They resolve only what a participant's holdings
//! confirm, as people do who look before they act; whether the engine takes an action is its own
//! decision.

use contracts::{EventType, ServiceName};
use orchestrator::sagas;
use saga::{Action, Definition, Step};

/// What an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Has everything that is awaited sent again, with attempts counted anew.
    Retry,
    /// Halts the saga.
    Suspend,
    /// Lets it go on.
    Resume,
    /// Cancels.
    Compensate,
    /// Goes on without a step.
    Skip(&'static str),
    /// Records a fact about a step.
    Resolve(&'static str, EventType),
}

/// Ends an order as returned whose food has not left: the last resort.
pub(crate) const RECALL: Operation = Operation::Resolve("deliver", EventType::DeliveryReturned);

impl Operation {
    /// Everything that an operator may try: the plain actions, and each step and fact of the tables
    /// with which the engine could be asked to skip or to resolve. Not to resume, which is free.
    pub(crate) fn all() -> Vec<Self> {
        let steps = || sagas::all().iter().flat_map(Definition::steps);
        let skipped = steps().map(|step| Self::Skip(step.name));
        let resolved = steps()
            .flat_map(|step| facts(step).into_iter().map(|fact| Self::Resolve(step.name, fact)));
        let plain = [Self::Retry, Self::Suspend, Self::Compensate];
        plain.into_iter().chain(skipped).chain(resolved).collect()
    }

    pub(crate) fn action(self) -> Action {
        match self {
            Self::Retry => Action::Retry { step: None },
            Self::Suspend => Action::Suspend,
            Self::Resume => Action::Resume,
            Self::Compensate => Action::Compensate,
            Self::Skip(step) => Action::Skip { step: step.to_owned() },
            Self::Resolve(step, fact) => {
                Action::Resolve { step: step.to_owned(), fact: fact.as_str().to_owned() }
            }
        }
    }

    /// In words.
    pub(crate) fn words(self) -> String {
        match self {
            Self::Retry => "an operator has all asked for again".to_owned(),
            Self::Suspend => "an operator suspends the saga".to_owned(),
            Self::Resume => "an operator resumes the saga".to_owned(),
            Self::Compensate => "an operator compensates".to_owned(),
            Self::Skip(step) => format!("an operator skips {step}"),
            Self::Resolve(step, fact) => format!("an operator resolves {step} by {fact}"),
        }
    }

    /// Whose holdings have to confirm it; none where nothing has to.
    pub(crate) fn confirmed_by(self) -> Option<(ServiceName, EventType)> {
        match self {
            Self::Resolve(_, fact) => Some((fact.source(), fact)),
            _ => None,
        }
    }
}

/// The facts by which that row of a table moves.
fn facts(step: &Step) -> Vec<EventType> {
    let names = [
        Some(step.done_by),
        step.failed_by.map(|(fact, _)| fact),
        step.undo.map(|undo| undo.undone_by),
        step.reopened_by,
        step.hand_over.map(|hand_over| hand_over.fact),
    ];
    let known = |name: &str| EventType::ALL.iter().copied().find(|kind| kind.as_str() == name);
    names.into_iter().flatten().filter_map(known).collect()
}

//! One input, one decision. Every input ends here: facts, cancellations, timers, operators. It
//! never fails and never panics, whatever the state and the input are.

mod advance;
mod cancel;
mod compensate;
mod draft;
mod fact;
mod operator;
mod start;
mod wake;

pub use start::start;

pub(crate) use advance::advance;
pub(crate) use draft::Draft;
pub(crate) use fact::hear;

use crate::decision::{Decision, Outcome, Refusal};
use crate::definition::Definition;
use crate::input::Input;
use crate::instance::Instance;
use crate::time::Time;

/// Decides what an input does to a saga. The decision's events are to be stored and its effects
/// carried out in one transaction, whatever the outcome.
pub fn decide(definition: &Definition, instance: &Instance, input: &Input, now: Time) -> Decision {
    let mut draft = Draft::of(definition, instance.clone(), now);
    let outcome = if belongs(definition, instance) {
        match input {
            Input::Fact(fact) => fact::fact(&mut draft, fact),
            Input::Cancel { reason, by } => cancel::cancel(&mut draft, reason, by),
            Input::Wake { oldest_unsent, deaf_until } => {
                wake::wake(&mut draft, *oldest_unsent, *deaf_until)
            }
            Input::Operator { action, by, reason } => {
                operator::operator(&mut draft, action, by, reason)
            }
        }
    } else {
        Outcome::Refused(Refusal::DefinitionMismatch)
    };
    draft.close(outcome)
}

/// Whether the saga was started from this very definition.
fn belongs(definition: &Definition, instance: &Instance) -> bool {
    instance.definition() == definition.name()
        && instance.definition_version() == definition.version()
        && instance
            .steps()
            .iter()
            .map(|step| step.name.as_str())
            .eq(definition.steps().iter().map(|row| row.name))
}

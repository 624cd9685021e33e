//! What comes out of a decision: what has happened, what is to be sent, and what to answer.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::definition::Definition;
use crate::event::Event;
use crate::evolve::evolve;
use crate::instance::Instance;

/// The answer to one input. The events are to be stored and the effects carried out whatever
/// the outcome is: also a refusal may be worth recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What has happened, in order; the change of state is exactly their fold.
    pub events: Vec<Event>,
    /// What is to be done about it, in order.
    pub effects: Vec<Effect>,
    /// What to answer to whoever gave the input.
    pub outcome: Outcome,
}

impl Decision {
    /// The state after this decision: the fold of its events. `None` only if there was no
    /// state before and nothing has happened.
    pub fn apply(&self, definition: &Definition, before: Option<Instance>) -> Option<Instance> {
        self.events.iter().fold(before, |state, event| Some(evolve(definition, state, event)))
    }
}

/// Something to be done outside.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Send a command. Resends carry the same command id under a new message id.
    Send {
        /// Type of the command.
        command: String,
        /// Participant that it goes to.
        to: String,
        /// Its identity.
        command_id: Uuid,
        /// How often it was sent in this generation, this time included.
        attempt: u32,
    },
    /// Publish an event about the saga itself.
    Publish {
        /// Type of the event.
        event: String,
    },
    /// Start a saga of another definition, with this one's cursors, in the same transaction.
    HandOver {
        /// Name of the other definition.
        definition: String,
    },
}

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "why", rename_all = "snake_case")]
pub enum Outcome {
    /// It took effect.
    Accepted,
    /// It is forbidden in this state.
    Refused(Refusal),
    /// It changes nothing that was not so already; counted under the label.
    Ignored(Ignored),
}

macro_rules! labels {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident => $slug:literal, $text:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $slug)] $variant,)+
        }

        impl $name {
            /// Every value, for tables of counters and of problems.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The slug: stable, for labels and problem types.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $slug,)+ }
            }

            /// One sentence for people.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

labels! {
    /// Why an input is forbidden.
    Refusal {
        /// The pivot has happened.
        PastPivot => "past-pivot", "The point of no return has passed.";
        /// The saga is completed.
        Completed => "completed", "The saga is completed.";
        /// The saga is cancelled.
        Cancelled => "cancelled", "The saga is cancelled.";
        /// The saga has handed over.
        Returned => "returned", "The saga has handed over to another one.";
        /// The saga is suspended and sends nothing.
        Suspended => "suspended", "The saga is suspended; resume it first.";
        /// There is no suspension to end.
        NotSuspended => "not-suspended", "The saga is not suspended.";
        /// The definition has no such step.
        UnknownStep => "unknown-step", "The definition has no such step.";
        /// The step does not know such a fact.
        UnknownFact => "unknown-fact", "The step knows no such fact.";
        /// Nothing of this is in flight.
        NotInFlight => "not-in-flight", "No command of this step is in flight.";
        /// The definition does not let this step be skipped.
        NotSkippable => "not-skippable", "Skipping this step would leave something wrong behind.";
        /// The step is over.
        StepOver => "step-over", "The step is over already.";
        /// The fact contradicts what is known, or changes nothing.
        NoEffect => "no-effect", "In the present state this would change nothing.";
        /// No end could be reached afterwards.
        NoEnd => "no-end", "From there the saga could not reach an end.";
        /// I.e. nobody would answer for the action.
        ActorMissing => "actor-missing", "An action must name its actor.";
        /// The saga was started from another definition or version.
        DefinitionMismatch => "definition-mismatch", "The saga belongs to another definition or version.";
    }
}

labels! {
    /// Why an input changes nothing.
    Ignored {
        /// A repetition: this sequence is the latest heard.
        Duplicate => "duplicate", "This was heard before.";
        /// A later fact of the same source was heard already.
        Stale => "stale", "A later fact was heard before.";
        /// The saga had ended.
        Late => "late", "The saga has ended.";
        /// No participant of this definition.
        UnknownSource => "unknown-source", "The source takes no part in this saga.";
        /// It moves no step from where it stands.
        OutOfStep => "out-of-step", "It moves no step.";
        /// No timer is due.
        NothingDue => "nothing-due", "Nothing is due.";
        /// A cancellation is under way.
        AlreadyCancelling => "already-cancelling", "The saga is being cancelled already.";
        /// It is cancelled.
        AlreadyCancelled => "already-cancelled", "The saga is cancelled already.";
        /// It is suspended.
        AlreadySuspended => "already-suspended", "The saga is suspended already.";
    }
}

//! The saga engine: a saga is a table of steps, and three pure functions read it.
//!
//! * [`start`] and [`decide`] answer "given this saga and this input, what has happened and
//!   what is to be sent"; they do no IO, read no clock, make no random ids and never fail.
//! * [`evolve`] folds one event into the state. A decision's change of state is exactly the
//!   fold of its events, so a history replays to what is stored.
//! * [`preview`] runs the same `decide` on a copy and says where the saga could still end.
//!
//! The engine knows names, times and identities, never payloads, and depends on nothing of
//! ours: it must never learn what an order is.
#![no_std]

extern crate alloc;

mod command;
mod decide;
mod decision;
mod definition;
mod event;
mod evolve;
mod graph;
mod input;
mod instance;
mod preview;
mod reach;
mod settings;
mod spec;
mod time;
mod validate;

pub use command::{Direction, command_id};
pub use decide::{decide, start};
pub use decision::{Decision, Effect, Ignored, Outcome, Refusal};
pub use definition::{CommandName, Definition};
pub use event::{Event, EventKind, Extension};
pub use evolve::{evolve, replay};
pub use graph::mermaid;
pub use input::{Action, Fact, Input};
pub use instance::{Cancellation, Cursor, Cursors, Instance, Status, StepState, StepStatus};
pub use preview::{Preview, preview};
pub use reach::reachable_ends;
pub use settings::{Retry, Settings};
pub use spec::{
    AnsweredBy, Deadline, DeadlineAction, HandOver, Kind, Published, Request, Spec, Step, Undo,
};
pub use time::{Millis, Time};
pub use validate::DefinitionError;

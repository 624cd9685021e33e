//! The saga engine: a saga is a table of steps, and three pure functions read it.
//!
//! * [`start()`] and [`decide()`] answer "given this saga and this input, what has happened and
//!   what is to be sent"; they do no IO, read no clock, make no random ids and never fail.
//! * [`evolve()`] folds one event into the state. A decision's change of state is exactly the
//!   fold of its events, so a history replays to what is stored.
//! * [`preview()`] runs the same `decide` on a copy and says where the saga could still end.
//!
//! ```
//! use saga::{AnsweredBy, Cursors, Definition, Fact, Input, Kind, Outcome, Spec, Status, Step, Time};
//!
//! // One row: a seat is held, and would be freed again.
//! let hold = Step::command(
//!     "hold", Kind::Compensatable, ("hold-seat", "hall"), AnsweredBy::Participant, "seat-held",
//! )
//! .undo(("free-seat", "hall"), "seat-freed");
//! let booking = Definition::build(Spec::new("booking", 1).step(hold))?;
//!
//! let settings = booking.default_settings();
//! let id = uuid::Uuid::from_u128(1);
//! let started = saga::start(&booking, id, &settings, &Cursors::new(), Time(0));
//! assert_eq!(started.effects.len(), 1); // `hold-seat`, to the hall
//!
//! let state = started.apply(&booking, None).expect("a start has events");
//! let held = Input::Fact(Fact::new("hall", 1, "seat-held", ["seat-held"]));
//! let decision = saga::decide(&booking, &state, &held, Time(5));
//! assert_eq!(decision.outcome, Outcome::Accepted);
//!
//! let state = decision.apply(&booking, Some(state)).expect("there was a state");
//! assert_eq!(state.status(), Status::Completed);
//! # Ok::<(), saga::DefinitionError>(())
//! ```
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

//! The published language of Expeditor: what services say to one another.
//!
//! Everything that crosses a border between services is defined here and nowhere else: the
//! [`Envelope`] (`CloudEvents` 1.0, structured JSON), every [`Command`] and [`Event`] as typed
//! data, and the [`routes`] that they take. A schema changes only by addition within a version;
//! readers ignore fields that they do not know.
//!
//! This crate depends on nothing else of the project and does no IO.

pub mod asyncapi;
pub mod command;
pub mod envelope;
pub mod errors;
pub mod event;
pub mod example;
pub mod fact;
pub mod id;
pub mod money;
pub mod order;
pub mod reach;
pub mod reads;
pub mod routes;
pub mod schema;
pub mod service;
pub mod time;
pub mod told;

pub use command::{Command, CommandType};
pub use envelope::{Envelope, EnvelopeError, Message};
pub use errors::Cause;
pub use event::{Event, EventType};
pub use fact::{Detail, Fact, Milestone, Record};
pub use id::{
    CommandId, CustomerId, District, InvalidId, MenuId, MessageId, OrderId, RiderId, SagaId,
    StoreId,
};
pub use money::{Currency, Money};
pub use order::{Address, Line};
pub use reach::Reach;
pub use service::{QueueKind, ServiceName};
pub use time::Timestamp;

//! The one path that every input of every service takes.
//!
//! A batch of inputs (messages, HTTP requests, timers that are due) becomes one transaction: drop
//! what the inbox has seen, load and lock the aggregates named, [`Service::decide`] purely, save
//! aggregates, append history, set timers, append messages to the outbox, commit; only then
//! acknowledge and answer. A service adds a pure function and its routes; everything else is here
//! and written once.
//!
//! Nothing in this crate knows a domain word, and nothing publishes from a handler: the outbox is
//! the only way out.

pub mod aggregate;
pub mod auth;
pub mod backlog;
pub mod breaker;
pub mod broker;
pub mod db;
pub mod host;
pub mod http;
pub mod live;
pub mod metrics;
pub mod participant;
pub mod path;
pub mod ports;
pub mod service;
pub mod telemetry;
pub mod tls;

pub use contracts::{Cause, ServiceName, Timestamp};

pub use aggregate::{Aggregate, Key, Kind, Phase};
pub use http::problem::{FieldError, Problem};
pub use service::{
    Content, Decision, HistoryEntry, Incoming, Input, Keys, Outgoing, Reply, SagaRow, Service, View,
};

//! The orchestrator: owns orders, their sagas and a catalog of the stores' menus.
//!
//! The path of an order reads top to bottom: [`placement`] prices what a customer asks for,
//! [`schedule`] is about when it starts and [`revision`] about what is changed of it, [`sagas`] says as
//! data what then happens, `advance` gives each input to the engine and turns its answer into
//! messages, [`service`] is all of it as one pure decision (`revise` of it what a customer changes,
//! `operate` what an operator does),
//! and [`http`] is how customers and operators reach it.
//!
//! It asks no other service for data while it works: what it needs arrives in events and is kept.

mod advance;
pub mod aggregates;
mod announce;
pub mod catalog;
pub mod http;
pub mod idempotency;
mod operate;
pub mod order;
pub mod placement;
mod revise;
pub mod revision;
pub mod sagas;
pub mod schedule;
pub mod service;
pub mod settings;
pub mod status;
pub mod views;

pub use aggregates::State;
pub use http::routes;
pub use order::Order;
pub use sagas::graph;
pub use service::{Orchestrator, Request};
pub use settings::{Deadlines, Lead, Retry, Settings};

//! The orchestrator: owns orders, their sagas and a catalog of the stores' menus.
//!
//! The path of an order reads top to bottom: [`placement`] prices what a customer asks for,
//! [`sagas`] says as data what then happens, `advance` gives each input to the engine and turns
//! its answer into messages, [`service`] is all of it as one pure decision, and [`http`] is how
//! customers and operators reach it.
//!
//! It asks no other service for data while it works: what it needs arrives in events and is kept.

mod advance;
pub mod aggregates;
pub mod catalog;
pub mod http;
pub mod idempotency;
pub mod order;
pub mod placement;
pub mod sagas;
pub mod service;
pub mod settings;
pub mod status;
pub mod views;

pub use aggregates::State;
pub use http::routes;
pub use order::Order;
pub use sagas::graph;
pub use service::{Orchestrator, Request};
pub use settings::{Deadlines, Retry, Settings};

//! The cook: owns the kitchen's tickets. A cook enters start and finish of cooking, or declines.
//!
//! Cooking that has started is the pivot of an order: `cook-started` and `cooking-cancelled`
//! exclude one another, and the ticket's lock decides which of them it is. This crate knows no
//! other service and no saga; it hears commands and tells facts.

pub mod aggregates;
pub mod domain;
pub mod http;
pub mod service;
pub mod views;

#[cfg(test)]
mod tests;

pub use aggregates::TICKET;
pub use http::routes;
pub use service::{Cook, Request, Settings};
pub use views::{Holding, TicketView, holding};

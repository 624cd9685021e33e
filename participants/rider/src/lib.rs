//! The rider service: owns riders, districts and deliveries, and keeps a copy of each order's
//! address from `order-placed`.
//!
//! A delivery is put on offer to the riders near its address; one of them claims it, picks the
//! food up once it is cooked, and confirms. This crate knows no other service and no saga: it hears
//! commands and events, in whatever order they come, and tells facts.

pub mod aggregates;
mod around;
pub mod domain;
mod events;
pub mod http;
mod offers;
mod refusals;
pub mod service;
pub mod views;

#[cfg(test)]
mod tests;

pub use aggregates::{DELIVERY, DISTRICT, LOAD, RIDER};
pub use http::routes;
pub use service::{Request, Rider, Settings};
pub use views::{DeliveryView, Holding, Offer, holding};

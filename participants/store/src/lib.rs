//! Store: menus, stock and order tickets. "Store" is always the restaurant.
//!
//! [`domain`] decides purely: what stands on a ticket and how stock moves between on hand,
//! reserved and sold, whose sum is what was put in. [`service`] turns inputs into calls of the
//! domain and its outcomes into effects; [`http`] is where owners put menus and answer tickets.
//! Nothing here knows of sagas or of the other participants.

pub mod aggregates;
pub mod domain;
pub mod http;
pub mod service;
pub mod settings;
pub mod view;

pub use aggregates::StoreAggregate;
pub use http::routes;
pub use service::{Request, Store};
pub use settings::Settings;
pub use view::{Holding, holding};

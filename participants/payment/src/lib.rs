//! Payment: authorizations, captures and refunds, one record an order.
//!
//! [`domain`] decides purely and never charges twice, [`revision`] likewise where an order comes to
//! cost another sum; [`gateway`] is the built-in test gateway;
//! [`service`] turns inputs into calls of the domain and its outcomes into effects; [`http`] only
//! reads. Nothing here knows of sagas or of the other participants.

pub mod aggregates;
pub mod domain;
pub mod gateway;
pub mod http;
mod money;
pub mod revision;
pub mod service;
pub mod settings;
pub mod view;

pub use domain::OrderPayment;
pub use http::routes;
pub use service::Payment;
pub use settings::Settings;
pub use view::{Holding, holding};

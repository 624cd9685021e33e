//! Notification: a subscriber that tells customers of every change of status of their orders, a
//! store of a new order, and riders of a delivery on offer near them.
//!
//! It listens to public events and asks nobody; nothing waits for it. What is to be said is decided
//! purely and stored with the event that led to it, so that an event that comes again says nothing
//! twice. A sender beside the service takes it to a channel, each recipient's messages in order, and
//! puts what came of it back through the same path.
//!
//! - `moments`: which event leads to which message.
//! - `order`: what an order's events make of it, and what they lead to.
//! - `templates`: what is said, in each language.
//! - `message`, `mailbox`: what is kept of a message, and of a recipient whose messages wait.
//! - `service`, `http`: events and requests become decisions.
//! - `channel`: the port, a log, and a signed webhook.
//! - `sender`: takes what waits to the channel.

pub mod aggregates;
pub mod channel;
pub mod http;
pub mod mailbox;
pub mod message;
pub mod moments;
pub mod order;
mod recipient;
pub mod sender;
pub mod service;
mod settings;
mod templates;
pub mod views;

#[cfg(test)]
mod tests;

pub use http::routes;
pub use recipient::{Kind, Recipient};
pub use service::{Notification, Request};
pub use settings::{Retry, Settings};
pub use templates::Language;
pub use views::MessageView;

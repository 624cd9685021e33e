//! The port by which messages leave: one method. A provider is one adapter.

use std::time::Duration;

use async_trait::async_trait;

use crate::message::Message;

mod log;
pub mod webhook;

pub use self::{
    log::Log,
    webhook::{Webhook, WebhookError},
};

/// What came of giving a message to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It was taken. What becomes of it then is the channel's affair.
    Taken,
    /// It was not, or nobody knows: it is to be sent again, with the same key.
    Later {
        /// What is told, in a few words of ours: never what the other side said.
        reason: String,
        /// How long the other side wants to be left alone.
        after: Option<Duration>,
        /// Nobody was there at all, so that this cannot be the message's fault.
        away: bool,
    },
    /// It was refused, and would be again.
    Refused {
        /// What is told, in a few words of ours.
        reason: String,
    },
}

impl Sent {
    /// Something went wrong that may be the message's fault or not.
    pub fn later(reason: impl Into<String>) -> Self {
        Self::Later { reason: reason.into(), after: None, away: false }
    }
}

/// Takes messages to those whom they are for. May be given one twice, with the same key.
#[async_trait]
pub trait Channel: Send + Sync + 'static {
    /// Its name, in logs and metrics.
    fn name(&self) -> &'static str;

    /// How long giving it a message may take: whoever takes longer is not waited for.
    fn time_limit(&self) -> Duration;

    /// Gives it a message. Dropped when its time is over.
    async fn send(&self, message: &Message) -> Sent;
}

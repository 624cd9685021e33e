//! A channel that writes a line into the log: for development, and where nobody is to be told yet.

use std::time::Duration;

use async_trait::async_trait;

use super::{Channel, Sent};
use crate::message::Message;

/// At which level lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// So that they are seen.
    Info,
    /// So that they are seen when somebody looks for them.
    Debug,
}

#[async_trait]
impl Channel for Log {
    fn name(&self) -> &'static str {
        "log"
    }

    fn time_limit(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn send(&self, message: &Message) -> Sent {
        // Texts are written as Rust has them in quotes: what people wrote cannot begin a line.
        let Message { key, recipient, template, text, .. } = message;
        match self {
            Self::Info => tracing::info!(%key, %recipient, template, ?text, "a message"),
            Self::Debug => tracing::debug!(%key, %recipient, template, ?text, "a message"),
        }
        Sent::Taken
    }
}

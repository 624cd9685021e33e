//! A channel that posts each message to a URL, signed, so that whoever listens there knows that it
//! comes from here, unchanged, and not long ago.
//!
//! - `target`: where the URL leads, and how one gets there safely.
//! - `signature`: the secret, and what is made with it.
//! - `exchange`: one request and its answer.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use runtime::ports::Ports;
use serde::Serialize;

use super::{Channel, Sent};
use crate::{message::Message, recipient::Recipient};

mod exchange;
mod signature;
mod target;

pub use signature::Secret;
use target::Target;

/// The same whenever the message is sent: who listens takes the second one for done.
pub const KEY_HEADER: &str = "idempotency-key";
/// When it was sent, in seconds since 1970: who listens refuses what is old.
pub const TIMESTAMP_HEADER: &str = "x-expeditor-timestamp";
/// `v1=` and the HMAC-SHA-256 of `<timestamp>.<body>` in hexadecimal.
pub const SIGNATURE_HEADER: &str = "x-expeditor-signature";

/// Why a webhook cannot be used. Says neither the URL, in which there may be a password, nor the
/// secret.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// It is not said well where or how.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be read, or there is nothing to trust.
    #[error("{0}")]
    Environment(String),
}

/// Where a webhook is, and how it is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// The URL: `https://`, or `http://` on this machine.
    pub url: String,
    /// What requests are signed with.
    pub secret: Secret,
    /// How long an answer may take.
    pub timeout: Duration,
    /// The CAs that are trusted instead of the system's, in PEM.
    pub ca_file: Option<PathBuf>,
}

/// How long an answer may take unless something else is said.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// A webhook.
pub struct Webhook {
    target: Target,
    secret: Secret,
    timeout: Duration,
    ports: Ports,
}

impl Webhook {
    /// Reads the options. Asks nothing yet.
    ///
    /// # Errors
    ///
    /// The URL cannot be used, or the CA file cannot be read.
    pub fn new(options: Options, ports: &Ports) -> Result<Self, WebhookError> {
        let Options { url, secret, timeout, ca_file } = options;
        if timeout.is_zero() || timeout > LONGEST {
            return Err(WebhookError::Usage(format!(
                "the timeout is above 0 and at most {} s",
                LONGEST.as_secs()
            )));
        }
        let target = Target::read(&url, ca_file.as_deref())?;
        Ok(Self { target, secret, timeout, ports: ports.clone() })
    }

    /// Where it is: the host and no more.
    pub fn host(&self) -> &str {
        self.target.host()
    }
}

/// A recipient is held at least for so long.
const LONGEST: Duration = Duration::from_secs(120);

/// What is posted.
#[derive(Serialize)]
struct Body<'a> {
    key: uuid::Uuid,
    order_id: &'a contracts::OrderId,
    recipient: &'a Recipient,
    template: &'a str,
    language: &'static str,
    text: &'a str,
    queued_at: contracts::Timestamp,
}

#[async_trait]
impl Channel for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn time_limit(&self) -> Duration {
        self.timeout
    }

    async fn send(&self, message: &Message) -> Sent {
        let body = Body {
            key: message.key,
            order_id: &message.order_id,
            recipient: &message.recipient,
            template: &message.template,
            language: message.language.as_str(),
            text: &message.text,
            queued_at: message.queued_at,
        };
        let body = serde_json::to_string(&body).expect("plain structs with text keys serialize");
        let timestamp = (self.ports.now().as_millis() / 1_000).to_string();
        let signature = self.secret.sign(&timestamp, &body);
        let headers = [
            (KEY_HEADER, message.key.to_string()),
            (TIMESTAMP_HEADER, timestamp),
            (SIGNATURE_HEADER, signature),
        ];
        match exchange::post(&self.target, &headers, body).await {
            Ok(answer) => answer.judge(),
            Err(error) => error.judge(),
        }
    }
}

/// What is trusted, where it is asked over TLS.
type Trust = Option<Arc<tokio_rustls::rustls::ClientConfig>>;

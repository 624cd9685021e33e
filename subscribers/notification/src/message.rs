//! A message: what was said to whom, and what became of it. Its text never changes.

use contracts::{OrderId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    order::Draft,
    recipient::Recipient,
    templates::{Language, Template},
};

/// Namespace of the messages' identities.
const MESSAGES: Uuid = Uuid::from_u128(0x6f1c_2f0e_8b7d_4c52_9a43_0d5e_71b8_2c94);

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "NotificationState")]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits to be taken by the channel.
    Pending,
    /// The channel has taken it.
    Sent,
    /// The channel has refused it, or has failed too often on this one alone.
    GivenUp,
}

impl State {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::GivenUp => "given_up",
        }
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The order that it tells of.
    pub order_id: OrderId,
    /// Its place among the order's messages, from 1.
    pub number: u32,
    /// The same whenever it is sent: made of order, moment and recipient.
    pub key: Uuid,
    /// Which moment of the order it tells of.
    pub moment: String,
    /// Who is told.
    pub recipient: Recipient,
    /// By which template.
    pub template: String,
    /// In which language.
    pub language: Language,
    /// What.
    pub text: String,
    /// What became of it.
    pub state: State,
    /// How often it was tried.
    pub attempts: u32,
    /// How many of these were its own fault, as far as that can be told.
    pub failures: u32,
    /// What the channel said last, where it did not take it.
    pub reason: Option<String>,
    /// When it was to be said.
    pub queued_at: Timestamp,
    /// When it was last tried.
    pub tried_at: Option<Timestamp>,
    /// Counts the changes.
    pub version: u64,
}

/// What came of trying a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The channel has taken it.
    Taken,
    /// It is to be tried again.
    Again {
        /// What the channel said.
        reason: String,
        /// Whether that speaks against this message, and not against the channel.
        counts: bool,
        /// How long it waits.
        pause: std::time::Duration,
    },
    /// The channel will not take it, however often it is tried.
    Refused {
        /// What the channel said.
        reason: String,
    },
}

impl Message {
    /// A message that nobody has tried yet.
    pub fn new(order_id: &OrderId, draft: &Draft, language: Language, now: Timestamp) -> Self {
        let Draft { number, moment, recipient, template } = draft;
        Self {
            order_id: order_id.clone(),
            number: *number,
            key: key(order_id, moment, recipient),
            moment: moment.clone(),
            recipient: recipient.clone(),
            template: Template::name(template).to_owned(),
            language,
            text: template.text(language, order_id.as_str()),
            state: State::Pending,
            attempts: 0,
            failures: 0,
            reason: None,
            queued_at: now,
            tried_at: None,
            version: 1,
        }
    }

    /// Takes in what came of trying it. One that has failed `limit` times by itself is given up.
    #[must_use]
    pub fn tried(mut self, outcome: &Outcome, limit: u32, now: Timestamp) -> Self {
        self.version += 1;
        self.attempts = self.attempts.saturating_add(1);
        self.tried_at = Some(now);
        match outcome {
            Outcome::Taken => (self.state, self.reason) = (State::Sent, None),
            Outcome::Refused { reason } => {
                (self.state, self.reason) = (State::GivenUp, Some(reason.clone()));
            }
            Outcome::Again { reason, counts, .. } => {
                self.reason = Some(reason.clone());
                self.failures += u32::from(*counts);
                if self.failures >= limit {
                    self.state = State::GivenUp;
                }
            }
        }
        self
    }
}

/// The identity of what that recipient is told of that moment.
pub fn key(order_id: &OrderId, moment: &str, recipient: &Recipient) -> Uuid {
    Uuid::new_v5(&MESSAGES, format!("{order_id}/{moment}/{recipient}").as_bytes())
}

//! What is shown of messages and recipients.

use contracts::{OrderId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    message::{Message, State},
    recipient::{Kind, Recipient},
    templates::Language,
};

/// A message, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "NotificationMessage")]
pub struct MessageView {
    /// The order that it tells of.
    pub order_id: OrderId,
    /// Its place among the order's messages, from 1.
    pub number: u32,
    /// By which the channel knows it, however often it is sent.
    pub key: Uuid,
    /// Who is told.
    pub recipient: Recipient,
    /// By which template.
    #[schemars(extend("examples" = ["order-cooking", "new-order", "delivery-offered"]))]
    pub template: String,
    /// In which language.
    pub language: Language,
    /// What.
    pub text: String,
    /// What became of it.
    pub state: State,
    /// How often it was tried.
    pub attempts: u32,
    /// What the channel said last, where it did not take it.
    pub reason: Option<String>,
    /// When it was to be said.
    pub queued_at: Timestamp,
    /// When it was last tried.
    pub tried_at: Option<Timestamp>,
    /// When the channel had taken it.
    pub sent_at: Option<Timestamp>,
}

impl From<&Message> for MessageView {
    fn from(message: &Message) -> Self {
        Self {
            order_id: message.order_id.clone(),
            number: message.number,
            key: message.key,
            recipient: message.recipient.clone(),
            template: message.template.clone(),
            language: message.language,
            text: message.text.clone(),
            state: message.state,
            attempts: message.attempts,
            reason: message.reason.clone(),
            queued_at: message.queued_at,
            tried_at: message.tried_at,
            sent_at: message.tried_at.filter(|_| message.state == State::Sent),
        }
    }
}

/// A recipient with the language that was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "NotificationRecipient")]
pub struct RecipientView {
    /// What kind of recipient.
    pub kind: Kind,
    /// The id among those of the kind.
    pub id: String,
    /// In which language messages are written from now on.
    pub language: Language,
}

impl RecipientView {
    /// That recipient with that language.
    pub fn new(recipient: &Recipient, language: Language) -> Self {
        Self { kind: recipient.kind, id: recipient.id.clone(), language }
    }
}

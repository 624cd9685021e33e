//! What is said: one template for each moment, rendered in the recipient's language when the message
//! is queued. Both languages are matches over all templates, so that none can lack a text.

use std::str::FromStr;

use contracts::{Money, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod english;
mod korean;
mod words;

/// A language that messages are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Korean.
    Ko,
    /// English.
    En,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::Ko, Self::En];

    /// Its code (ISO 639-1).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ko => "ko",
            Self::En => "en",
        }
    }
}

/// A code that is none of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: ko, en")]
pub struct UnknownLanguage;

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(code: &str) -> Result<Self, UnknownLanguage> {
        Self::ALL.into_iter().find(|it| it.as_str() == code).ok_or(UnknownLanguage)
    }
}

/// What was ordered, as far as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basket {
    /// What the first line is called.
    pub first: String,
    /// How many lines there are.
    pub lines: usize,
    /// What it costs in all.
    pub total: Money,
}

/// A template with what is filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Template {
    /// To the customer: ordered for later.
    Scheduled { basket: Basket, at: Option<Timestamp> },
    /// To the customer: ordered.
    Placed { basket: Basket },
    /// To the customer: the payment is authorized.
    Paid,
    /// To the customer: the store has accepted.
    Accepted { store: String },
    /// To the customer: cooking has started.
    Cooking,
    /// To the customer: the food is ready.
    Cooked,
    /// To the customer: a rider has the food.
    OnTheWay,
    /// To the customer: it is there.
    Delivered,
    /// To the customer: it is being undone.
    Cancelling,
    /// To the customer: it is undone.
    Cancelled { reason: Option<String> },
    /// To the customer: it comes back.
    Returning,
    /// To the customer: it is back.
    Returned { reason: Option<String> },
    /// To the customer: the change was made.
    Revised { basket: Basket },
    /// To the customer: the change was not made.
    RevisionRefused { reason: String },
    /// To the customer: the cancellation came too late.
    CancellationTooLate,
    /// To the store: an order wants an answer.
    NewOrder { basket: Basket },
    /// To a rider: a delivery is on offer.
    Offered { store: String, district: String, line: String },
}

impl Template {
    /// Its name, as a channel knows it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Scheduled { .. } => "order-scheduled",
            Self::Placed { .. } => "order-placed",
            Self::Paid => "order-paid",
            Self::Accepted { .. } => "order-accepted",
            Self::Cooking => "order-cooking",
            Self::Cooked => "order-cooked",
            Self::OnTheWay => "order-on-the-way",
            Self::Delivered => "order-delivered",
            Self::Cancelling => "order-cancelling",
            Self::Cancelled { .. } => "order-cancelled",
            Self::Returning => "order-returning",
            Self::Returned { .. } => "order-returned",
            Self::Revised { .. } => "order-revised",
            Self::RevisionRefused { .. } => "revision-refused",
            Self::CancellationTooLate => "cancellation-refused",
            Self::NewOrder { .. } => "new-order",
            Self::Offered { .. } => "delivery-offered",
        }
    }

    /// The text about that order: some lines, without other control characters.
    pub fn text(&self, language: Language, order_id: &str) -> String {
        match language {
            Language::Ko => format!("{}\n주문번호: {order_id}", korean::text(self)),
            Language::En => format!("{}\nOrder: {order_id}", english::text(self)),
        }
    }
}

#[cfg(test)]
mod tests;

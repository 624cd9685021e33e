//! What a payment is made of: a hold on money, what was taken of it, what was given back. Data only; what
//! becomes of it is decided in [`domain`](crate::domain).

use contracts::{CustomerId, Money, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gateway::Verdict;

/// A hold on the customer's money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Authorization {
    /// How it stands.
    pub state: AuthorizationState,
    /// Whose money.
    pub customer_id: CustomerId,
    /// How much.
    pub amount: Money,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When the gateway answered.
    pub answered_at: Option<Timestamp>,
}

/// How a hold stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthorizationState {
    /// Asked for, not answered.
    Pending,
    /// Held.
    Authorized,
    /// Refused by the gateway.
    Declined,
    /// Released.
    Voided,
    /// Used up by the capture.
    Captured,
}

/// Money taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Capture {
    /// How it stands.
    pub state: CaptureState,
    /// How much.
    pub amount: Money,
    /// When.
    pub at: Timestamp,
}

/// How a capture stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaptureState {
    /// Taken.
    Captured,
    /// Given back.
    Refunded,
}

/// What a refund came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refund {
    /// What there was to undo.
    pub state: RefundState,
    /// How much was given back or released; none where nothing was there.
    pub amount: Option<Money>,
    /// When.
    pub at: Timestamp,
}

/// What a refund found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// A capture: the money went back.
    Refunded,
    /// Only a hold: it was released.
    Released,
    /// Neither.
    Nothing,
}

/// An answer of the gateway that is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// When it comes.
    pub at: Timestamp,
    /// What it will be: the test gateway knows beforehand.
    pub verdict: Verdict,
}

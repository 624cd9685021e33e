//! What can happen to a saga: a fact, a wish to cancel, a timer, an operator's action.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// One input to [`crate::decide()`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "snake_case")]
pub enum Input {
    /// A participant says what has happened on its side.
    Fact(Fact),
    /// Somebody wants the saga cancelled.
    Cancel {
        /// Slug that becomes the saga's reason, such as `customer_cancelled`.
        reason: String,
        /// Who asks.
        by: String,
    },
    /// A timer fires. A stale one changes nothing.
    Wake {
        /// When the oldest message was written that may still lie in our own outbox: a command
        /// sent at that time or later counts as unsent.
        oldest_unsent: Option<Time>,
        /// Until when we were deaf: the end of the last time in which no message could reach us. A
        /// deadline that began before it runs from then.
        deaf_until: Option<Time>,
    },
    /// An operator acts.
    Operator {
        /// What is to be done.
        action: Action,
        /// Who acts; an action without an actor is refused.
        by: String,
        /// Why.
        reason: String,
    },
}

/// A participant's fact, with everything that it has said so far about this saga's subject.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fact {
    /// The participant, named as in the steps' `to`.
    pub source: String,
    /// Version of the participant's aggregate.
    pub sequence: u64,
    /// Type of the event that carried the fact; kept for the history only.
    pub kind: String,
    /// Every milestone so far, complete and in order.
    pub milestones: Vec<String>,
    /// Slug that replaces the step's own failure reason, if this fact is a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Fact {
    /// A fact without a reason of its own.
    pub fn new<S: Into<String>>(
        source: &str,
        sequence: u64,
        kind: &str,
        milestones: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            source: source.into(),
            sequence,
            kind: kind.into(),
            milestones: milestones.into_iter().map(Into::into).collect(),
            reason: None,
        }
    }

    /// The same fact with a reason for a refusal, such as `out_of_stock`.
    #[must_use]
    pub fn because(mut self, reason: &str) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

/// What an operator can do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Sends again now and counts attempts anew: one step's command, or all that are in flight.
    Retry {
        /// The step; all in flight if absent.
        #[serde(default)]
        step: Option<String>,
    },
    /// Records facts, but sends nothing new and fires no timer, until resumed.
    Suspend,
    /// Ends a suspension; deadlines move by its length.
    Resume,
    /// Exactly a cancellation.
    Compensate,
    /// Goes on without a step, where the definition allows it.
    Skip {
        /// The step.
        step: String,
    },
    /// Records a fact that the participant's holdings confirm.
    Resolve {
        /// The step that the fact is about.
        step: String,
        /// The fact, as the definition names it.
        fact: String,
    },
}

impl Action {
    /// The action's name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Retry { .. } => "retry",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Compensate => "compensate",
            Self::Skip { .. } => "skip",
            Self::Resolve { .. } => "resolve",
        }
    }

    /// The step that it names, if it names one.
    pub fn step(&self) -> Option<&str> {
        match self {
            Self::Retry { step } => step.as_deref(),
            Self::Skip { step } | Self::Resolve { step, .. } => Some(step),
            Self::Suspend | Self::Resume | Self::Compensate => None,
        }
    }
}

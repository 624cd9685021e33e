//! What has happened to a saga, in the past tense: the history that people read and that the
//! state is folded from. Events carry the times that follow from them, so that folding them
//! needs neither settings nor a clock.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::command::Direction;
use crate::instance::Cursors;
use crate::settings::Settings;
use crate::time::Time;

/// Something that has happened, and when. The n-th event of a saga makes its version n.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Event {
    /// When it was decided.
    pub at: Time,
    /// What it was.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// Why a deadline was set anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extension {
    /// The command may still lie in our own outbox.
    Unsent,
    /// No message could reach us for a while: the answer may have waited.
    Deaf,
    /// The saga is stuck and sends nothing new.
    Stuck,
}

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[allow(missing_docs, reason = "fields are named alike throughout; units are in their types")]
pub enum EventKind {
    /// The saga began; settings and version of the definition are pinned here.
    SagaStarted {
        saga_id: Uuid,
        definition: String,
        definition_version: u32,
        settings: Settings,
        cursors: Cursors,
    },
    /// A step was asked for by sending its command.
    StepRequested {
        step: String,
        generation: u32,
        command: String,
        to: String,
        command_id: Uuid,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Time>,
        next_attempt_at: Time,
    },
    /// A step's turn came that sends nothing and waits for a fact about an earlier command.
    StepAwaited {
        step: String,
        command: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Time>,
        next_attempt_at: Time,
    },
    /// A command was sent again; `step` is the step that sends it.
    CommandResent {
        step: String,
        direction: Direction,
        command: String,
        to: String,
        command_id: Uuid,
        attempt: u32,
        next_attempt_at: Time,
    },
    /// A resend was put off: the command may still lie in our own outbox.
    ResendPostponed { step: String, next_attempt_at: Time },
    /// The command was sent too often without an answer: the saga is stuck.
    RetriesExhausted { step: String, attempts: u32 },
    /// An operator had a command sent at once; attempts count anew.
    StepRetried {
        step: String,
        direction: Direction,
        command: String,
        to: String,
        command_id: Uuid,
        next_attempt_at: Time,
    },
    /// The participant has shown that it hears us, though no step has changed.
    AnswerHeard { step: String, source: String, sequence: u64 },
    /// A participant's facts were taken in, up to this sequence and this many milestones.
    FactHeard { source: String, sequence: u64, kind: String, milestones: u64 },
    /// A step is done.
    StepDone { step: String, fact: String },
    /// A step was refused, or its fact hands the saga over.
    StepFailed { step: String, fact: String, reason: String },
    /// A done step was taken back by a fact; steps that were waiting for it are blocked again.
    StepReopened { step: String, fact: String, generation: u32, blocked: Vec<String> },
    /// A step was skipped by an operator.
    StepSkipped { step: String },
    /// Undoing (or, with its outcome unknown, revoking) a step was asked for.
    StepUndoRequested {
        step: String,
        generation: u32,
        command: String,
        to: String,
        command_id: Uuid,
        next_attempt_at: Time,
    },
    /// A step is undone, or was refused and needs no undoing.
    StepUndone { step: String, fact: String },
    /// A deadline passed, and the saga is to be cancelled for this reason.
    DeadlinePassed { step: String, reason: String },
    /// A deadline was set anew instead of running out.
    DeadlineExtended { step: String, deadline: Time, because: Extension },
    /// A deadline passed; a helping command was sent and the deadline set once more.
    StepWidened { step: String, command: String, to: String, command_id: Uuid, deadline: Time },
    /// A deadline passed and people are to look: the saga is stalled but goes on.
    StepEscalated { step: String },
    /// Somebody asked for a cancellation.
    CancellationRequested { reason: String, by: String },
    /// The cancellation came too late.
    CancellationRefused {},
    /// What was done is being undone.
    CompensationStarted { reason: String },
    /// The pivot turned out to have happened: the saga goes on forward.
    CompensationAbandoned {},
    /// An operator acted; what came of it follows.
    OperatorActed {
        action: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fact: Option<String>,
        by: String,
        reason: String,
    },
    /// An operator asked the participant for the fact that hands the saga over.
    RecallRequested { step: String, command: String, to: String, command_id: Uuid, attempt: u32 },
    /// The saga was suspended.
    SagaSuspended {},
    /// The saga was resumed; deadlines moved by the length of the suspension.
    SagaResumed {},
    /// The end: every step is done.
    SagaCompleted {},
    /// The end: everything that was done is undone.
    SagaCancelled { reason: String },
    /// The end: another saga goes on from here.
    SagaHandedOver { definition: String, reason: String },
}

impl EventKind {
    /// The step that it is about, if it is about one.
    pub fn step(&self) -> Option<&str> {
        match self {
            Self::StepRequested { step, .. }
            | Self::StepAwaited { step, .. }
            | Self::CommandResent { step, .. }
            | Self::ResendPostponed { step, .. }
            | Self::RetriesExhausted { step, .. }
            | Self::StepRetried { step, .. }
            | Self::AnswerHeard { step, .. }
            | Self::StepDone { step, .. }
            | Self::StepFailed { step, .. }
            | Self::StepReopened { step, .. }
            | Self::StepSkipped { step }
            | Self::StepUndoRequested { step, .. }
            | Self::StepUndone { step, .. }
            | Self::DeadlinePassed { step, .. }
            | Self::DeadlineExtended { step, .. }
            | Self::StepWidened { step, .. }
            | Self::StepEscalated { step }
            | Self::RecallRequested { step, .. } => Some(step),
            Self::OperatorActed { step, .. } => step.as_deref(),
            _ => None,
        }
    }

    /// Whether nothing may follow it.
    pub const fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::SagaCompleted {} | Self::SagaCancelled { .. } | Self::SagaHandedOver { .. }
        )
    }
}

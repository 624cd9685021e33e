//! One saga's state. It is only ever made by folding events, and read through accessors.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::settings::Settings;
use crate::time::Time;

/// Where a saga stands, as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Going forward.
    Running,
    /// Undoing what was done.
    Compensating,
    /// Ended: every step is done.
    Completed,
    /// Ended: everything is undone.
    Cancelled,
    /// Ended: another saga took over.
    Returned,
    /// Halted by an operator.
    Suspended,
    /// A participant does not answer; an operator decides.
    Stuck,
}

impl Status {
    /// The word that is used outside.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Compensating => "compensating",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Returned => "returned",
            Self::Suspended => "suspended",
            Self::Stuck => "stuck",
        }
    }

    /// Whether it is an end. Suspended and stuck are not.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Returned)
    }
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Its turn has not come.
    Blocked,
    /// Asked for, not answered.
    Requested,
    /// Done.
    Done,
    /// Refused.
    Failed,
    /// Its undo was asked for, not answered.
    Undoing,
    /// Undone.
    Undone,
    /// Skipped by an operator.
    Skipped,
}

impl StepStatus {
    /// The word that is used outside.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Requested => "requested",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
            Self::Skipped => "skipped",
        }
    }

    /// Whether an answer is awaited.
    pub const fn in_flight(self) -> bool {
        matches!(self, Self::Requested | Self::Undoing)
    }

    /// Whether the saga may go on from it.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Skipped)
    }
}

/// What became of a wish to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cancellation {
    /// Asked for; the outcome shows in the saga's status.
    Requested,
    /// The pivot had happened.
    Refused,
}

/// How far one source was heard.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Cursor {
    /// The highest sequence heard.
    pub sequence: u64,
    /// How many of its milestones were applied.
    pub applied: u64,
}

/// How far each source was heard, by its name.
pub type Cursors = BTreeMap<String, Cursor>;

/// One step of one saga. What says nothing (a zero, a no, a time not set) is left out where it is
/// kept: the state is written with every decision, and most of it says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StepState {
    /// Name of the step.
    pub name: String,
    /// Where it stands.
    pub status: StepStatus,
    /// Counted from 1; reopening makes a new one, with a new command id.
    pub generation: u32,
    /// How often the command (or its undo) was sent in this generation and direction, by this
    /// step: a step that only waits sends nothing itself.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts: u32,
    /// How many of these were sent since the participant was last heard.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unanswered: u32,
    /// Whether the retry limit has passed: it is why a saga is stuck.
    #[serde(default, skip_serializing_if = "is_false")]
    pub exhausted: bool,
    /// Whether the deadline's helping command was sent in this generation.
    #[serde(default, skip_serializing_if = "is_false")]
    pub widened: bool,
    /// Whether the deadline has called for people in this generation.
    #[serde(default, skip_serializing_if = "is_false")]
    pub escalated: bool,
    /// How often an operator asked for the handing-over fact.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub recalls: u32,
    /// Since when it has this status.
    pub since: Time,
    /// When it was asked for in this generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<Time>,
    /// When its command (or its undo) was last sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Time>,
    /// When its command is sent again, while any step waits on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Time>,
    /// When it is overdue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
    /// Why it failed, as a slug.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// The direction in which the saga goes, below the states that merely halt it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    Running,
    Compensating,
    Completed,
    Cancelled,
    Returned,
}

/// One saga.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Instance {
    pub(crate) saga_id: Uuid,
    pub(crate) definition: String,
    pub(crate) definition_version: u32,
    pub(crate) version: u64,
    pub(crate) phase: Phase,
    pub(crate) suspended_at: Option<Time>,
    pub(crate) past_pivot: bool,
    pub(crate) cancellation: Option<Cancellation>,
    pub(crate) cancel_reason: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) started_at: Time,
    pub(crate) updated_at: Time,
    pub(crate) steps: Vec<StepState>,
    pub(crate) cursors: Cursors,
    pub(crate) settings: Settings,
}

impl Instance {
    /// Identity of the saga.
    pub const fn saga_id(&self) -> Uuid {
        self.saga_id
    }

    /// Name of its definition.
    pub fn definition(&self) -> &str {
        &self.definition
    }

    /// Version of its definition, pinned when it started.
    pub const fn definition_version(&self) -> u32 {
        self.definition_version
    }

    /// How many events it is the fold of.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Where it stands.
    pub fn status(&self) -> Status {
        match self.phase {
            Phase::Completed => Status::Completed,
            Phase::Cancelled => Status::Cancelled,
            Phase::Returned => Status::Returned,
            Phase::Running | Phase::Compensating if self.is_suspended() => Status::Suspended,
            Phase::Running | Phase::Compensating if self.is_stuck() => Status::Stuck,
            Phase::Running => Status::Running,
            Phase::Compensating => Status::Compensating,
        }
    }

    /// Its steps, in the order of the definition.
    pub fn steps(&self) -> &[StepState] {
        &self.steps
    }

    /// One step by name.
    pub fn step(&self, name: &str) -> Option<&StepState> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// Whether a step has overrun its deadline and people are to look. The saga goes on.
    pub fn stalled(&self) -> bool {
        !self.is_terminal()
            && self.steps.iter().any(|step| step.escalated && step.status.in_flight())
    }

    /// Whether it is undoing what was done, suspended or not.
    pub fn is_compensating(&self) -> bool {
        self.phase == Phase::Compensating
    }

    /// Whether an operator has halted it.
    pub const fn is_suspended(&self) -> bool {
        self.suspended_at.is_some()
    }

    /// Whether a participant does not answer, suspended or not.
    pub fn is_stuck(&self) -> bool {
        self.steps.iter().any(|step| step.exhausted)
    }

    /// Whether it has ended.
    pub const fn is_terminal(&self) -> bool {
        matches!(self.phase, Phase::Completed | Phase::Cancelled | Phase::Returned)
    }

    /// Whether the point of no return has passed. So it is from the start where nothing can be
    /// undone.
    pub const fn past_pivot(&self) -> bool {
        self.past_pivot
    }

    /// Whether a cancellation could still begin.
    pub const fn cancellable(&self) -> bool {
        matches!(self.phase, Phase::Running) && !self.past_pivot && self.cancellation.is_none()
    }

    /// What became of a wish to cancel.
    pub const fn cancellation(&self) -> Option<Cancellation> {
        self.cancellation
    }

    /// Why it is being cancelled, was cancelled or has handed over, as a slug.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The step whose answer is awaited: the one that does not answer if it is stuck, else one that
    /// has overrun its deadline, else the one that has been awaited longest.
    pub fn waiting_on(&self) -> Option<&str> {
        self.awaited().map(|step| step.name.as_str())
    }

    /// Since when that answer is awaited.
    pub fn waiting_since(&self) -> Option<Time> {
        self.awaited().map(|step| step.since)
    }

    fn awaited(&self) -> Option<&StepState> {
        if self.is_terminal() {
            return None;
        }
        let in_flight = self.steps.iter().filter(|step| step.status.in_flight());
        in_flight.min_by_key(|step| (!step.exhausted, !step.escalated, step.since))
    }

    /// When the next command is sent again, if any is awaited.
    pub fn next_attempt_at(&self) -> Option<Time> {
        if self.is_suspended() {
            return None;
        }
        self.steps.iter().filter_map(|step| step.next_attempt_at).min()
    }

    /// The earliest moment at which anything is due, resend or deadline: when to be woken.
    pub fn next_wake(&self) -> Option<Time> {
        if self.is_suspended() {
            return None;
        }
        let deadline = self.steps.iter().filter_map(|step| step.deadline).min();
        self.next_attempt_at().into_iter().chain(deadline).min()
    }

    /// When it started.
    pub const fn started_at(&self) -> Time {
        self.started_at
    }

    /// When its last event happened.
    pub const fn updated_at(&self) -> Time {
        self.updated_at
    }

    /// How far each source was heard; a saga that goes on from this one starts with them.
    pub const fn cursors(&self) -> &Cursors {
        &self.cursors
    }

    /// The settings that it started with.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }
}

//! The identity of a command: the same for every resend, so that a participant acts once.

use alloc::format;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Which way a command pushes its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Asks for the step.
    Do,
    /// Undoes or revokes it.
    Undo,
    /// Helps a step whose deadline has passed.
    Widen,
    /// Asks for the fact that hands the saga over.
    Recall,
}

impl Direction {
    /// The word that goes into the identity.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Do => "do",
            Self::Undo => "undo",
            Self::Widen => "widen",
            Self::Recall => "recall",
        }
    }
}

/// The command's identity: `UUIDv5` of saga, step, direction and generation. Reopening a step
/// makes a new generation, sending again does not.
pub fn command_id(saga_id: Uuid, step: &str, direction: Direction, generation: u32) -> Uuid {
    let name = format!("{step}|{}|{generation}", direction.as_str());
    Uuid::new_v5(&saga_id, name.as_bytes())
}

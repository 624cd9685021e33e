//! Deadlines and retries: configurable, with the definition's defaults, pinned in a saga when
//! it starts. Jitter is a hash, so that a decision stays a pure function.

use alloc::collections::BTreeMap;
use alloc::string::String;

use mutants::mutant;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::Millis;

/// How commands are sent again while nobody answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Retry {
    /// Pause after the first sending; each further pause is twice as long.
    pub first_pause: Millis,
    /// The longest pause.
    pub cap: Millis,
    /// Up to this many percent are taken off a pause, so that sagas do not move in step.
    pub jitter_percent: u8,
    /// Attempts without an answer after which a saga is stuck; counts only commands that a
    /// participant answers by itself, and undos.
    pub limit: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            first_pause: Millis::seconds(1),
            cap: Millis::seconds(60),
            jitter_percent: 20,
            limit: 20,
        }
    }
}

impl Retry {
    /// The pause after the given attempt (counted from 1): doubling up to the cap, then jittered
    /// by a hash of command and attempt. At least one millisecond, so that no timer spins.
    pub fn pause(&self, command: Uuid, attempt: u32) -> Millis {
        let mut doublings = attempt.saturating_sub(1).min(62);
        if mutant!("saga-does-not-back-off") {
            doublings = 0;
        }
        let doubled = self.first_pause.0.saturating_mul(1_i64 << doublings);
        let cap = if mutant!("saga-backs-off-for-ever") { i64::MAX } else { self.cap.0 };
        self.jittered(doubled.min(cap), command, attempt)
    }

    /// The jittered longest pause.
    pub fn cap(&self, command: Uuid, attempt: u32) -> Millis {
        self.jittered(self.cap.0, command, attempt)
    }

    fn jittered(&self, pause: i64, command: Uuid, attempt: u32) -> Millis {
        let pause = pause.max(1);
        let share = i128::from(hash(command, attempt)) * i128::from(self.jitter_percent.min(100));
        let off = i128::from(pause) * share / (100 << 32);
        // `off` is at most `pause`, so it fits; the fallback only takes no jitter.
        Millis((pause - i64::try_from(off).unwrap_or(0)).max(1))
    }
}

/// A well mixed number of command and attempt (the finaliser of splitmix64).
fn hash(command: Uuid, attempt: u32) -> u32 {
    let (high, low) = command.as_u64_pair();
    let mut mixed = high ^ low.rotate_left(32) ^ u64::from(attempt);
    mixed = mixed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(u32::MAX)
}

/// What may be configured of a definition; a saga keeps the settings that it started with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Settings {
    /// Deadline of each step that has one, by the step's name; a step that is not named keeps
    /// the definition's, and names that the definition does not know have no effect.
    pub deadlines: BTreeMap<String, Millis>,
    /// How commands are sent again.
    pub retry: Retry,
}

impl Settings {
    /// The deadline of a step, if it has one.
    pub fn deadline(&self, step: &str) -> Option<Millis> {
        self.deadlines.get(step).copied()
    }
}

//! The invariants, each in a file of its own; those that one order is judged by are pure.

pub mod acknowledged;
pub mod amounts;
pub mod catalog;
pub mod columns;
pub mod effects;
pub mod endings;
pub mod ends;
pub mod histories;
pub mod mypage;
pub mod orders;
pub mod orphans;
pub mod outboxes;
pub mod riders;
pub mod sequences;
pub mod stock;
pub mod timers;

/// What one order's holdings say about one invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The invariant says nothing about it.
    Silent,
    /// It holds.
    Holds,
    /// It cannot be judged yet: something is on its way.
    InFlight,
    /// It is violated.
    Violated(String),
}

impl Verdict {
    /// Violated by the first complaint, if there is one.
    fn from_first(complaint: Option<String>) -> Self {
        complaint.map_or(Self::Holds, Self::Violated)
    }
}

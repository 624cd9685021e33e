//! What can go wrong with a commit.

use crate::db::DbError;

/// What goes wrong with a commit. Whoever commits is told in every case that the outcome is not
/// known, and so has to be right with either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The process ends before anything is stored.
    CrashBefore,
    /// The process ends when everything is stored and nobody has been told.
    CrashAfter,
    /// Nothing is stored; the process goes on.
    Lost,
    /// Everything is stored, and the answer is lost; the process goes on.
    Unanswered,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::CrashBefore, Self::CrashAfter, Self::Lost, Self::Unanswered];

    /// Whether the commit is stored.
    pub fn stores(self) -> bool {
        matches!(self, Self::CrashAfter | Self::Unanswered)
    }

    /// Whether the process ends.
    pub fn crashes(self) -> bool {
        matches!(self, Self::CrashBefore | Self::CrashAfter)
    }

    /// What the one who commits is told, which is the same for all.
    pub(super) fn error() -> DbError {
        DbError::Unavailable("whether it was committed is not known: no answer came".to_owned())
    }
}

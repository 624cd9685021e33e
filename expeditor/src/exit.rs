//! How a command ends: one error type, sorted by the exit status that scripts rely on.
//!
//! Every error is one clear line; a command never prints its own error and never calls `exit`.

use runtime::db::DbError;

/// Why a command did not end well. The exit status is [`Failure::status`].
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The answer is no: the audit found something, a plan ended otherwise. Exit status 1.
    #[error("{0}")]
    No(String),
    /// Usage, configuration, a port in use, a database of a newer version. Exit status 2.
    #[error("{0}")]
    Usage(String),
    /// A server or the disk. Exit status 3.
    #[error("{0}")]
    Environment(String),
}

impl Failure {
    /// The exit status.
    pub const fn status(&self) -> u8 {
        match self {
            Self::No(_) => 1,
            Self::Usage(_) => 2,
            Self::Environment(_) => 3,
        }
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Address(_) | DbError::NewerVersion { .. } => Self::Usage(error.to_string()),
            DbError::Conflict(_)
            | DbError::Unavailable(_)
            | DbError::Rejected(_)
            | DbError::Corrupt(_) => Self::Environment(error.to_string()),
        }
    }
}

/// A failure of the file system, with what was attempted.
pub fn disk(what: impl std::fmt::Display, error: &std::io::Error) -> Failure {
    Failure::Environment(format!("{what}: {error}"))
}

/// The text as one line: what stands on further lines is joined.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_failure_has_its_exit_status() {
        let newer = DbError::NewerVersion { name: "store.db".into(), found: 9, known: 1 };
        for (failure, status) in [
            (Failure::No("no".into()), 1),
            (Failure::Usage("usage".into()), 2),
            (Failure::Environment("disk".into()), 3),
            (newer.into(), 2),
            (DbError::Unavailable("disk full".into()).into(), 3),
            (DbError::Corrupt("body".into()).into(), 3),
        ] {
            assert_eq!(failure.status(), status, "{failure}");
        }
    }

    #[test]
    fn an_error_is_one_line() {
        assert_eq!(one_line("a\n  b\n\nc"), "a b c");
    }
}

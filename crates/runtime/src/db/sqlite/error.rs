//! Sorts what SQLite reports by what the caller should do.

use sqlx::migrate::MigrateError;

use crate::db::DbError;

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(reported) => {
                let code = reported.code().and_then(|code| code.parse::<u32>().ok());
                sort(code.unwrap_or(0), reported.message())
            }
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. } => Self::Corrupt(error.to_string()),
            sqlx::Error::Encode(_) => Self::Rejected(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<MigrateError> for DbError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            other => Self::Corrupt(other.to_string()),
        }
    }
}

/// By SQLite's primary result code, which is the lowest byte of the extended one.
fn sort(code: u32, message: &str) -> DbError {
    let message = message.to_owned();
    match code & 0xff {
        // ABORT, BUSY, LOCKED, INTERRUPT, SCHEMA
        4 | 5 | 6 | 9 | 17 => DbError::Conflict(message),
        // TOOBIG, CONSTRAINT, MISMATCH
        18..=20 => DbError::Rejected(message),
        // ERROR, INTERNAL, CORRUPT, MISUSE, NOTADB: SQL that does not fit the file is a bug or
        // damage, and must not make dead letters of healthy messages.
        1 | 2 | 11 | 21 | 26 => DbError::Corrupt(message),
        // PERM, NOMEM, READONLY, IOERR, FULL, CANTOPEN, PROTOCOL, NOLFS, AUTH, and what is to come
        _ => DbError::Unavailable(message),
    }
}

impl DbError {
    /// The same, with the place where it happened in front.
    pub(super) fn at(self, place: &str) -> Self {
        match self {
            Self::Conflict(text) => Self::Conflict(format!("{place}: {text}")),
            Self::Unavailable(text) => Self::Unavailable(format!("{place}: {text}")),
            Self::Rejected(text) => Self::Rejected(format!("{place}: {text}")),
            Self::Corrupt(text) => Self::Corrupt(format!("{place}: {text}")),
            newer @ Self::NewerVersion { .. } => newer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_by_what_the_caller_should_do() {
        for (code, expected) in [
            (5, "busy"),            // SQLITE_BUSY
            (517, "busy"),          // SQLITE_BUSY_SNAPSHOT
            (6, "busy"),            // SQLITE_LOCKED
            (13, "not available"),  // SQLITE_FULL
            (8, "not available"),   // SQLITE_READONLY
            (778, "not available"), // SQLITE_IOERR_WRITE
            (14, "not available"),  // SQLITE_CANTOPEN
            (2067, "refuses"),      // SQLITE_CONSTRAINT_UNIQUE
            (3091, "refuses"),      // SQLITE_CONSTRAINT_DATATYPE
            (18, "refuses"),        // SQLITE_TOOBIG
            (20, "refuses"),        // SQLITE_MISMATCH
            (11, "cannot be read"), // SQLITE_CORRUPT
            (26, "cannot be read"), // SQLITE_NOTADB
            (1, "cannot be read"),  // SQLITE_ERROR: no such table
        ] {
            let text = sort(code, "…").to_string();
            assert!(text.contains(expected), "{code}: {text}");
        }
    }
}

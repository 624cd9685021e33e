//! Sorts what SQLite reports by what the caller should do.

use crate::db::DbError;

/// By SQLite's primary result code, which is the lowest byte of the extended one.
pub(in crate::db) fn sort(code: u32, message: &str) -> DbError {
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

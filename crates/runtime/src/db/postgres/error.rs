//! Sorts what PostgreSQL reports by what the caller should do.

use crate::db::DbError;

/// By SQLSTATE. What is not known is taken for an outage: nothing is lost while a service waits, but
/// a healthy message that was taken for poison is a dead letter.
pub(in crate::db) fn sort(code: &str, message: &str) -> DbError {
    let message = format!("{message} ({code})");
    match code {
        // serialization_failure, deadlock_detected, lock_not_available: rolled back for certain.
        "40001" | "40P01" | "55P03" => return DbError::Conflict(message),
        // statement_completion_unknown
        "40003" => return DbError::Unavailable(message),
        // data_corrupted, index_corrupted
        "XX001" | "XX002" => return DbError::Corrupt(message),
        // undefined_table, undefined_column, undefined_function: a schema that does not fit.
        "42P01" | "42703" | "42883" => {
            return DbError::Corrupt(format!("the schema does not fit this program: {message}"));
        }
        _ => {}
    }
    match code.get(..2) {
        // Data, cardinality, integrity, program limits (a row or a key too large).
        Some("22" | "21" | "23" | "54") => DbError::Rejected(message),
        // Other rollbacks.
        Some("40") => DbError::Conflict(message),
        _ => DbError::Unavailable(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_by_what_the_caller_should_do() {
        for (code, expected) in [
            ("40001", "busy"),           // serialization_failure
            ("40P01", "busy"),           // deadlock_detected
            ("40002", "busy"),           // transaction_integrity_constraint_violation
            ("55P03", "busy"),           // lock_not_available
            ("40003", "not available"),  // statement_completion_unknown
            ("57P01", "not available"),  // admin_shutdown
            ("57P03", "not available"),  // cannot_connect_now
            ("53300", "not available"),  // too_many_connections
            ("53100", "not available"),  // disk_full
            ("28P01", "not available"),  // invalid_password
            ("3D000", "not available"),  // invalid_catalog_name
            ("25006", "not available"),  // read_only_sql_transaction
            ("25P03", "not available"),  // idle_in_transaction_session_timeout
            ("42501", "not available"),  // insufficient_privilege
            ("08006", "not available"),  // connection_failure
            ("23505", "refuses"),        // unique_violation
            ("22021", "refuses"),        // character_not_in_repertoire
            ("22P05", "refuses"),        // untranslatable_character
            ("54000", "refuses"),        // program_limit_exceeded
            ("XX001", "cannot be read"), // data_corrupted
            ("42P01", "cannot be read"), // undefined_table
            ("", "not available"),
        ] {
            let text = sort(code, "…").to_string();
            assert!(text.contains(expected), "{code}: {text}");
        }
    }
}

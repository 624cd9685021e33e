//! What a driver reports, sorted by what the caller should do. Each database sorts its own codes.

use sqlx::{migrate::MigrateError, postgres::PgDatabaseError};

use super::{DbError, postgres, sqlite};
use crate::tls;

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(reported) => {
                if let Some(reported) = reported.try_downcast_ref::<PgDatabaseError>() {
                    return postgres::sort(reported.code(), reported.message());
                }
                let code = reported.code().and_then(|code| code.parse::<u32>().ok());
                sqlite::sort(code.unwrap_or(0), reported.message())
            }
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. } => Self::Corrupt(error.to_string()),
            sqlx::Error::PoolTimedOut => {
                Self::Unavailable("no connection could be had in time".to_owned())
            }
            sqlx::Error::Io(why) => Self::Unavailable(match tls::reason(why) {
                Some(why) => format!("TLS: {why}"),
                None => error.to_string(),
            }),
            sqlx::Error::Tls(why) => {
                let why = tls::reason(&**why).unwrap_or_else(|| why.to_string());
                Self::Unavailable(format!("TLS: {why}"))
            }
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

impl DbError {
    /// The same, with the place where it happened in front.
    pub(super) fn at(self, place: &str) -> Self {
        match self {
            Self::Conflict(text) => Self::Conflict(format!("{place}: {text}")),
            Self::Unavailable(text) => Self::Unavailable(format!("{place}: {text}")),
            Self::Rejected(text) => Self::Rejected(format!("{place}: {text}")),
            Self::Corrupt(text) => Self::Corrupt(format!("{place}: {text}")),
            Self::Address(text) => Self::Address(text),
            newer @ Self::NewerVersion { .. } => newer,
        }
    }
}

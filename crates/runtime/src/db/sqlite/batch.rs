//! Rows of a batch as one JSON parameter, which `jsonb_each` takes apart again: thousands of bound
//! values cost more than one text, and `json_each` would write and parse a row for each column. Long texts go beside it, packed into one blob: as a part of the
//! JSON each would be escaped, parsed and unescaped. Also the way back: columns as the port's types.

use contracts::{MessageId, QueueKind, Timestamp};
use serde::Serialize;
use sqlx::{Row as _, sqlite::SqliteRow};
use uuid::Uuid;

use crate::db::DbError;

/// The rows as a JSON array of arrays.
pub(super) fn json<T: Serialize>(rows: impl IntoIterator<Item = T>) -> Result<String, DbError> {
    let rows: Vec<T> = rows.into_iter().collect();
    serde_json::to_string(&rows).map_err(|error| DbError::Rejected(error.to_string()))
}

/// Long texts of a batch, one after another.
#[derive(Default)]
pub(super) struct Texts(Vec<u8>);

impl Texts {
    /// Appends a text; answers where it begins (counted from 1) and how many bytes it has: what
    /// `CAST(substr(…) AS TEXT)` takes it out with.
    pub(super) fn add(&mut self, text: &str) -> (usize, usize) {
        let start = self.0.len() + 1;
        self.0.extend_from_slice(text.as_bytes());
        (start, text.len())
    }

    /// All of them, to be bound.
    pub(super) fn blob(self) -> Vec<u8> {
        self.0
    }
}

/// A number that SQLite can keep.
pub(super) fn integer(number: u64) -> Result<i64, DbError> {
    i64::try_from(number).map_err(|_| DbError::Rejected(format!("{number} is out of range")))
}

/// Bytes as hexadecimal digits, for `unhex`.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// A message id as `unhex` takes it.
pub(super) fn hex_id(id: MessageId) -> String {
    hex(id.0.as_bytes())
}

/// A column that holds no negative number.
pub(super) fn unsigned(row: &SqliteRow, column: usize) -> Result<u64, DbError> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(|_| DbError::Corrupt(format!("{number} where a count should be")))
}

/// A column that holds a time.
pub(super) fn time(row: &SqliteRow, column: usize) -> Result<Timestamp, DbError> {
    Ok(Timestamp::from_millis(row.try_get(column)?))
}

/// A column that holds a time or nothing.
pub(super) fn optional_time(row: &SqliteRow, column: usize) -> Result<Option<Timestamp>, DbError> {
    let millis: Option<i64> = row.try_get(column)?;
    Ok(millis.map(Timestamp::from_millis))
}

/// A column that holds a message id.
pub(super) fn message_id(row: &SqliteRow, column: usize) -> Result<MessageId, DbError> {
    to_message_id(row.try_get(column)?)
}

/// Bytes that should be a message id.
pub(super) fn to_message_id(bytes: &[u8]) -> Result<MessageId, DbError> {
    Uuid::from_slice(bytes)
        .map(MessageId)
        .map_err(|_| DbError::Corrupt("bytes that are no message id".to_owned()))
}

/// A column that holds a UUID as text.
pub(super) fn uuid(row: &SqliteRow, column: usize) -> Result<Uuid, DbError> {
    let text: &str = row.try_get(column)?;
    Uuid::try_parse(text).map_err(|_| DbError::Corrupt(format!("{text:?} is no UUID")))
}

/// A column that holds the name of a queue.
pub(super) fn consumer(row: &SqliteRow, column: usize) -> Result<QueueKind, DbError> {
    let text: &str = row.try_get(column)?;
    [QueueKind::Commands, QueueKind::Events]
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or_else(|| DbError::Corrupt(format!("{text:?} is no queue")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lie_one_after_another_by_their_bytes() {
        let mut texts = Texts::default();
        let places = ["ab", "", "\u{ae40}", "c"].map(|text| texts.add(text));
        assert_eq!(places, [(1, 2), (3, 0), (3, 3), (6, 1)]);
        assert_eq!(texts.blob(), "ab\u{ae40}c".as_bytes());
    }

    #[test]
    fn bytes_become_digits() {
        for (bytes, digits) in
            [(&[][..], ""), (&[0][..], "00"), (&[0xff, 0x0a, 0x10][..], "ff0a10")]
        {
            assert_eq!(hex(bytes), digits);
        }
    }
}

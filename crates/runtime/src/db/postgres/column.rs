//! Columns as the port's types, and the way back.

use contracts::{MessageId, QueueKind, Timestamp};
use sqlx::{
    Decode, Encode, Postgres, Row as _, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgRow, PgTypeInfo, PgValueRef, types::Oid},
};
use uuid::Uuid;

use crate::db::DbError;

/// 2000-01-01, from which PostgreSQL counts, in milliseconds since 1970.
const EPOCH: i64 = 946_684_800_000;
const TIMESTAMPTZ: Oid = Oid(1184);
const TIMESTAMPTZ_ARRAY: Oid = Oid(1185);

/// A `timestamptz`, which is microseconds since 2000 on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp(pub(super) Timestamp);

impl Type<Postgres> for Stamp {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }
}

impl PgHasArrayType for Stamp {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ_ARRAY)
    }
}

impl Encode<'_, Postgres> for Stamp {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let micros = self.0.as_millis().checked_sub(EPOCH).and_then(|it| it.checked_mul(1000));
        let micros = micros.ok_or("a time that is out of range")?;
        Encode::<Postgres>::encode(micros, buffer)
    }
}

impl Decode<'_, Postgres> for Stamp {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let micros = <i64 as Decode<Postgres>>::decode(value)?;
        Ok(Self(Timestamp::from_millis(micros.div_euclid(1000).saturating_add(EPOCH))))
    }
}

/// A number that a `bigint` can keep.
pub(super) fn integer(number: u64) -> Result<i64, DbError> {
    i64::try_from(number).map_err(|_| DbError::Rejected(format!("{number} is out of range")))
}

/// A bucket as its column keeps it.
pub(super) fn small(bucket: u16) -> Result<i16, DbError> {
    i16::try_from(bucket).map_err(|_| DbError::Rejected(format!("there is no bucket {bucket}")))
}

/// A column that holds a bucket.
pub(super) fn bucket(row: &PgRow, column: usize) -> Result<u16, DbError> {
    let number: i16 = row.try_get(column)?;
    u16::try_from(number).map_err(|_| DbError::Corrupt(format!("a bucket {number}")))
}

/// A column that holds no negative number.
pub(super) fn unsigned(row: &PgRow, column: usize) -> Result<u64, DbError> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(|_| DbError::Corrupt(format!("{number} where a count should be")))
}

/// A `bigint` that holds a small count.
pub(super) fn count(row: &PgRow, column: usize) -> Result<u32, DbError> {
    let number = unsigned(row, column)?;
    u32::try_from(number).map_err(|_| DbError::Corrupt(format!("{number} is too large a count")))
}

/// A column that holds a time.
pub(super) fn time(row: &PgRow, column: usize) -> Result<Timestamp, DbError> {
    Ok(row.try_get::<Stamp, _>(column)?.0)
}

/// A column that holds a time or nothing.
pub(super) fn optional_time(row: &PgRow, column: usize) -> Result<Option<Timestamp>, DbError> {
    Ok(row.try_get::<Option<Stamp>, _>(column)?.map(|stamp| stamp.0))
}

/// A column that holds a message id.
pub(super) fn message_id(row: &PgRow, column: usize) -> Result<MessageId, DbError> {
    Ok(MessageId(row.try_get::<Uuid, _>(column)?))
}

/// A column that holds the bytes of a text.
pub(super) fn utf8(row: &PgRow, column: usize) -> Result<String, DbError> {
    let bytes: Vec<u8> = row.try_get(column)?;
    String::from_utf8(bytes)
        .map_err(|_| DbError::Corrupt("bytes that are no UTF-8 where a text should be".to_owned()))
}

/// A column that holds the name of a queue.
pub(super) fn consumer(row: &PgRow, column: usize) -> Result<QueueKind, DbError> {
    let text: &str = row.try_get(column)?;
    [QueueKind::Commands, QueueKind::Events]
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or_else(|| DbError::Corrupt(format!("{text:?} is no queue")))
}

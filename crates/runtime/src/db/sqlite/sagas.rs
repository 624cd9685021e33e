//! The search for sagas. The statement names only the filters that are set, so that each search
//! goes by an index; the caller's words are bound, never part of the text.

use sqlx::{AssertSqlSafe, Row as _, sqlite::SqliteRow};
use uuid::Uuid;

use super::{SqliteDatabase, batch};
use crate::db::{DbError, SagaQuery, SagaRow};

const COLUMNS: &str = "saga_id, order_id, definition, definition_version, version, status, \
     waiting_on, waiting_since, next_attempt_at, stalled, customer_id, store_id, started_at, \
     updated_at";

/// Sorts after every text that begins with what it is appended to.
const LAST: char = char::MAX;

impl SqliteDatabase {
    pub(super) async fn one_saga(&self, saga_id: Uuid) -> Result<Option<SagaRow>, DbError> {
        let sql = format!("SELECT {COLUMNS} FROM saga WHERE saga_id = ?1");
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(saga_id.to_string())
            .fetch_optional(&self.inner.readers)
            .await?;
        row.as_ref().map(saga_row).transpose()
    }

    pub(super) async fn find_sagas(&self, query: &SagaQuery) -> Result<Vec<SagaRow>, DbError> {
        let rows = sqlx::query(AssertSqlSafe(search_sql(query)))
            .bind(query.limit)
            .bind(query.status.as_deref())
            .bind(query.step.as_deref())
            .bind(query.customer_id.as_deref())
            .bind(query.store_id.as_deref())
            .bind(query.text.as_deref())
            .bind(query.text.as_ref().map(|text| format!("{text}{LAST}")))
            .bind(query.text.as_ref().map(|text| text.to_lowercase()))
            .bind(query.text.as_ref().map(|text| format!("{}{LAST}", text.to_lowercase())))
            .bind(query.since.map(contracts::Timestamp::as_millis))
            .bind(query.until.map(contracts::Timestamp::as_millis))
            .bind(query.before.map(|id| id.to_string()))
            .fetch_all(&self.inner.readers)
            .await?;
        rows.iter().map(saga_row).collect()
    }
}

/// Parameters: 1 limit, 2 status, 3 step, 4 customer, 5 store, 6–7 range of order ids, 8–9 range of
/// saga ids (which are kept in lower case), 10 since, 11 until, 12 before.
fn search_sql(query: &SagaQuery) -> String {
    let filters = [
        (query.status.is_some(), "status = ?2"),
        (query.step.is_some(), "waiting_on = ?3"),
        (query.customer_id.is_some(), "customer_id = ?4"),
        (query.store_id.is_some(), "store_id = ?5"),
        (
            query.text.is_some(),
            "(order_id >= ?6 AND order_id < ?7 OR saga_id >= ?8 AND saga_id < ?9)",
        ),
        (query.stalled == Some(true), "stalled = 1"),
        (query.stalled == Some(false), "stalled = 0"),
        (query.since.is_some(), "started_at >= ?10"),
        (query.until.is_some(), "started_at < ?11"),
        (query.before.is_some(), "saga_id < ?12"),
    ];
    let set: Vec<&str> =
        filters.into_iter().filter(|(is_set, _)| *is_set).map(|(_, text)| text).collect();
    let filter = if set.is_empty() { "true".to_owned() } else { set.join(" AND ") };
    format!("SELECT {COLUMNS} FROM saga WHERE {filter} ORDER BY saga_id DESC LIMIT ?1")
}

fn saga_row(row: &SqliteRow) -> Result<SagaRow, DbError> {
    let definition_version = batch::unsigned(row, 3)?;
    Ok(SagaRow {
        saga_id: batch::uuid(row, 0)?,
        order_id: row.try_get(1)?,
        definition: row.try_get(2)?,
        definition_version: u32::try_from(definition_version)
            .map_err(|_| DbError::Corrupt(format!("version {definition_version}")))?,
        version: batch::unsigned(row, 4)?,
        status: row.try_get(5)?,
        waiting_on: row.try_get(6)?,
        waiting_since: batch::optional_time(row, 7)?,
        next_attempt_at: batch::optional_time(row, 8)?,
        stalled: row.try_get::<i64, _>(9)? != 0,
        customer_id: row.try_get(10)?,
        store_id: row.try_get(11)?,
        started_at: batch::time(row, 12)?,
        updated_at: batch::time(row, 13)?,
    })
}

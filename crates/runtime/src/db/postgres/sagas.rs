//! The search for sagas. The statement names only the filters that are set, so that each search
//! goes by an index; the caller's words are bound, never part of the text.

use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{
    PostgresDatabase,
    column::{self, Stamp},
};
use crate::db::{DbError, SagaQuery, SagaRow};

const COLUMNS: &str = "saga_id, order_id, definition, definition_version, version, status, \
     waiting_on, waiting_since, next_attempt_at, stalled, customer_id, store_id, started_at, \
     updated_at";

/// Sorts after every text that begins with what it is appended to.
const LAST: char = char::MAX;

impl PostgresDatabase {
    pub(super) async fn one_saga(&self, saga_id: Uuid) -> Result<Option<SagaRow>, DbError> {
        let sql = format!("SELECT {COLUMNS} FROM saga WHERE saga_id = $1");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(saga_id);
        let row = self.within(query.fetch_optional(&self.inner.readers)).await?;
        row.as_ref().map(saga_row).transpose()
    }

    pub(super) async fn find_sagas(&self, query: &SagaQuery) -> Result<Vec<SagaRow>, DbError> {
        let ids = query.text.as_deref().and_then(ids_that_begin_with);
        let statement = sqlx::query(AssertSqlSafe(search_sql(query)))
            .bind(i64::from(query.limit))
            .bind(query.status.as_deref())
            .bind(query.step.as_deref())
            .bind(query.customer_id.as_deref())
            .bind(query.store_id.as_deref())
            .bind(query.text.as_deref())
            .bind(query.text.as_ref().map(|text| format!("{text}{LAST}")))
            .bind(ids.map(|(first, _)| first))
            .bind(ids.map(|(_, last)| last))
            .bind(query.since.map(Stamp))
            .bind(query.until.map(Stamp))
            .bind(query.before);
        let rows = self.within(statement.fetch_all(&self.inner.readers)).await?;
        rows.iter().map(saga_row).collect()
    }
}

/// The first and the last UUID whose text begins with that, if any does.
fn ids_that_begin_with(text: &str) -> Option<(Uuid, Uuid)> {
    const HYPHENS: [usize; 4] = [8, 13, 18, 23];
    if text.len() > 36 {
        return None;
    }
    let mut digits = String::with_capacity(32);
    for (place, character) in text.chars().enumerate() {
        match (character, HYPHENS.contains(&place)) {
            ('-', true) => {}
            (digit, false) if digit.is_ascii_hexdigit() => digits.push(digit),
            _ => return None,
        }
    }
    let filled = |filler: &str| {
        Uuid::try_parse(&format!("{digits}{}", filler.repeat(32 - digits.len()))).ok()
    };
    Some((filled("0")?, filled("f")?))
}

/// Parameters: 1 limit, 2 status, 3 step, 4 customer, 5 store, 6–7 range of order ids, 8–9 range of
/// saga ids (none where no id begins so), 10 since, 11 until, 12 before.
fn search_sql(query: &SagaQuery) -> String {
    let filters = [
        (query.status.is_some(), "status = $2"),
        (query.step.is_some(), "waiting_on = $3"),
        (query.customer_id.is_some(), "customer_id = $4"),
        (query.store_id.is_some(), "store_id = $5"),
        (
            query.text.is_some(),
            "(order_id >= $6 AND order_id < $7 OR saga_id >= $8 AND saga_id <= $9)",
        ),
        (query.stalled == Some(true), "stalled"),
        (query.stalled == Some(false), "NOT stalled"),
        (query.since.is_some(), "started_at >= $10"),
        (query.until.is_some(), "started_at < $11"),
        (query.before.is_some(), "saga_id < $12"),
    ];
    let set: Vec<&str> =
        filters.into_iter().filter(|(is_set, _)| *is_set).map(|(_, text)| text).collect();
    let filter = if set.is_empty() { "true".to_owned() } else { set.join(" AND ") };
    format!("SELECT {COLUMNS} FROM saga WHERE {filter} ORDER BY saga_id DESC LIMIT $1")
}

fn saga_row(row: &PgRow) -> Result<SagaRow, DbError> {
    Ok(SagaRow {
        saga_id: row.try_get(0)?,
        order_id: row.try_get(1)?,
        definition: row.try_get(2)?,
        definition_version: column::count(row, 3)?,
        version: column::unsigned(row, 4)?,
        status: row.try_get(5)?,
        waiting_on: row.try_get(6)?,
        waiting_since: column::optional_time(row, 7)?,
        next_attempt_at: column::optional_time(row, 8)?,
        stalled: row.try_get(9)?,
        customer_id: row.try_get(10)?,
        store_id: row.try_get(11)?,
        started_at: column::time(row, 12)?,
        updated_at: column::time(row, 13)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_a_range_of_ids() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let found = ids_that_begin_with(text)
                .map(|(first, last)| (first.to_string(), last.to_string()));
            let found = found.as_ref().map(|(first, last)| (first.as_str(), last.as_str()));
            assert_eq!(found, expected, "{text:?}");
        };
        let id = "01980000-abcd-7000-8000-00000000000f";
        check(id, Some((id, id)));
        check(
            "0198ABCD-12",
            Some(("0198abcd-1200-0000-0000-000000000000", "0198abcd-12ff-ffff-ffff-ffffffffffff")),
        );
        check(
            "01980000-",
            Some(("01980000-0000-0000-0000-000000000000", "01980000-ffff-ffff-ffff-ffffffffffff")),
        );
        for no_beginning in
            ["order-1", "0198-", "01980000a", "01980000-abcd-7000-8000-00000000000f0", "é"]
        {
            check(no_beginning, None);
        }
    }
}

//! How what is watched stands: one statement for all aggregates, and one for all lists.

use async_trait::async_trait;
use sqlx::Row as _;

use super::{PostgresDatabase, column};
use crate::{
    Key,
    db::{DbError, Owned, Versions},
};

#[async_trait]
impl Versions for PostgresDatabase {
    async fn versions(&self, keys: &[Key]) -> Result<Vec<u64>, DbError> {
        let (kinds, ids): (Vec<&str>, Vec<&str>) =
            keys.iter().map(|key| (key.kind.name, &*key.id)).unzip();
        let query = sqlx::query(
            "SELECT k.place, a.version
             FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (kind, id, place)
             JOIN aggregate a ON a.kind = k.kind AND a.id = k.id",
        )
        .bind(kinds)
        .bind(ids);
        let rows = self.within(query.fetch_all(&self.inner.readers)).await?;
        let mut found = vec![0; keys.len()];
        for row in &rows {
            *place(&mut found, column::unsigned(row, 0)?)? = column::unsigned(row, 1)?;
        }
        Ok(found)
    }

    async fn digests(&self, lists: &[Owned]) -> Result<Vec<u64>, DbError> {
        let parts = lists.iter().zip(1_i64..).flat_map(|(list, place)| {
            list.states.iter().map(move |state| (place, list.by.kind.name, &*list.by.id, *state))
        });
        let (mut places, mut kinds, mut owners, mut states) = (vec![], vec![], vec![], vec![]);
        for (place, kind, owner, state) in parts {
            places.push(place);
            kinds.push(kind);
            owners.push(owner);
            states.push(state);
        }
        let query = sqlx::query(
            "SELECT k.place,
                 hashtextextended(string_agg(a.id || ' ' || a.version, ',' ORDER BY a.id), 0)
             FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[])
                 AS k (place, kind, owner, state)
             JOIN aggregate a ON a.kind = k.kind AND a.owner = k.owner AND a.state = k.state
             GROUP BY k.place",
        )
        .bind(places)
        .bind(kinds)
        .bind(owners)
        .bind(states);
        let rows = self.within(query.fetch_all(&self.inner.readers)).await?;
        let mut found = vec![0; lists.len()];
        for row in &rows {
            let digest: i64 = row.try_get(1)?;
            *place(&mut found, column::unsigned(row, 0)?)? = digest.cast_unsigned();
        }
        Ok(found)
    }
}

/// The answer in that place, counted from 1.
fn place(found: &mut [u64], place: u64) -> Result<&mut u64, DbError> {
    let place = usize::try_from(place).ok().and_then(|place| place.checked_sub(1));
    place
        .and_then(|place| found.get_mut(place))
        .ok_or_else(|| DbError::Corrupt("an answer to a question that was not asked".to_owned()))
}

//! How what is watched stands, for those who watch what another process writes.

use std::hash::{DefaultHasher, Hash, Hasher};

use async_trait::async_trait;

use super::{MemoryDatabase, tables::Tables};
use crate::{
    Key,
    db::{DbError, Owned, Versions},
};

#[async_trait]
impl Versions for MemoryDatabase {
    async fn versions(&self, keys: &[Key]) -> Result<Vec<u64>, DbError> {
        self.look(|tables| {
            keys.iter().map(|key| tables.get(key).map_or(0, |row| row.version)).collect()
        })
    }

    async fn digests(&self, lists: &[Owned]) -> Result<Vec<u64>, DbError> {
        self.look(|tables| lists.iter().map(|list| digest(tables, list)).collect())
    }
}

/// 0 for a list that holds nothing.
fn digest(tables: &Tables, list: &Owned) -> u64 {
    let rows = tables.aggregates.get(list.by.kind.name).into_iter().flatten();
    let mut held = rows
        .filter(|(_, row)| row.owner.as_deref() == Some(&*list.by.id))
        .filter(|(_, row)| list.states.contains(&row.state.as_str()))
        .map(|(id, row)| (id, row.version))
        .peekable();
    if held.peek().is_none() {
        return 0;
    }
    // Made without keys of its own: the same list has the same number in every run.
    let mut hasher = DefaultHasher::new();
    held.for_each(|row| row.hash(&mut hasher));
    hasher.finish()
}

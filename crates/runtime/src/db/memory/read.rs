//! Looking without deciding: each answer is what was committed at one moment.

use std::{
    collections::BTreeSet,
    ops::Bound::{Excluded, Unbounded},
    sync::Arc,
};

use async_trait::async_trait;
use contracts::Timestamp;
use uuid::Uuid;

use super::{MemoryDatabase, tables::Tables};
use crate::{
    HistoryEntry, Key,
    db::{DbError, KeptDeadLetter, ListQuery, PublishedEvent, Reader, Row, SagaQuery, SagaRow},
};

impl MemoryDatabase {
    /// Looks at what is committed.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Tables) -> T) -> Result<T, DbError> {
        self.process.look(|tables, _| look(tables))
    }
}

#[async_trait]
impl Reader for MemoryDatabase {
    async fn get(&self, key: &Key) -> Result<Option<Row>, DbError> {
        self.look(|tables| tables.get(key).cloned())
    }

    async fn list(&self, query: &ListQuery) -> Result<Vec<(String, Row)>, DbError> {
        self.look(|tables| list(tables, query))
    }

    async fn streams(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<Uuid>, DbError> {
        let start = after.map_or(Unbounded, Excluded);
        self.look(|tables| {
            let streams = tables.history.range((start, Unbounded)).map(|(stream, _)| *stream);
            streams.take(limit as usize).collect()
        })
    }

    async fn history(
        &self,
        stream: Uuid,
        after_version: u64,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>, DbError> {
        self.look(|tables| {
            let entries = tables.history.get(&stream).into_iter();
            let later = entries.flat_map(|of| of.range((Excluded(after_version), Unbounded)));
            later.map(|(_, entry)| entry.clone()).take(limit as usize).collect()
        })
    }

    async fn saga(&self, saga_id: Uuid) -> Result<Option<SagaRow>, DbError> {
        self.look(|tables| tables.sagas.get(&saga_id).cloned())
    }

    async fn sagas(&self, query: &SagaQuery) -> Result<Vec<SagaRow>, DbError> {
        self.look(|tables| tables.find_sagas(query))
    }

    async fn published(&self, after: i64, limit: u32) -> Result<Vec<PublishedEvent>, DbError> {
        self.look(|tables| {
            let events = tables.published.range((Excluded(after), Unbounded));
            events.map(|(_, event)| event.clone()).take(limit as usize).collect()
        })
    }

    async fn published_about(&self, subjects: &[String]) -> Result<Vec<PublishedEvent>, DbError> {
        let subjects: BTreeSet<&String> = subjects.iter().collect();
        self.look(|tables| {
            let ids =
                subjects.into_iter().filter_map(|subject| tables.about.get(subject)).flatten();
            ids.filter_map(|id| tables.published.get(id).cloned()).collect()
        })
    }

    async fn dead_letters(&self, after: i64, limit: u32) -> Result<Vec<KeptDeadLetter>, DbError> {
        self.look(|tables| {
            let letters = tables.dead_letters.range((Excluded(after), Unbounded));
            letters.map(|(_, letter)| letter.clone()).take(limit as usize).collect()
        })
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<(String, String)>, DbError> {
        self.look(|tables| {
            let due = tables.timers.iter().take_while(|(at, ..)| *at <= now).take(limit as usize);
            due.map(|(_, kind, id)| ((*kind).to_owned(), id.to_string())).collect()
        })
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, DbError> {
        self.look(|tables| tables.timers.first().map(|(at, ..)| *at))
    }
}

fn list(tables: &Tables, query: &ListQuery) -> Vec<(String, Row)> {
    let Some(of_kind) = tables.aggregates.get(query.kind) else { return Vec::new() };
    let after = query.after.as_deref().map_or(Unbounded, Excluded);
    let found: Box<dyn Iterator<Item = (&Arc<str>, &Row)>> = if query.descending {
        Box::new(of_kind.range::<str, _>((Unbounded, after)).rev())
    } else {
        Box::new(of_kind.range::<str, _>((after, Unbounded)))
    };
    found
        .filter(|(_, row)| query.owner.is_none() || query.owner == row.owner)
        .filter(|(_, row)| query.states.is_empty() || query.states.contains(&row.state))
        .map(|(id, row)| (id.to_string(), row.clone()))
        .take(query.limit as usize)
        .collect()
}

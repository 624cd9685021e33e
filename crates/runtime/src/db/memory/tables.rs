//! The tables, and what a commit does to them. What can be refused is checked before anything is
//! changed; changing cannot fail.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use contracts::{MessageId, QueueKind, Timestamp};
use uuid::Uuid;

use crate::{
    HistoryEntry, Key,
    aggregate::bucket,
    db::{
        DbError, KeptDeadLetter, NewMessage, OutboxRow, PublishedEvent, Received, Row, SagaRow,
        Writes,
    },
};

/// In order of their keys, so that whoever goes through one finds the same each time.
#[derive(Default)]
pub(super) struct Tables {
    /// With each message's own time.
    pub(super) inbox: BTreeMap<(MessageId, QueueKind), Timestamp>,
    /// By kind, and by id.
    pub(super) aggregates: BTreeMap<&'static str, BTreeMap<Arc<str>, Row>>,
    /// The aggregates that want to be woken: when, kind, id.
    pub(super) timers: BTreeSet<(Timestamp, &'static str, Arc<str>)>,
    pub(super) history: BTreeMap<Uuid, BTreeMap<u64, HistoryEntry>>,
    pub(super) sagas: BTreeMap<Uuid, SagaRow>,
    pub(super) outbox: BTreeMap<i64, OutboxRow>,
    /// The last id that an outbox row was given; it is never given again.
    last_outbox_id: i64,
    pub(super) published: BTreeMap<i64, PublishedEvent>,
    /// The ids of the published events about a subject.
    pub(super) about: BTreeMap<String, Vec<i64>>,
    pub(super) dead_letters: BTreeMap<i64, KeptDeadLetter>,
}

/// The id of the next row in a table of which no row is ever deleted.
fn next_id<T>(table: &BTreeMap<i64, T>) -> i64 {
    table.last_key_value().map_or(1, |(id, _)| id + 1)
}

impl Tables {
    /// The aggregate, if it exists.
    pub(super) fn get(&self, key: &Key) -> Option<&Row> {
        self.aggregates.get(key.kind.name)?.get(&key.id)
    }

    /// Those of the aggregates that exist.
    pub(super) fn load<'a>(&self, keys: impl Iterator<Item = &'a Key>) -> HashMap<Key, Row> {
        keys.filter_map(|key| Some((key.clone(), self.get(key)?.clone()))).collect()
    }

    /// When the oldest row that lies in a bucket was written; those deleted do not count.
    pub(super) fn oldest_unsent(&self, wanted: u16, deleted: &BTreeSet<i64>) -> Option<Timestamp> {
        let mut rows = self.outbox.values().filter(|row| !deleted.contains(&row.id));
        rows.find(|row| bucket(&row.key) == wanted).map(|row| row.created_at)
    }

    /// The oldest messages in the inbox of a time before that, at most so many.
    pub(super) fn received_before(
        &self,
        time: Timestamp,
        limit: u32,
    ) -> Vec<(MessageId, QueueKind)> {
        let old = self.inbox.iter().filter(|(_, at)| **at < time);
        let mut old: Vec<_> = old.map(|(message, at)| (*at, *message)).collect();
        old.sort_unstable();
        old.truncate(limit as usize);
        old.into_iter().map(|(_, message)| message).collect()
    }

    /// Whether these can be stored as they are.
    pub(super) fn check(&self, writes: &Writes) -> Result<(), DbError> {
        let rows = writes.rows.iter().flat_map(|(_, row)| [row.version, row.messages]);
        let entries = writes.history.iter().map(|entry| entry.version);
        let sagas = writes.sagas.iter().map(|saga| saga.version);
        let messages = writes.messages.iter().flat_map(|message| {
            [message.seq, message.published.as_ref().map_or(0, |event| event.sequence)]
        });
        let mut counts = rows.chain(entries).chain(sagas).chain(messages);
        if let Some(count) = counts.find(|count| i64::try_from(*count).is_err()) {
            return Err(DbError::Rejected(format!("{count} is out of range")));
        }
        let mut new = BTreeSet::new();
        for HistoryEntry { stream, version, .. } in &writes.history {
            let kept = self.history.get(stream).is_some_and(|kept| kept.contains_key(version));
            if kept || !new.insert((stream, version)) {
                let text = format!("version {version} of the history {stream} is written already");
                return Err(DbError::Rejected(text));
            }
        }
        Ok(())
    }

    /// Adds messages to the inbox that are not there yet.
    pub(super) fn claim(&mut self, received: &[Received]) {
        for it in received {
            self.inbox.entry((it.message_id, it.consumer)).or_insert(it.time);
        }
    }

    /// Stores what was [`check`](Self::check)ed.
    pub(super) fn write(&mut self, writes: Writes) {
        for (key, row) in writes.rows {
            self.save(key, row);
        }
        for entry in writes.history {
            self.history.entry(entry.stream).or_default().insert(entry.version, entry);
        }
        for saga in writes.sagas {
            self.save_saga(saga);
        }
        for message in writes.messages {
            self.send(message, writes.now);
        }
        for letter in writes.dead_letters {
            let id = next_id(&self.dead_letters);
            self.dead_letters.insert(id, KeptDeadLetter { id, letter });
        }
    }

    fn save(&mut self, key: Key, row: Row) {
        let (kind, wake_at) = (key.kind.name, row.wake_at);
        let before = self.aggregates.entry(kind).or_default().insert(Arc::clone(&key.id), row);
        if let Some(at) = before.and_then(|row| row.wake_at) {
            self.timers.remove(&(at, kind, Arc::clone(&key.id)));
        }
        if let Some(at) = wake_at {
            self.timers.insert((at, kind, key.id));
        }
    }

    /// What a saga was started with stays as it was.
    fn save_saga(&mut self, saga: SagaRow) {
        let kept = self.sagas.entry(saga.saga_id).or_insert_with(|| saga.clone());
        kept.version = saga.version;
        kept.status = saga.status;
        kept.waiting_on = saga.waiting_on;
        kept.waiting_since = saga.waiting_since;
        kept.next_attempt_at = saga.next_attempt_at;
        kept.stalled = saga.stalled;
        kept.updated_at = saga.updated_at;
    }

    fn send(&mut self, message: NewMessage, now: Timestamp) {
        if let Some(event) = message.published {
            let id = next_id(&self.published);
            self.about.entry(event.subject.clone()).or_default().push(id);
            let event = PublishedEvent {
                id,
                kind: event.kind,
                subject: event.subject,
                sequence: event.sequence,
                payload: message.payload.clone(),
            };
            self.published.insert(id, event);
        }
        self.last_outbox_id += 1;
        let row = OutboxRow {
            id: self.last_outbox_id,
            key: message.key,
            seq: message.seq,
            message_id: message.message_id,
            exchange: message.exchange.to_owned(),
            routing_key: message.routing_key,
            payload: message.payload,
            created_at: now,
        };
        self.outbox.insert(row.id, row);
    }

    /// Forgets these messages; answers how many there were.
    pub(super) fn forget(&mut self, messages: &[(MessageId, QueueKind)]) -> u64 {
        messages.iter().filter(|message| self.inbox.remove(*message).is_some()).count() as u64
    }

    /// Forgets every message and every aggregate; answers how many aggregates there were.
    pub(super) fn forget_all(&mut self) -> u64 {
        self.inbox.clear();
        self.timers.clear();
        std::mem::take(&mut self.aggregates).values().map(|of_kind| of_kind.len() as u64).sum()
    }
}

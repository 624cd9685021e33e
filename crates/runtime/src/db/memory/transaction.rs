//! One transaction: a turn, from the claims to the commit.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use async_trait::async_trait;

use super::process::{Process, Turn};
use crate::{
    Key,
    db::{Begin, DbError, Opened, Received, Row, Transaction, Writes},
};

pub(super) struct MemoryTransaction {
    turn: Turn,
    claimed: Vec<Received>,
}

impl MemoryTransaction {
    /// Waits for its turn; claims, reads and asks what the caller begins with.
    pub(super) async fn open(
        process: &Arc<Process>,
        wanted: Begin,
    ) -> Result<(Self, Opened), DbError> {
        let turn = Turn::of(process).await?;
        let opened = turn.look_behind_deletes(|tables, deleted| {
            let seen: HashSet<_> = wanted
                .received
                .iter()
                .map(|it| (it.consumer, it.message_id))
                .filter(|(consumer, id)| tables.inbox.contains_key(&(*id, *consumer)))
                .collect();
            let buckets = wanted.oldest_unsent.iter();
            let oldest_unsent = buckets
                .filter_map(|bucket| Some((*bucket, tables.oldest_unsent(*bucket, deleted)?)))
                .collect();
            let rows = tables.load(wanted.lock.iter().chain(&wanted.look));
            Opened { seen, rows, oldest_unsent }
        })?;
        Ok((Self { turn, claimed: wanted.received }, opened))
    }
}

#[async_trait]
impl Transaction for MemoryTransaction {
    async fn load(&mut self, lock: &[Key], look: &[Key]) -> Result<HashMap<Key, Row>, DbError> {
        self.turn.look(|tables| tables.load(lock.iter().chain(look)))
    }

    async fn commit(self: Box<Self>, writes: Writes) -> Result<(), DbError> {
        let Self { turn, claimed } = *self;
        turn.look(|tables| tables.check(&writes))??;
        let speaks = !writes.messages.is_empty();
        turn.store(|tables| {
            tables.claim(&claimed);
            tables.write(writes);
        })?;
        if speaks {
            turn.tell();
        }
        Ok(())
    }
}

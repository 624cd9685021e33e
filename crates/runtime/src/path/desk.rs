//! The desk of a batch: the aggregates that it holds, and what was decided about them so far.
//!
//! Later inputs of a batch see what earlier ones decided; each aggregate is decoded once and
//! encoded once, however many inputs touch it.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use contracts::{Envelope, MessageId, ServiceName, Timestamp, routes};
use mutants::mutant;

use crate::{
    Aggregate, Content, Decision, Key, Outgoing, View,
    db::{NewMessage, Published, Row, Writes},
    path::plan::Named,
    ports::Ports,
};

/// When a timer fires again that should have had an effect and had none.
const LATER: Duration = Duration::from_secs(1);

/// Why an input cannot be carried out: a bug of the service or damage in what is stored. It
/// concerns this input alone.
pub(crate) struct Poison(pub(crate) String);

/// What leads to a message, for its envelope.
#[derive(Clone, Copy)]
pub(crate) struct Cause<'a> {
    pub(crate) message: Option<MessageId>,
    pub(crate) traceparent: Option<&'a str>,
}

pub(crate) struct Desk<S> {
    states: HashMap<Key, S>,
    sheets: HashMap<Key, Sheet>,
    locked: HashSet<Key>,
    dirty: BTreeSet<Key>,
    unreadable: HashMap<Key, String>,
    oldest_unsent: HashMap<u16, Timestamp>,
    deaf_until: Option<Timestamp>,
    now: Timestamp,
    writes: Writes,
}

/// What the path keeps about an aggregate beside its state.
#[derive(Clone, Default)]
struct Sheet {
    version: u64,
    messages: u64,
    wake_at: Option<Timestamp>,
    /// The row as it was read, where it exists.
    row: Option<Row>,
    /// Its timer was looked at in this batch.
    woken: bool,
}

impl<S: Aggregate> Desk<S> {
    pub(crate) fn new(
        now: Timestamp,
        oldest_unsent: HashMap<u16, Timestamp>,
        deaf_until: Option<Timestamp>,
    ) -> Self {
        Self {
            states: HashMap::new(),
            sheets: HashMap::new(),
            locked: HashSet::new(),
            dirty: BTreeSet::new(),
            unreadable: HashMap::new(),
            oldest_unsent,
            deaf_until,
            now,
            writes: Writes { now, ..Writes::default() },
        }
    }

    /// Lays rows on the desk; `locked` are those that may be saved, whether they exist or not.
    pub(crate) fn lay(&mut self, locked: impl IntoIterator<Item = Key>, rows: HashMap<Key, Row>) {
        self.locked.extend(locked);
        for (key, row) in rows {
            match S::decode(key.kind.name, &row.body) {
                Ok(state) => drop(self.states.insert(key.clone(), state)),
                Err(error) => drop(self.unreadable.insert(key.clone(), error.to_string())),
            }
            let sheet = Sheet {
                version: row.version,
                messages: row.messages,
                wake_at: row.wake_at,
                row: Some(row),
                woken: false,
            };
            self.sheets.insert(key, sheet);
        }
    }

    /// What an input sees: what it has named and nothing else.
    pub(crate) fn view<'a>(&'a self, named: &'a Named) -> View<'a, S> {
        View {
            states: &self.states,
            oldest_unsent: &self.oldest_unsent,
            deaf_until: self.deaf_until,
            named: Some(named),
        }
    }

    pub(crate) fn holds(&self, key: &Key) -> bool {
        self.locked.contains(key)
    }

    pub(crate) fn is_dirty(&self, key: &Key) -> bool {
        self.dirty.contains(key)
    }

    /// Whether what is stored under the key could be read.
    pub(crate) fn readable(&self, key: &Key) -> Result<(), Poison> {
        match self.unreadable.get(key) {
            None => Ok(()),
            Some(error) => Err(Poison(format!("{key}: {error}"))),
        }
    }

    /// A timer was looked at: whatever is decided, its row is saved so that the timer moves on.
    pub(crate) fn woken(&mut self, key: &Key) {
        if self.states.contains_key(key) {
            self.dirty.insert(key.clone());
            self.sheets.entry(key.clone()).or_default().woken = true;
        }
    }

    /// Moves a timer without touching the aggregate, which may be unreadable.
    pub(crate) fn postpone(&mut self, key: &Key, until: Timestamp) {
        if let Some(row) = self.sheets.get(key).and_then(|sheet| sheet.row.clone()) {
            self.writes.rows.push((key.clone(), Row { wake_at: Some(until), ..row }));
        }
    }

    pub(crate) fn bury(&mut self, letter: crate::db::DeadLetter) {
        self.writes.dead_letters.push(letter);
    }

    /// Takes a decision; nothing of it is taken where it is poison.
    pub(crate) fn take(
        &mut self,
        decision: Decision<S>,
        named: &Named,
        service: ServiceName,
        cause: Cause<'_>,
        ports: &Ports,
    ) -> Result<(), Poison> {
        self.check(&decision, named)?;
        for (key, state) in decision.saves {
            self.sheets.entry(key.clone()).or_default().version += 1;
            self.dirty.insert(key.clone());
            self.states.insert(key, state);
        }
        for outgoing in decision.messages {
            let message = self.message(&outgoing, service, cause, ports)?;
            self.writes.messages.push(message);
        }
        self.writes.history.extend(decision.history);
        self.writes.sagas.extend(decision.sagas);
        Ok(())
    }

    fn check(&self, decision: &Decision<S>, named: &Named) -> Result<(), Poison> {
        let locked = |key: &Key| {
            let mut keys = named.first.lock.iter().chain(&named.more.lock);
            self.locked.contains(key) && keys.any(|named| named == key)
        };
        let mut saved = HashSet::new();
        for (key, state) in &decision.saves {
            if !locked(key) {
                return Err(Poison(format!("{key} is saved without having been locked")));
            }
            if state.kind() != key.kind || !saved.insert(key) {
                return Err(Poison(format!("{key} is saved twice or as another kind")));
            }
            let stored = self.sheets.get(key).map_or(0, |sheet| sheet.version);
            if state.version() != stored + 1 && !mutant!("path-stores-any-version") {
                let version = state.version();
                return Err(Poison(format!("{key} is saved as {version} over {stored}")));
            }
        }
        for outgoing in &decision.messages {
            let key = &outgoing.about;
            let exists = self.states.contains_key(key) || saved.contains(key);
            if !locked(key) || !exists {
                return Err(Poison(format!("{key} speaks without being there and locked")));
            }
        }
        Ok(())
    }

    fn message(
        &mut self,
        outgoing: &Outgoing,
        service: ServiceName,
        cause: Cause<'_>,
        ports: &Ports,
    ) -> Result<NewMessage, Poison> {
        let id = MessageId(ports.ids.next());
        let (envelope, exchange, routing_key, published) = match &outgoing.content {
            Content::Command { command, command_id } => (
                Envelope::of_command(id, self.now, service, command, *command_id, outgoing.saga),
                routes::COMMANDS_EXCHANGE,
                command.kind().destination().as_str().to_owned(),
                None,
            ),
            Content::Event { event, sequence, repeat } => (
                Envelope::of_event(id, self.now, event, *sequence),
                routes::EVENTS_EXCHANGE,
                routes::event_key(event.kind()),
                (!repeat).then(|| Published {
                    kind: event.kind().as_str().to_owned(),
                    subject: event.subject(),
                    sequence: *sequence,
                }),
            ),
        };
        let cannot = |error: serde_json::Error| Poison(format!("a message: {error}"));
        let mut envelope = envelope.map_err(cannot)?;
        envelope.correlationid = outgoing.saga.map(|saga| saga.0);
        envelope.causationid = cause.message.map(|message| message.0);
        envelope.traceparent = cause.traceparent.map(str::to_owned);
        let payload = envelope.to_json().map_err(cannot)?;
        self.dirty.insert(outgoing.about.clone());
        let sheet = self.sheets.entry(outgoing.about.clone()).or_default();
        sheet.messages += 1 + u64::from(mutant!("path-numbers-messages-with-gaps"));
        let (key, seq) = (outgoing.about.outbox_key(), sheet.messages);
        Ok(NewMessage { key, seq, message_id: id, exchange, routing_key, payload, published })
    }

    /// Everything that the batch stores.
    pub(crate) fn clear(mut self) -> Result<Writes, Poison> {
        for key in self.dirty {
            let (Some(state), Some(sheet)) = (self.states.get(&key), self.sheets.get(&key)) else {
                return Err(Poison(format!("{key} is to be saved but is not there")));
            };
            let wanted = match state.wake_at() {
                // Woken and still wanting to be woken in the past would be a busy loop.
                Some(at) if sheet.woken && at <= self.now => Some(self.now.plus(LATER)),
                wanted => wanted,
            };
            let unchanged = sheet.row.as_ref().filter(|row| row.version == sheet.version);
            let (body, updated_at) = match unchanged {
                Some(row) => (row.body.clone(), row.updated_at),
                None => {
                    let body = state.encode().map_err(|error| Poison(format!("{key}: {error}")))?;
                    (body, self.now)
                }
            };
            let row = Row {
                version: sheet.version,
                messages: sheet.messages,
                state: state.state().to_owned(),
                owner: state.owner().map(str::to_owned),
                wake_at: next_wake(sheet.wake_at, wanted, self.now),
                updated_at,
                body,
            };
            self.writes.rows.push((key, row));
        }
        Ok(self.writes)
    }
}

/// When the timer is to fire. A timer that is set already and fires before it is wanted stays as
/// it is: it then changes nothing and is set anew, which is cheaper than moving it (and its index
/// entry) with every change of an aggregate that has hardly ever to be woken.
fn next_wake(
    stored: Option<Timestamp>,
    wanted: Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    match (stored, wanted) {
        (_, None) => None,
        (Some(stored), Some(_)) if now < stored && mutant!("timer-is-never-brought-forward") => {
            Some(stored)
        }
        (Some(stored), Some(wanted)) if now < stored && stored <= wanted => Some(stored),
        (_, Some(wanted)) => Some(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_moves_only_when_it_must() {
        let at = |millis| Some(Timestamp::from_millis(millis));
        for (stored, wanted, expected, why) in [
            (None, None, None, "nothing to wake for"),
            (None, at(20), at(20), "set"),
            (at(20), None, None, "no longer wanted"),
            (at(20), at(30), at(20), "fires early, which is harmless"),
            (at(30), at(20), at(20), "must fire earlier"),
            (at(5), at(30), at(30), "has fired, is set anew"),
        ] {
            assert_eq!(next_wake(stored, wanted, Timestamp::from_millis(10)), expected, "{why}");
        }
    }
}

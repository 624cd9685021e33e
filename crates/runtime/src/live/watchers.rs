//! Who watches what, and what is known of it. It rings bells, and reads and waits for nothing.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

use crate::{Key, db::Owned};

/// What can be watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One aggregate, also one that does not exist yet.
    One(Key),
    /// All that are of a kind and an owner's and in some states. Those who watch one kind name the
    /// same states.
    Of(Owned),
}

/// Rings for one who watches. It is rung or it is not: ringing twice is ringing once.
#[derive(Debug, Default)]
pub(super) struct Bell {
    /// The last moment at which it was rung.
    moment: AtomicU64,
    rung: Notify,
}

/// What is watched.
#[derive(Default)]
pub(super) struct Watchers {
    one: HashMap<Key, Topic<()>>,
    /// By kind and owner.
    owned: HashMap<Key, Topic<&'static [&'static str]>>,
}

struct Topic<S> {
    states: S,
    bells: Vec<Arc<Bell>>,
    /// How it stood when everybody here had read it, or was rung: an aggregate's version, a list's
    /// digest.
    known: Option<u64>,
    /// How many looks ring also where they find what is known.
    unsettled: u8,
}

/// The one that may be under way, which saw what was there before, and the one after it.
const TO_SETTLE: u8 = 2;

/// What is watched, to be looked at: one list for each kind of subject.
#[derive(Debug, Default)]
pub(super) struct Watched {
    pub(super) one: Vec<Key>,
    pub(super) owned: Vec<Owned>,
}

impl Bell {
    fn ring(&self, moment: u64) {
        self.moment.fetch_max(moment, Ordering::SeqCst);
        self.rung.notify_one();
    }

    pub(super) async fn rung(&self) {
        self.rung.notified().await;
    }

    pub(super) fn moment(&self) -> u64 {
        self.moment.load(Ordering::SeqCst)
    }
}

impl<S> Topic<S> {
    fn new(states: S) -> Self {
        Self { states, bells: Vec::with_capacity(1), known: None, unsettled: 0 }
    }

    fn ring(&self, moment: u64) {
        for bell in &self.bells {
            bell.ring(moment);
        }
    }

    /// It stands so. Whoever may have read something else is rung.
    fn found(&mut self, stands: u64, moment: u64) {
        if self.known.replace(stands) != Some(stands) {
            self.ring(moment);
        } else if self.unsettled > 0 {
            self.unsettled -= 1;
            self.ring(moment);
        }
    }

    /// Takes a bell away; answers whether none is left.
    fn without(&mut self, bell: &Arc<Bell>) -> bool {
        if let Some(place) = self.bells.iter().position(|it| Arc::ptr_eq(it, bell)) {
            self.bells.swap_remove(place);
        }
        self.bells.is_empty()
    }
}

impl Watchers {
    pub(super) fn add(&mut self, subject: &Subject, bell: &Arc<Bell>) {
        let bells = match subject {
            Subject::One(key) => {
                &mut self.one.entry(key.clone()).or_insert_with(|| Topic::new(())).bells
            }
            Subject::Of(owned) => {
                let topic = self.owned.entry(owned.by.clone());
                &mut topic.or_insert_with(|| Topic::new(owned.states)).bells
            }
        };
        bells.push(Arc::clone(bell));
    }

    pub(super) fn remove(&mut self, subject: &Subject, bell: &Arc<Bell>) {
        match subject {
            Subject::One(key) => leave(self.one.entry(key.clone()), bell),
            Subject::Of(owned) => leave(self.owned.entry(owned.by.clone()), bell),
        }
    }

    /// A row was committed.
    pub(super) fn changed(&mut self, key: &Key, owner: Option<&str>, version: u64, moment: u64) {
        if let Some(topic) = self.one.get_mut(key) {
            topic.known = Some(version);
            topic.ring(moment);
        }
        if !self.owned.is_empty()
            && let Some(owner) = owner
            && let Some(topic) = self.owned.get(&Key::new(key.kind, owner))
        {
            topic.ring(moment);
        }
    }

    /// Anything may have changed.
    pub(super) fn ring_all(&self, moment: u64) {
        self.one.values().for_each(|topic| topic.ring(moment));
        self.owned.values().for_each(|topic| topic.ring(moment));
    }

    /// Somebody who watches it has read that version. Others may have read an older one.
    pub(super) fn saw(&mut self, key: &Key, version: u64) {
        if let Some(topic) = self.one.get_mut(key) {
            topic.known = Some(topic.known.map_or(version, |known| known.min(version)));
        }
    }

    /// Somebody who watches that list has read what was not shown before. Its digest then is not
    /// known, and no later one tells: what came and went between two looks leaves the digest as it
    /// was. So it is read again after the looks that follow, until nothing new is read.
    pub(super) fn read_news(&mut self, by: &Key) {
        if let Some(topic) = self.owned.get_mut(by) {
            topic.unsettled = TO_SETTLE;
        }
    }

    pub(super) fn watched(&self) -> Watched {
        let owned = |(by, topic): (&Key, &Topic<_>)| Owned { by: by.clone(), states: topic.states };
        Watched {
            one: self.one.keys().cloned().collect(),
            owned: self.owned.iter().map(owned).collect(),
        }
    }

    /// An aggregate has that version.
    pub(super) fn found_one(&mut self, key: &Key, version: u64, moment: u64) {
        if let Some(topic) = self.one.get_mut(key) {
            topic.found(version, moment);
        }
    }

    /// A list has that digest.
    pub(super) fn found_owned(&mut self, by: &Key, digest: u64, moment: u64) {
        if let Some(topic) = self.owned.get_mut(by) {
            topic.found(digest, moment);
        }
    }
}

fn leave<S>(entry: Entry<'_, Key, Topic<S>>, bell: &Arc<Bell>) {
    if let Entry::Occupied(mut topic) = entry
        && topic.get_mut().without(bell)
    {
        topic.remove();
    }
}

#[cfg(test)]
#[path = "watchers_tests.rs"]
mod tests;

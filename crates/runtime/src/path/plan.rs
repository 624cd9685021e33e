//! What a batch names: which aggregates each of its inputs may see and save, and what the database
//! is asked for at the start and in the second phase.

use std::{
    collections::{BTreeSet, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use mutants::mutant;

use crate::{
    Cause, Input, Key, Keys, Phase, Service,
    aggregate::bucket,
    db::Begin,
    path::{
        attempt::Failure,
        desk::{Desk, Poison},
        item::{Item, Work},
    },
};

/// What one input names. It sees nothing else, whatever other inputs of the batch have loaded.
#[derive(Default)]
pub(crate) struct Named {
    /// Named by the input itself.
    pub(crate) first: Keys,
    /// Named by the aggregates that those are.
    pub(crate) more: Keys,
}

impl Named {
    /// Every key that may be read.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Key> {
        let parts = [&self.first.lock, &self.first.look, &self.more.lock, &self.more.look];
        parts.into_iter().flatten()
    }
}

/// What a batch asks of the database.
pub(crate) struct Plan {
    pub(crate) begin: Begin,
    /// By input.
    pub(crate) named: Vec<Named>,
    /// By input: whether it is the same message as an earlier one of the batch.
    pub(crate) repeated: Vec<bool>,
}

impl Plan {
    /// Asks the service what each input names.
    pub(crate) fn of<S: Service>(service: &S, items: &[Item<S>]) -> Result<Self, Failure> {
        let (mut lock, mut look) = (BTreeSet::new(), BTreeSet::new());
        let (mut buckets, mut claimed) = (BTreeSet::new(), HashSet::new());
        let mut begin = Begin::default();
        let (mut named, mut repeated) = (Vec::new(), Vec::new());
        for (index, item) in items.iter().enumerate() {
            let mut first_seen = true;
            if let Some(received) = item.received() {
                first_seen = claimed.insert((received.consumer, received.message_id));
                first_seen |= mutant!("path-forgets-what-the-batch-has-seen");
                if first_seen {
                    begin.received.push(received);
                }
            }
            repeated.push(!first_seen);
            let keys = match &item.work {
                Work::Decide(input) => {
                    let mut keys = guarded(index, || service.keys(input))?;
                    if let Input::Wake(key) = input {
                        buckets.insert(bucket(&key.outbox_key()));
                        // Whatever the service makes of it, its timer moves on.
                        if !keys.lock.contains(key) {
                            keys.lock.push(key.clone());
                        }
                    }
                    keys
                }
                Work::Postpone(key) => Keys::lock(key.clone()),
                Work::Bury(_) => Keys::default(),
            };
            lock.extend(keys.lock.iter().filter(|key| is_first(key)).cloned());
            look.extend(keys.look.iter().cloned());
            named.push(Named { first: keys, more: Keys::default() });
        }
        begin.look = look.difference(&lock).cloned().collect();
        begin.lock = lock.into_iter().collect();
        begin.oldest_unsent = buckets.into_iter().collect();
        Ok(Self { begin, named, repeated })
    }

    /// The aggregates of the second phase: those that inputs name themselves, and those that the
    /// loaded aggregates name in turn.
    pub(crate) fn second_phase<S: Service>(
        &mut self,
        service: &S,
        items: &[Item<S>],
        desk: &Desk<S::State>,
    ) -> Result<Keys, Failure> {
        let (mut lock, mut look) = (BTreeSet::new(), BTreeSet::new());
        for (index, item) in items.iter().enumerate() {
            if self.repeated[index] {
                continue;
            }
            let named = &mut self.named[index];
            lock.extend(named.first.lock.iter().filter(|key| !is_first(key)).cloned());
            if let Work::Decide(input) = &item.work {
                let more = guarded(index, || service.more_keys(input, &desk.view(named)))?;
                lock.extend(more.lock.iter().filter(|key| !desk.holds(key)).cloned());
                look.extend(more.look.iter().cloned());
                named.more = more;
            }
        }
        let looked = |key: &Key| self.begin.look.contains(key) || desk.holds(key);
        let look = look.into_iter().filter(|key| !lock.contains(key) && !looked(key)).collect();
        Ok(Keys { lock: lock.into_iter().collect(), look })
    }
}

fn is_first(key: &Key) -> bool {
    key.kind.phase == Phase::First
}

/// Runs the service's code about one input; a panic poisons that input alone.
pub(crate) fn guarded<T>(index: usize, work: impl FnOnce() -> T) -> Result<T, Failure> {
    // The service's functions are pure and are given shared references only: a panic leaves
    // nothing half done.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let Poison(reason) = panicked(&*panic);
        Failure::Poisoned { index, reason }
    })
}

/// What a panic said.
pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> Poison {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Poison(Cause::Panicked.because(text))
}

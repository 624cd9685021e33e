//! One batch, one transaction: claim, load, decide, store, commit.

use std::{
    collections::{BTreeSet, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use crate::{
    Decision, Input, Key, Keys, Phase, Problem, Reply, Service,
    aggregate::bucket,
    db::{Begin, Database, DbError, DeadLetter, Writes},
    path::{
        desk::{Cause, Desk, Poison},
        item::{Item, Origin, Work},
    },
    ports::Ports,
};

/// How long a timer waits whose aggregate cannot be decided about.
const POSTPONED: Duration = Duration::from_secs(60);

/// Why a batch did not commit. Nothing of it was stored.
pub(crate) enum Failure {
    /// The database's doing.
    Database(DbError),
    /// This one input can't be carried out; the others may be.
    Poisoned { index: usize, reason: String },
    /// This input names aggregates that only an earlier input of the batch made known: it starts
    /// a batch of its own.
    Cut { index: usize },
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

/// What a committed batch leaves: the answers in order, and the earliest timer that it set.
pub(crate) struct Committed {
    pub(crate) replies: Vec<Reply>,
    pub(crate) wake_at: Option<contracts::Timestamp>,
}

/// Runs a batch as one transaction.
pub(crate) async fn attempt<S: Service>(
    service: &S,
    database: &dyn Database,
    ports: &Ports,
    items: &[Item<S>],
) -> Result<Committed, Failure> {
    let plan = Plan::of(service, items);
    let (mut transaction, opened) = database.begin(plan.begin.clone()).await?;
    let mut desk = Desk::new(ports.now(), opened.oldest_unsent);
    desk.lay(plan.begin.lock.iter().cloned(), opened.rows);

    let repeated: Vec<bool> = plan
        .repeated
        .iter()
        .zip(items)
        .map(|(&repeated, item)| {
            repeated
                || item
                    .received()
                    .is_some_and(|it| opened.seen.contains(&(it.consumer, it.message_id)))
        })
        .collect();

    let second = second_phase(service, items, &repeated, &plan, &desk);
    if !second.lock.is_empty() || !second.look.is_empty() {
        let rows = transaction.load(&second.lock, &second.look).await?;
        desk.lay(second.lock.iter().cloned(), rows);
    }
    let looked: HashSet<&Key> = plan.begin.look.iter().chain(&second.look).collect();

    let mut replies = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        if repeated[index] {
            replies.push(Reply::None);
            continue;
        }
        let poisoned = |Poison(reason): Poison| Failure::Poisoned { index, reason };
        match &item.work {
            Work::Bury(reason) => {
                desk.bury(letter(item, reason.clone(), ports));
                replies.push(Reply::None);
            }
            Work::Postpone(key) => {
                desk.postpone(key, ports.now().plus(POSTPONED));
                replies.push(Reply::None);
            }
            Work::Decide(input) => {
                let keys = &plan.keys[index];
                for key in keys.lock.iter().chain(&keys.look) {
                    desk.readable(key).map_err(poisoned)?;
                }
                if keys.lock.iter().any(|key| desk.is_dirty(key)) {
                    let more = service.more_keys(input, &desk.view());
                    let at_hand = more.lock.iter().all(|key| desk.holds(key))
                        && more.look.iter().all(|key| desk.holds(key) || looked.contains(key));
                    if !at_hand {
                        return Err(Failure::Cut { index });
                    }
                }
                let now = ports.now();
                let decision = decide(service, input, &desk, now).map_err(poisoned)?;
                replies.push(take(service, &mut desk, item, decision, ports).map_err(poisoned)?);
                if let Input::Wake(key) = input {
                    desk.woken(key);
                }
            }
        }
    }
    let writes =
        desk.clear().map_err(|Poison(reason)| Failure::Database(DbError::Rejected(reason)))?;
    let wake_at = earliest_wake(&writes);
    transaction.commit(writes).await?;
    Ok(Committed { replies, wake_at })
}

/// What a batch asks of the database at its start.
struct Plan {
    begin: Begin,
    keys: Vec<Keys>,
    /// The same message twice in the batch: the second one.
    repeated: Vec<bool>,
}

impl Plan {
    fn of<S: Service>(service: &S, items: &[Item<S>]) -> Self {
        let (mut lock, mut look) = (BTreeSet::new(), BTreeSet::new());
        let (mut buckets, mut claimed) = (BTreeSet::new(), HashSet::new());
        let mut begin = Begin::default();
        let (mut keys, mut repeated) = (Vec::new(), Vec::new());
        for item in items {
            let mut first_seen = true;
            if let Some(received) = item.received() {
                first_seen = claimed.insert((received.consumer, received.message_id));
                if first_seen {
                    begin.received.push(received);
                }
            }
            repeated.push(!first_seen);
            let named = match &item.work {
                Work::Decide(input) => {
                    if let Input::Wake(key) = input {
                        buckets.insert(bucket(&key.outbox_key()));
                    }
                    service.keys(input)
                }
                Work::Postpone(key) => Keys::lock(key.clone()),
                Work::Bury(_) => Keys::default(),
            };
            lock.extend(named.lock.iter().filter(|key| is_first(key)).cloned());
            look.extend(named.look.iter().cloned());
            keys.push(named);
        }
        begin.look = look.difference(&lock).cloned().collect();
        begin.lock = lock.into_iter().collect();
        begin.oldest_unsent = buckets.into_iter().collect();
        Self { begin, keys, repeated }
    }
}

fn is_first(key: &Key) -> bool {
    key.kind.phase == Phase::First
}

/// The aggregates of the second phase: those that inputs name themselves, and those that loaded
/// aggregates name in turn.
fn second_phase<S: Service>(
    service: &S,
    items: &[Item<S>],
    repeated: &[bool],
    plan: &Plan,
    desk: &Desk<S::State>,
) -> Keys {
    let (mut lock, mut look) = (BTreeSet::new(), BTreeSet::new());
    for (index, item) in items.iter().enumerate() {
        if repeated[index] {
            continue;
        }
        lock.extend(plan.keys[index].lock.iter().filter(|key| !is_first(key)).cloned());
        if let Work::Decide(input) = &item.work {
            let more = service.more_keys(input, &desk.view());
            lock.extend(more.lock.into_iter().filter(|key| !desk.holds(key)));
            look.extend(more.look);
        }
    }
    let looked = |key: &Key| plan.begin.look.contains(key) || desk.holds(key);
    let look = look.into_iter().filter(|key| !lock.contains(key) && !looked(key)).collect();
    Keys { lock: lock.into_iter().collect(), look }
}

/// Lets the service decide; a panic poisons this input alone.
fn decide<S: Service>(
    service: &S,
    input: &Input<S::Request>,
    desk: &Desk<S::State>,
    now: contracts::Timestamp,
) -> Result<Decision<S::State>, Poison> {
    // `decide` is pure and is given shared references only: a panic leaves nothing half done.
    catch_unwind(AssertUnwindSafe(|| service.decide(input, &desk.view(), now))).map_err(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Poison(format!("deciding panicked: {text}"))
    })
}

fn take<S: Service>(
    service: &S,
    desk: &mut Desk<S::State>,
    item: &Item<S>,
    mut decision: Decision<S::State>,
    ports: &Ports,
) -> Result<Reply, Poison> {
    if let Some(label) = decision.ignored {
        tracing::debug!(service = %service.name(), label, "an input changed nothing");
    }
    if let Some(reason) = decision.dead_letter.take() {
        return match &item.origin {
            Origin::Message(_) => {
                desk.bury(letter(item, reason, ports));
                Ok(Reply::None)
            }
            Origin::Request(_) => Ok(Reply::Refused(Problem::internal())),
            Origin::Timer(_) => Ok(Reply::None),
        };
    }
    let reply = std::mem::take(&mut decision.reply);
    let cause = Cause { message: item.causation(), traceparent: item.traceparent() };
    desk.take(decision, service.name(), cause, ports)?;
    Ok(reply)
}

fn letter<S: Service>(item: &Item<S>, error: String, ports: &Ports) -> DeadLetter {
    let Origin::Message(arrived) = &item.origin else {
        unreachable!("only messages are buried: requests are answered, timers are postponed");
    };
    tracing::warn!(
        queue = arrived.delivery.queue.as_str(),
        message_id = arrived.received.map(|it| it.message_id.to_string()),
        error,
        "a message is a dead letter"
    );
    DeadLetter {
        consumer: arrived.delivery.queue,
        message_id: arrived.received.map(|it| it.message_id),
        bytes: arrived.delivery.payload.to_vec(),
        headers: arrived.delivery.headers.clone(),
        error,
        attempts: item.failures + 1,
        at: ports.now(),
    }
}

fn earliest_wake(writes: &Writes) -> Option<contracts::Timestamp> {
    writes.rows.iter().filter_map(|(_, row)| row.wake_at).min()
}

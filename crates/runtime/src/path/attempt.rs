//! One batch, one transaction: claim, load, decide, store, commit.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use mutants::mutant;

use crate::{
    Decision, Input, Key, Problem, Reply, Service,
    db::{Database, DbError, DeadLetter, Received, Writes},
    live::Live,
    metrics::Outcome,
    path::{
        desk::{Cause, Desk, Poison},
        item::{Item, Origin, Work},
        plan::{Named, Plan, guarded, panicked},
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

/// What a committed batch leaves: for each input in order the answer and what became of it, and the
/// earliest timer that it set.
pub(crate) struct Committed {
    pub(crate) settled: Vec<(Reply, Outcome)>,
    pub(crate) wake_at: Option<contracts::Timestamp>,
}

/// Runs a batch as one transaction. `deaf_until` is what its timers are told of the broker.
pub(crate) async fn attempt<S: Service>(
    service: &S,
    database: &dyn Database,
    live: &Live,
    ports: &Ports,
    deaf_until: Option<contracts::Timestamp>,
    items: &[Item<S>],
) -> Result<Committed, Failure> {
    let mut plan = Plan::of(service, items)?;
    let (mut transaction, opened) = database.begin(plan.begin.clone()).await?;
    let mut desk = Desk::new(ports.now(), opened.oldest_unsent, deaf_until);
    desk.lay(plan.begin.lock.iter().cloned(), opened.rows);
    for (repeated, item) in plan.repeated.iter_mut().zip(items) {
        let seen = |it: Received| opened.seen.contains(&(it.consumer, it.message_id));
        *repeated |= item.received().is_some_and(seen) && !mutant!("path-forgets-what-it-has-seen");
    }
    let second = plan.second_phase(service, items, &desk)?;
    if !second.lock.is_empty() || !second.look.is_empty() {
        let rows = transaction.load(&second.lock, &second.look).await?;
        desk.lay(second.lock.iter().cloned(), rows);
    }
    let looked: HashSet<&Key> = plan.begin.look.iter().chain(&second.look).collect();

    let mut settled = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        if plan.repeated[index] {
            settled.push((Reply::None, Outcome::Repeated));
            continue;
        }
        let poisoned = |Poison(reason): Poison| Failure::Poisoned { index, reason };
        match &item.work {
            Work::Bury(reason) => {
                desk.bury(letter(item, reason.clone(), ports));
                settled.push((Reply::None, Outcome::DeadLetter));
            }
            Work::Postpone(key) => {
                desk.postpone(key, ports.now().plus(POSTPONED));
                settled.push((Reply::None, Outcome::PutOff));
            }
            Work::Decide(input) => {
                let named = &mut plan.named[index];
                if named.first.lock.iter().any(|key| desk.is_dirty(key)) {
                    // Earlier inputs have changed what it is about: it may name others now.
                    let first = Named { first: named.first.clone(), ..Named::default() };
                    named.more = guarded(index, || service.more_keys(input, &desk.view(&first)))?;
                    let at_hand = |key: &Key| desk.holds(key) || looked.contains(key);
                    let more = &named.more;
                    if !more.lock.iter().all(|key| desk.holds(key))
                        || !more.look.iter().all(at_hand)
                    {
                        return Err(Failure::Cut { index });
                    }
                }
                for key in named.all() {
                    desk.readable(key).map_err(poisoned)?;
                }
                let now = ports.now();
                let decision = guarded(index, || service.decide(input, &desk.view(named), now))?;
                let taken = take(service, &mut desk, item, named, decision, ports);
                settled.push(taken.map_err(poisoned)?);
                if let Input::Wake(key) = input {
                    desk.woken(key);
                }
            }
        }
    }
    // What cannot be written down is found by taking the batch apart.
    let rejected = |Poison(reason): Poison| Failure::Database(DbError::Rejected(reason));
    let writes = catch_unwind(AssertUnwindSafe(|| desk.clear()))
        .unwrap_or_else(|panic| Err(panicked(&*panic)))
        .map_err(rejected)?;
    let wake_at = earliest_wake(&writes);
    let noted = live.note(&writes.rows);
    let committed = transaction.commit(writes).await;
    // Also where it failed: it may have been committed all the same.
    live.tell(noted);
    if !mutant!("path-takes-any-commit-for-done") {
        committed?;
    }
    Ok(Committed { settled, wake_at })
}

fn take<S: Service>(
    service: &S,
    desk: &mut Desk<S::State>,
    item: &Item<S>,
    named: &Named,
    mut decision: Decision<S::State>,
    ports: &Ports,
) -> Result<(Reply, Outcome), Poison> {
    if let Some(label) = decision.ignored {
        tracing::debug!(service = %service.name(), label, "an input changed nothing");
    }
    if let Some(reason) = decision.dead_letter.take() {
        return match &item.origin {
            Origin::Message(_) => {
                desk.bury(letter(item, reason, ports));
                Ok((Reply::None, Outcome::DeadLetter))
            }
            Origin::Request(_) => Ok((Reply::Refused(Problem::internal()), Outcome::Failed)),
            Origin::Timer(_) => Ok((Reply::None, Outcome::Failed)),
        };
    }
    let reply = std::mem::take(&mut decision.reply);
    let outcome = match (decision.ignored, &reply) {
        (Some(label), _) => Outcome::Ignored(label),
        (None, Reply::Refused(_)) => Outcome::Refused,
        (None, _) => Outcome::Decided,
    };
    let cause = Cause { message: item.causation(), traceparent: item.traceparent() };
    desk.take(decision, named, service.name(), cause, ports)?;
    Ok((reply, outcome))
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
        attempts: item.failures.max(1),
        at: ports.now(),
    }
}

fn earliest_wake(writes: &Writes) -> Option<contracts::Timestamp> {
    writes.rows.iter().filter_map(|(_, row)| row.wake_at).min()
}

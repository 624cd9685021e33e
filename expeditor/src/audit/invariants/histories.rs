//! I5: every history replays through its definition to the saga that is stored, its versions have
//! no gaps, and nothing follows a terminal event; the search row agrees. I10 on the way: operators'
//! actions name their actor.

use contracts::Timestamp;
use runtime::{HistoryEntry, db::SagaRow};
use saga::{Event, EventKind};
use serde_json::Value;

use crate::audit::{
    AuditError, Name, Report,
    bodies::Saga,
    held::{self, Head},
    read::Stored,
};

/// What is stored of a saga beside its order.
struct Beside {
    history: Vec<HistoryEntry>,
    row: Option<SagaRow>,
}

impl Beside {
    /// The version that the saga must have reached by now.
    fn version(&self) -> u64 {
        let entries = self.history.len() as u64;
        self.row.as_ref().map_or(entries, |row| row.version.max(entries))
    }
}

/// Judges the histories of one order.
///
/// They are read after the order, so they may be ahead of it by what happened since. Then the order
/// is read again: now it is behind only if it was rolled back. And what it has become since is
/// compared with its history once more.
pub async fn check(
    stored: &dyn Stored,
    order_id: &str,
    head: &Head,
    report: &mut Report,
) -> Result<(), AuditError> {
    let beside = look(stored, head).await?;
    let ahead = |(saga, beside): (&Saga, &Beside)| beside.version() > saga.version;
    if !head.sagas.iter().zip(&beside).any(ahead) {
        judge(order_id, head, &beside, report);
        return Ok(());
    }
    let again = held::one(stored, order_id).await?;
    let Some(now) = &again.order else {
        let reason = again.unreadable.into_iter().map(|(_, reason)| reason).next();
        let reason = reason.unwrap_or_else(|| format!("order {order_id}: it has vanished"));
        report.judge(Name(5), Some(reason));
        return Ok(());
    };
    let behind = head.sagas.iter().zip(&beside).find_map(|(saga, beside)| {
        let found = now.sagas.iter().find(|it| it.saga_id == saga.saga_id);
        let version = found.map_or(0, |it| it.version);
        (version < beside.version()).then(|| {
            format!(
                "order {order_id}: {} saga: it is of version {version}, but was of {} before",
                saga.definition,
                beside.version()
            )
        })
    });
    if behind.is_some() {
        report.judge(Name(5), behind);
        return Ok(());
    }
    judge(order_id, now, &look(stored, now).await?, report);
    Ok(())
}

async fn look(stored: &dyn Stored, head: &Head) -> Result<Vec<Beside>, AuditError> {
    let mut beside = Vec::with_capacity(head.sagas.len());
    for saga in &head.sagas {
        let history = stored.history(saga.saga_id).await?;
        beside.push(Beside { history, row: stored.saga(saga.saga_id).await? });
    }
    Ok(beside)
}

fn judge(order_id: &str, head: &Head, beside: &[Beside], report: &mut Report) {
    for ((saga, body), beside) in head.sagas.iter().zip(&head.body.sagas).zip(beside) {
        let complaint = match events(&beside.history) {
            Err(complaint) => Some(complaint),
            Ok(events) => {
                actors(order_id, &events, report);
                replays(saga, body, &events)
            }
        };
        let complaint = complaint.or_else(|| row(beside.row.as_ref(), saga, head));
        let name = &saga.definition;
        report.judge(
            Name(5),
            complaint.map(|complaint| format!("order {order_id}: {name} saga: {complaint}")),
        );
    }
}

/// The events of a history whose versions have no gaps.
fn events(history: &[HistoryEntry]) -> Result<Vec<Event>, String> {
    let mut events = Vec::with_capacity(history.len());
    for (entry, expected) in history.iter().zip(1..) {
        if entry.version != expected {
            return Err(format!("version {expected} of its history is missing"));
        }
        let event: Event = serde_json::from_str(&entry.body)
            .map_err(|error| format!("version {expected} cannot be read: {error}"))?;
        events.push(event);
    }
    Ok(events)
}

fn replays(saga: &Saga, body: &Value, events: &[Event]) -> Option<String> {
    if let Some(end) = events.iter().position(|event| event.kind.is_terminal())
        && end + 1 < events.len()
    {
        return Some(format!("version {} follows a terminal event", end + 2));
    }
    let version = usize::try_from(saga.version).unwrap_or(usize::MAX);
    let Some(events) = events.get(..version) else {
        return Some(format!(
            "it is of version {version}, but its history has {} entries",
            events.len()
        ));
    };
    let Some(definition) =
        orchestrator::sagas::definition(&saga.definition, saga.definition_version)
    else {
        return Some(format!("there is no definition of version {}", saga.definition_version));
    };
    let Some(replayed) = saga::replay(definition, events) else {
        return Some("its history is empty".to_owned());
    };
    match serde_json::to_value(&replayed) {
        Ok(replayed) => difference(body, &replayed)
            .map(|place| format!("what is stored is not what its history leads to: {place}")),
        Err(error) => Some(format!("its replay cannot be written: {error}")),
    }
}

/// The first place in which two bodies differ.
fn difference(stored: &Value, replayed: &Value) -> Option<String> {
    match (stored, replayed) {
        (Value::Object(a), Value::Object(b)) => {
            let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            names.into_iter().find_map(|name| {
                let get = |object: &serde_json::Map<String, Value>| {
                    object.get(name).cloned().unwrap_or(Value::Null)
                };
                difference(&get(a), &get(b)).map(|rest| join(name, &rest))
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate();
            pairs.into_iter().find_map(|(index, (a, b))| {
                let name = a.get("name").and_then(Value::as_str).map(str::to_owned);
                difference(a, b).map(|rest| join(&name.unwrap_or(index.to_string()), &rest))
            })
        }
        (a, b) if a == b => None,
        (a, b) => Some(format!(" is {} instead of {}", brief(a), brief(b))),
    }
}

fn join(name: &str, rest: &str) -> String {
    if rest.starts_with(' ') { format!("{name}{rest}") } else { format!("{name}.{rest}") }
}

fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The row that people search by must say what the saga says, or be of a later version.
fn row(row: Option<&SagaRow>, saga: &Saga, head: &Head) -> Option<String> {
    let Some(row) = row else { return Some("it has no row to be found by".to_owned()) };
    let order = &head.body;
    if row.order_id != order.order_id {
        return Some(format!("its row is of order {}", row.order_id));
    }
    if row.version != saga.version {
        let behind = row.version < saga.version;
        return behind
            .then(|| format!("its row is of version {}, it of {}", row.version, saga.version));
    }
    let millis = |at: Option<Timestamp>| at.map(Timestamp::as_millis);
    let awaited = saga.awaited();
    let columns = [
        ("definition", row.definition == saga.definition),
        ("definition_version", row.definition_version == saga.definition_version),
        ("status", row.status == saga.status()),
        ("waiting_on", row.waiting_on.as_ref() == awaited.map(|step| &step.name)),
        ("waiting_since", millis(row.waiting_since) == awaited.map(|step| step.since)),
        ("next_attempt_at", millis(row.next_attempt_at) == saga.next_attempt_at()),
        ("stalled", row.stalled == saga.stalled()),
        ("customer_id", row.customer_id == order.customer_id),
        ("store_id", row.store_id == order.store_id),
        ("started_at", row.started_at.as_millis() == saga.started_at),
    ];
    let (name, _) = columns.into_iter().find(|(_, same)| !same)?;
    Some(format!("the {name} of its row is not what it says"))
}

fn actors(order_id: &str, events: &[Event], report: &mut Report) {
    for event in events {
        if let EventKind::OperatorActed { by, action, .. } = &event.kind {
            let nobody = by.trim().is_empty();
            report.judge(
                Name(10),
                nobody.then(|| format!("order {order_id}: {action} was done by nobody")),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_difference_is_named_by_its_place() {
        let stored = json!({ "phase": "running", "steps": [{ "name": "pay", "status": "done" }] });
        for (replayed, expected) in [
            (stored.clone(), None),
            (
                json!({ "phase": "running", "steps": [{ "name": "pay", "status": "undone" }] }),
                Some("steps.pay.status is \"done\" instead of \"undone\""),
            ),
            (
                json!({ "phase": "running", "steps": [] }),
                Some("steps is [{\"name\":\"pay\",\"status\":\"done\"}] instead of []"),
            ),
        ] {
            assert_eq!(difference(&stored, &replayed).as_deref(), expected);
        }
    }
}

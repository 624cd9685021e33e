//! I5: every history replays through its definition to the saga that is stored, its versions have
//! no gaps, and nothing follows a terminal event; the search row agrees. I10 on the way: operators'
//! actions name their actor.

use saga::{Event, EventKind};
use serde_json::Value;

use crate::audit::{AuditError, Name, Report, bodies::Saga, held::Head, read::Stored};

/// Judges the histories of one order.
pub async fn check(
    stored: &dyn Stored,
    order_id: &str,
    head: &Head,
    report: &mut Report,
) -> Result<(), AuditError> {
    for (saga, body) in head.sagas.iter().zip(&head.body.sagas) {
        // Read after the order: it can only be longer than the saga's version, by what happened
        // since.
        let history = stored.history(saga.saga_id).await?;
        let complaint = match events(&history) {
            Err(complaint) => Some(complaint),
            Ok(events) => {
                actors(order_id, &events, report);
                replays(saga, body, &events)
            }
        };
        let complaint = match complaint {
            None => row(stored, saga, order_id).await?,
            complaint => complaint,
        };
        let name = &saga.definition;
        report.judge(
            Name(5),
            complaint.map(|complaint| format!("order {order_id}: {name} saga: {complaint}")),
        );
    }
    Ok(())
}

/// The events of a history whose versions have no gaps.
fn events(history: &[runtime::HistoryEntry]) -> Result<Vec<Event>, String> {
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
async fn row(
    stored: &dyn Stored,
    saga: &Saga,
    order_id: &str,
) -> Result<Option<String>, AuditError> {
    let Some(row) = stored.saga(saga.saga_id).await? else {
        return Ok(Some("it has no row to be found by".to_owned()));
    };
    Ok(if row.order_id != order_id {
        Some(format!("its row is of order {}", row.order_id))
    } else if row.version < saga.version {
        Some(format!("its row is of version {}, it of {}", row.version, saga.version))
    } else if row.version == saga.version && row.status != saga.status() {
        Some(format!("its row says {}, it says {}", row.status, saga.status()))
    } else {
        None
    })
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

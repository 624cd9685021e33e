//! I8: each aggregate's events in their sequence. What a service has published about a subject
//! grows strictly; the orchestrator has heard nothing that was not told, and where nothing is on
//! its way it has heard everything.

use std::collections::HashMap;

use contracts::ServiceName;
use uuid::Uuid;

use super::Verdict;
use crate::audit::{
    AuditError, Knowledge, Name, Report,
    held::{self, Held, PARTICIPANTS},
    read::{PAYMENTS, Place, Stored, TICKETS},
};

/// Events about an order that are no facts: the orchestrator does not listen to them.
const NOT_FOR_THE_ORCHESTRATOR: [&str; 1] = ["delivery-offered"];

/// The highest sequence that each service has published about each subject.
#[derive(Debug, Default)]
pub struct Told(HashMap<(ServiceName, u128), Highest>);

#[derive(Clone, Copy, Debug, Default)]
struct Highest {
    /// Of any event.
    any: u64,
    /// Of those that the orchestrator listens to.
    fact: u64,
}

impl Told {
    /// The highest sequence of what that service has told the orchestrator about that subject; 0
    /// for none.
    pub fn highest(&self, service: ServiceName, subject: &str) -> u64 {
        self.0.get(&(service, number(subject))).map_or(0, |highest| highest.fact)
    }

    /// The highest sequence of anything that service has published about that subject.
    fn of(&self, service: ServiceName, subject: &str) -> u64 {
        self.0.get(&(service, number(subject))).map_or(0, |highest| highest.any)
    }
}

/// A subject in 16 bytes.
fn number(subject: &str) -> u128 {
    Uuid::parse_str(subject)
        .unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, subject.as_bytes()))
        .as_u128()
}

/// Judges what was published, in the order of the tables.
pub async fn published(stored: &dyn Stored, report: &mut Report) -> Result<Told, AuditError> {
    let mut told = Told::default();
    for service in ServiceName::ALL {
        let mut after = 0;
        loop {
            let page = stored.published(service, after).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            for event in &page {
                let highest = told.0.entry((service, number(&event.subject))).or_default();
                let complaint = (event.sequence <= highest.any).then(|| {
                    format!(
                        "{service}: {} about {} has sequence {} after {}",
                        event.kind, event.subject, event.sequence, highest.any
                    )
                });
                highest.any = highest.any.max(event.sequence);
                if !NOT_FOR_THE_ORCHESTRATOR.contains(&event.kind.as_str()) {
                    highest.fact = highest.fact.max(event.sequence);
                }
                report.judge(Name(8), complaint);
            }
        }
    }
    Ok(told)
}

/// Judges how far the orchestrator has heard: never beyond what there is. Also that a row's
/// version is its record's sequence, which everything here counts by.
pub fn check(held: &Held, _: &Knowledge) -> Verdict {
    let uncounted =
        held.parts().find(|(_, part)| part.columns.version != part.body.record.sequence);
    if let Some((place, part)) = uncounted {
        return Verdict::Violated(format!(
            "{}'s row is of version {}, its record of sequence {}",
            place.service, part.columns.version, part.body.record.sequence
        ));
    }
    let Some(head) = held.order.as_ref().filter(|head| !head.sagas.is_empty()) else {
        return Verdict::Silent;
    };
    let cursors = head.sagas.iter().flat_map(|saga| &saga.cursors);
    let beyond = cursors.into_iter().find_map(|(source, cursor)| {
        let place = PARTICIPANTS.into_iter().find(|place| place.service.as_str() == source);
        let version =
            place.and_then(|place| held.part(place)).map_or(0, |part| part.columns.version);
        (cursor.sequence > version).then(|| {
            format!("it has heard {source} up to {}, which is at {version}", cursor.sequence)
        })
    });
    Verdict::from_first(beyond)
}

/// Judges how far the orchestrator has heard: everything, where nothing is on its way. What comes
/// after a saga's end changes nothing, not even how far was heard.
pub async fn check_heard(
    stored: &dyn Stored,
    held: &Held,
    known: &Knowledge,
    told: &Told,
    report: &mut Report,
) -> Result<(), AuditError> {
    if let Some(head) = &held.order {
        let (highest, version) =
            (told.of(ServiceName::Orchestrator, &held.id), head.columns.version);
        let complaint = (highest > version).then(|| {
            format!(
                "order {}: {highest} was the last that was published, but it is at {version}",
                held.id
            )
        });
        report.judge(Name(8), complaint);
    }
    for place in PARTICIPANTS {
        let highest = told.highest(place.service, &held.id);
        if let Some(part) = held.part(place)
            && highest > part.columns.version
        {
            let complaint = format!(
                "order {}: {} has published up to {highest}, but is at {}",
                held.id, place.service, part.columns.version
            );
            report.judge(Name(8), Some(complaint));
            continue;
        }
        if behind(held, place, highest).is_none() {
            continue;
        }
        // `told` was read first. What has left the outbox since was consumed, or lies in the broker.
        if stored.has_unsent(place, &held.id).await? {
            report.in_flight(Name(8));
            continue;
        }
        let again = held::one(stored, &held.id).await?;
        let may_be_on_its_way = !stored.sent_is_consumed() && !known.at_rest;
        if may_be_on_its_way && behind(&again, place, highest).is_some() {
            report.in_flight(Name(8));
            continue;
        }
        let complaint = behind(&again, place, highest).map(|heard| {
            format!(
                "order {}: it has heard {} up to {heard}, which has told up to {highest}",
                held.id, place.service
            )
        });
        report.judge(Name(8), complaint);
    }
    Ok(())
}

/// Whom a saga listens to: to those only that answer its steps.
fn listens(definition: &str, place: Place) -> bool {
    definition == "order" || matches!(place, PAYMENTS | TICKETS)
}

/// How far the order has heard that participant, where that is less than was told.
fn behind(held: &Held, place: Place, highest: u64) -> Option<u64> {
    let sagas = &held.order.as_ref()?.sagas;
    let open = sagas.iter().filter(|saga| !saga.has_ended() && listens(&saga.definition, place));
    let heard = open
        .map(|saga| saga.cursors.get(place.service.as_str()).map_or(0, |cursor| cursor.sequence))
        .min()?;
    (heard < highest).then_some(heard)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::read::{DELIVERIES, KITCHEN};

    #[test]
    fn a_return_listens_to_nobody_but_payment_and_store() {
        for (definition, place, heard) in [
            ("order", KITCHEN, true),
            ("order", DELIVERIES, true),
            ("return", PAYMENTS, true),
            ("return", TICKETS, true),
            ("return", KITCHEN, false),
            ("return", DELIVERIES, false),
            ("revise", PAYMENTS, true),
            ("revise", TICKETS, true),
            ("revise", KITCHEN, false),
            ("revise", DELIVERIES, false),
        ] {
            assert_eq!(listens(definition, place), heard, "{definition}, {}", place.service);
        }
    }

    /// The audit's own table is the definitions'.
    #[test]
    fn whom_a_saga_listens_to_is_who_answers_its_steps() {
        for definition in orchestrator::sagas::all() {
            for place in PARTICIPANTS {
                let answers = |step: &saga::Step| {
                    definition.participant(step.name) == Some(place.service.as_str())
                };
                let answers = definition.steps().iter().any(answers);
                assert_eq!(answers, listens(definition.name(), place), "{}", place.service);
            }
        }
    }
}

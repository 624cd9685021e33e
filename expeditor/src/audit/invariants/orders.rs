//! Goes through all orders once and has each judged by every invariant about single orders.

use std::collections::HashMap;

use uuid::Uuid;

use super::{
    Verdict, amounts, columns, effects, endings, ends, histories, orphans, sequences, timers,
};
use crate::audit::{
    AuditError, Knowledge, Name, Report,
    held::{self, Held, Slices},
    read::Stored,
};

type Check = fn(&Held, &Knowledge) -> Verdict;

const CHECKS: [(Name, Check); 8] = [
    (Name(2), effects::check),
    (Name(2), amounts::check),
    (Name(3), ends::check),
    (Name(3), timers::check),
    (Name(4), endings::check),
    (Name(5), columns::check),
    (Name(6), orphans::check),
    (Name(8), sequences::check),
];

/// The orders that were seen; some 30 bytes each.
#[derive(Debug, Default)]
pub struct Seen(HashMap<u128, Place>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Unclaimed,
    Claimed,
}

/// What a claim on an order came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is the first.
    First,
    /// It was claimed before.
    Again,
    /// The order was not seen.
    Unknown,
}

impl Seen {
    fn insert(&mut self, order_id: &str) {
        self.0.insert(number(order_id), Place::Unclaimed);
    }

    /// Claims an order for an idempotency key.
    pub fn claim(&mut self, order_id: &str) -> Claim {
        match self.0.get_mut(&number(order_id)) {
            None => Claim::Unknown,
            Some(place) if *place == Place::Unclaimed => {
                *place = Place::Claimed;
                Claim::First
            }
            Some(_) => Claim::Again,
        }
    }

    /// The orders that nobody has claimed, the oldest first.
    pub fn unclaimed(&self) -> Vec<String> {
        let free = |(id, place): (&u128, &Place)| (*place == Place::Unclaimed).then_some(*id);
        let mut ids: Vec<u128> = self.0.iter().filter_map(free).collect();
        ids.sort_unstable();
        ids.into_iter().map(|id| Uuid::from_u128(id).to_string()).collect()
    }
}

/// Order ids are UUIDs; one that is none has no key that could name it either, but must not be
/// lost: it gets a number of its own.
fn number(order_id: &str) -> u128 {
    Uuid::parse_str(order_id)
        .unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, order_id.as_bytes()))
        .as_u128()
}

/// Judges every order.
pub async fn check(
    stored: &dyn Stored,
    known: &Knowledge,
    told: &sequences::Told,
    report: &mut Report,
) -> Result<Seen, AuditError> {
    let mut seen = Seen::default();
    let mut watch = timers::Watch::default();
    let mut slices = Slices::new(stored);
    while let Some(slice) = slices.next().await? {
        for held in slice {
            if held.order.is_some() {
                seen.insert(&held.id);
            }
            watch.note(&held);
            one(stored, known, told, held, report).await?;
        }
    }
    watch.judge(stored, report).await?;
    Ok(seen)
}

async fn one(
    stored: &dyn Stored,
    known: &Knowledge,
    told: &sequences::Told,
    mut held: Held,
    report: &mut Report,
) -> Result<(), AuditError> {
    let judge = |held: &Held| CHECKS.map(|(name, check)| (name, check(held, known)));
    let mut verdicts = judge(&held);
    let suspicious = |(_, verdict): &(Name, Verdict)| matches!(verdict, Verdict::Violated(_));
    if verdicts.iter().any(suspicious) {
        // Pages are not read at one moment; one order is read in the order that is safe.
        held = held::one(stored, &held.id).await?;
        verdicts = judge(&held);
    }
    for (name, reason) in &held.unreadable {
        report.judge(*name, Some(reason.clone()));
    }
    for (name, verdict) in verdicts {
        match verdict {
            Verdict::Silent => {}
            Verdict::Holds => report.judge(name, None),
            Verdict::InFlight => report.in_flight(name),
            Verdict::Violated(complaint) => {
                report.judge(name, Some(format!("order {}: {complaint}", held.id)));
            }
        }
    }
    if let Some(head) = &held.order {
        histories::check(stored, &held.id, head, report).await?;
        sequences::check_heard(stored, &held, known, told, report).await?;
    }
    Ok(())
}

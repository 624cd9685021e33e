//! I6: no holding without its order and saga, none active under an order that is finished, no
//! saga without its order.

use uuid::Uuid;

use super::Verdict;
use crate::audit::{
    AuditError, Knowledge, Name, Report,
    held::Held,
    read::{DELIVERIES, KITCHEN, ORDERS, PAYMENTS, Place, Stored, TICKETS},
};

/// The states in which a holding still ties something up or waits for somebody.
const fn active(place: Place) -> &'static [&'static str] {
    match (place.service, place.kind.as_bytes()) {
        (contracts::ServiceName::Payment, _) => &["pending", "voiding", "refunding", "authorized"],
        (contracts::ServiceName::Store, _) => &["pending", "accepted"],
        (contracts::ServiceName::Cook, _) => &["queued", "cooking"],
        (contracts::ServiceName::Rider, _) => {
            &["waiting", "offered", "offered_wide", "claimed", "picked"]
        }
        (contracts::ServiceName::Orchestrator, _) => &[],
    }
}

/// What a holding is called.
const fn what(place: Place) -> &'static str {
    match place.service {
        contracts::ServiceName::Payment => "payment",
        contracts::ServiceName::Store => "store's ticket",
        contracts::ServiceName::Cook => "kitchen's ticket",
        contracts::ServiceName::Rider => "delivery",
        contracts::ServiceName::Orchestrator => "order",
    }
}

/// Judges what is held for one order id.
pub fn check(held: &Held, _: &Knowledge) -> Verdict {
    if held.parts().next().is_none() {
        return Verdict::Silent;
    }
    let Some(head) = &held.order else {
        // An order that cannot be read is there all the same.
        if !held.unreadable.is_empty() {
            return Verdict::Silent;
        }
        let place = held.parts().next().map_or(PAYMENTS, |(place, _)| place);
        return Verdict::Violated(format!("there is a {} but no such order", what(place)));
    };
    if !head.has_ended() {
        return Verdict::InFlight;
    }
    let still = [PAYMENTS, TICKETS, KITCHEN, DELIVERIES].into_iter().find_map(|place| {
        let state = &held.part(place)?.body.state;
        active(place)
            .contains(&state.as_str())
            .then(|| format!("it has ended but its {} is still {state}", what(place)))
    });
    Verdict::from_first(still)
}

/// Judges what is not found by going through orders: search rows of sagas without their order.
pub async fn check_beyond(stored: &dyn Stored, report: &mut Report) -> Result<(), AuditError> {
    let mut before: Option<Uuid> = None;
    loop {
        let page = stored.sagas(before).await?;
        let Some(last) = page.last() else { return Ok(()) };
        before = Some(last.saga_id);
        for row in &page {
            // Read after the row: an order is stored with its first saga's row.
            let missing = stored.one(ORDERS, &row.order_id).await?.is_none();
            report.judge(
                Name(6),
                missing
                    .then(|| format!("saga {}: there is no order {}", row.saga_id, row.order_id)),
            );
        }
    }
}

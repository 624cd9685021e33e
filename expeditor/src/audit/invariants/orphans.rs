//! I6: no holding without its order and saga, none active under an order that is finished, no
//! saga without its order, no history without its saga.

use runtime::db::{Row, SagaRow};
use serde_json::Value;
use uuid::Uuid;

use super::Verdict;
use crate::audit::{
    AuditError, Knowledge, Name, Report,
    bodies::{Order, read},
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
        (
            contracts::ServiceName::Orchestrator
            | contracts::ServiceName::Mypage
            | contracts::ServiceName::Notification,
            _,
        ) => &[],
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
        contracts::ServiceName::Mypage => "order on MyPage",
        contracts::ServiceName::Notification => "order of which messages tell",
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
        (active(place).contains(&state.as_str()) && !(place == KITCHEN && recalled(held)))
            .then(|| format!("it has ended but its {} is still {state}", what(place)))
    });
    Verdict::from_first(still)
}

/// Whether the delivery was called back before the food had left: then nobody waits for the cook,
/// who may still finish.
fn recalled(held: &Held) -> bool {
    let record = held.delivery.as_ref().map(|delivery| &delivery.body.record);
    record.is_some_and(|it| it.has("delivery-returned") && !it.has("food-picked"))
}

/// Judges what is not found by going through orders: search rows of sagas that their order does not
/// have, and histories of no saga at all.
pub async fn check_beyond(stored: &dyn Stored, report: &mut Report) -> Result<(), AuditError> {
    let mut before: Option<Uuid> = None;
    loop {
        let page = stored.sagas(before).await?;
        let Some(last) = page.last() else { break };
        before = Some(last.saga_id);
        for row in &page {
            // Read after the row: an order is stored together with the rows of its sagas.
            let order = stored.one(ORDERS, &row.order_id).await?;
            report.judge(Name(6), misplaced(row, order.as_ref()));
        }
    }
    let mut after: Option<Uuid> = None;
    loop {
        let page = stored.streams(after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(*last);
        for stream in page {
            // Read after the history: they are stored together.
            let missing = stored.saga(stream).await?.is_none();
            let complaint = missing.then(|| format!("saga {stream}: it has a history and no row"));
            report.judge(Name(6), complaint);
        }
    }
}

fn misplaced(row: &SagaRow, order: Option<&Row>) -> Option<String> {
    let (saga, order_id) = (row.saga_id, &row.order_id);
    let Some(order) = order else {
        return Some(format!("saga {saga}: there is no order {order_id}"));
    };
    // One that cannot be read is an offender of its own already.
    let order = read::<Order>("order", order_id, &order.body).ok()?;
    let id = saga.to_string();
    let has = order.sagas.iter().any(|it| it.get("saga_id").and_then(Value::as_str) == Some(&id));
    (!has).then(|| format!("saga {saga}: it is found under order {order_id}, which has it not"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::audit::held::{Columns, Head, Part};

    fn part(state: &str, milestones: &[&str]) -> Part {
        let milestones: Vec<Value> =
            milestones.iter().map(|kind| json!({ "type": kind })).collect();
        let record = json!({ "sequence": milestones.len(), "milestones": milestones });
        let body = json!({ "order_id": "o1", "state": state, "record": record });
        Part { columns: Columns::default(), body: serde_json::from_value(body).unwrap() }
    }

    fn returned() -> Head {
        let saga = json!({
            "saga_id": Uuid::nil(), "definition": "return", "definition_version": 1, "version": 9,
            "phase": "completed", "suspended_at": null, "past_pivot": true, "cancellation": null,
            "started_at": 0, "settings": { "deadlines": {}, "retry": { "cap": 1 } },
            "steps": [], "cursors": {},
        });
        let body = json!({
            "order_id": "o1", "customer_id": "c1", "store_id": "s1", "items": [], "version": 9,
            "total": { "amount": 0, "currency": "KRW" }, "sagas": [saga],
        });
        let body: Order = serde_json::from_value(body).unwrap();
        let sagas = body.sagas.iter().map(|it| serde_json::from_value(it.clone()).unwrap());
        Head { columns: Columns::default(), sagas: sagas.collect(), body }
    }

    #[test]
    fn the_cook_may_still_be_at_it_where_the_delivery_was_called_back_before_it_left() {
        for (delivery, fine) in [
            (&["delivery-returned"][..], true),
            (&["rider-assigned", "delivery-returned"], true),
            (&["rider-assigned", "food-picked", "delivery-returned"], false),
        ] {
            let held = Held {
                id: "o1".to_owned(),
                order: Some(returned()),
                kitchen: Some(part("cooking", &["cook-started"])),
                delivery: Some(part("returned", delivery)),
                ..Held::default()
            };
            let verdict = check(&held, &Knowledge::default());
            assert_eq!(verdict == Verdict::Holds, fine, "{delivery:?}: {verdict:?}");
        }
    }
}

//! I5, for what stands beside the bodies: the columns that people search by, of orders and of what
//! participants hold, say what the bodies say. Recomputed here, with words of the audit's own.

use super::Verdict;
use crate::audit::{
    Knowledge, Name, Report,
    bodies::{Load, MenuItem, Rider},
    held::{Columns, Head, Held, Part},
    read::{DELIVERIES, KITCHEN, PAYMENTS, Place, TICKETS},
    shown::Shown,
};

/// Judges one order.
pub fn check(held: &Held, _: &Knowledge) -> Verdict {
    let of_order = held.order.as_ref().map(|head| order(&held.id, head));
    let of_parts = held.parts().map(|(place, part)| {
        let complaint = holding(&held.id, place, part);
        complaint.map(|complaint| format!("{}'s {}: {complaint}", place.service, place.kind))
    });
    let mut judged = of_order.into_iter().chain(of_parts).peekable();
    if judged.peek().is_none() {
        return Verdict::Silent;
    }
    Verdict::from_first(judged.flatten().next())
}

fn order(id: &str, head: &Head) -> Option<String> {
    let (columns, body) = (&head.columns, &head.body);
    if columns.version != body.version {
        return Some(format!("its row is of version {}, it of {}", columns.version, body.version));
    }
    same("id", Some(id), Some(&body.order_id))
        .or_else(|| same("state", Some(&columns.state), Some(status(head))))
        .or_else(|| same("owner", columns.owner.as_deref(), Some(&body.customer_id)))
}

fn holding(id: &str, place: Place, part: &Part) -> Option<String> {
    let (columns, body) = (&part.columns, &part.body);
    let owner = match place {
        PAYMENTS => body.authorization.as_ref().map(|hold| hold.customer_id.as_str()),
        TICKETS => body.asked.as_ref().map(|asked| asked.store_id.as_str()),
        KITCHEN => body.store_id.as_deref(),
        DELIVERIES => body.address.as_ref().map(|address| address.district.as_str()),
        _ => return None,
    };
    same("id", Some(id), Some(&body.order_id))
        .or_else(|| same("state", Some(&columns.state), Some(&body.state)))
        .or_else(|| same("owner", columns.owner.as_deref(), owner))
}

/// Judges what stands beside the body of a row that belongs to no single order.
pub fn judge(report: &mut Report, what: &str, id: &str, complaint: Option<String>) {
    report.judge(Name(5), complaint.map(|complaint| format!("{what} {id}: {complaint}")));
}

/// What stands beside a menu item.
pub fn menu_item(columns: &Columns, item: &MenuItem) -> Option<String> {
    let state = if item.on_hand == 0 { "sold_out" } else { "available" };
    same("state", Some(&columns.state), Some(state))
        .or_else(|| same("owner", columns.owner.as_deref(), Some(&item.store_id)))
}

/// What stands beside an item of the catalog, whose id begins with its store.
pub fn catalog_item(columns: &Columns, id: &str) -> Option<String> {
    let store = id.split_once('/').map(|(store, _)| store);
    same("state", Some(&columns.state), Some("offered"))
        .or_else(|| same("owner", columns.owner.as_deref(), store))
}

/// What stands beside an order on MyPage.
pub fn shown(columns: &Columns, shown: &Shown) -> Option<String> {
    let owner = shown
        .placed
        .as_ref()
        .or(shown.scheduled.as_ref())
        .map(|placed| placed.customer_id.as_str());
    same("state", Some(&columns.state), Some(shown.status()))
        .or_else(|| same("owner", columns.owner.as_deref(), owner))
}

/// What stands beside a used idempotency key: nobody lists them.
pub fn used_key(columns: &Columns) -> Option<String> {
    same("state", Some(&columns.state), Some("used"))
        .or_else(|| same("owner", columns.owner.as_deref(), None))
}

/// What stands beside a rider.
pub fn rider(columns: &Columns, rider: &Rider) -> Option<String> {
    let state = if rider.on_duty { "on_duty" } else { "off_duty" };
    same("state", Some(&columns.state), Some(state))
        .or_else(|| same("owner", columns.owner.as_deref(), Some(&rider.district)))
}

/// What stands beside a rider's load.
pub fn load(columns: &Columns, load: &Load) -> Option<String> {
    let state = if load.orders.is_empty() { "free" } else { "carrying" };
    same("state", Some(&columns.state), Some(state))
}

fn same(what: &str, column: Option<&str>, body: Option<&str>) -> Option<String> {
    (column != body).then(|| {
        let say = |word: Option<&str>| word.unwrap_or("nothing").to_owned();
        format!("its {what} beside the body is {}, in it {}", say(column), say(body))
    })
}

/// How an order stands, as its customer sees it: the word of the furthest step that is over.
fn status(head: &Head) -> &'static str {
    const WORDS: [(&str, &str); 6] = [
        ("deliver", "delivered"),
        ("pickup", "on_the_way"),
        ("cook-finish", "cooked"),
        ("cook-start", "cooking"),
        ("accept", "accepted"),
        ("pay", "paid"),
    ];
    let Some(saga) = head.own() else {
        return if head.starts_at().is_some() { "scheduled" } else { "cancelled" };
    };
    let waits_to_cancel = saga.cancellation.as_deref() == Some("requested") && !saga.past_pivot;
    match (saga.definition.as_str(), saga.phase.as_str()) {
        ("return", _) if saga.has_ended() => "returned",
        ("return", _) | (_, "returned") => "returning",
        (_, "completed") => "delivered",
        (_, "cancelled") => "cancelled",
        (_, "compensating") => "cancelling",
        _ if waits_to_cancel => "cancelling",
        _ => {
            let over =
                |name: &str| saga.steps.iter().any(|step| step.name == name && step.is_over());
            WORDS.into_iter().find(|(step, _)| over(step)).map_or("placed", |(_, word)| word)
        }
    }
}

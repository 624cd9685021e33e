//! I2, for one order: at most one effect a step and direction, in an order that can be.

use super::Verdict;
use crate::audit::{
    Knowledge,
    bodies::Record,
    held::{Held, Part},
    read::{DELIVERIES, KITCHEN, PAYMENTS, Place, TICKETS},
};

/// What may happen at most once to one order at one participant. A rider may be assigned again
/// after a release, and only that.
const ONCE: [&str; 17] = [
    "payment-authorized",
    "payment-declined",
    "payment-voided",
    "payment-captured",
    "payment-refunded",
    "order-accepted",
    "order-rejected",
    "ticket-cancelled",
    "stock-settled",
    "stock-restocked",
    "cook-started",
    "cooking-declined",
    "cooking-cancelled",
    "cook-finished",
    "food-picked",
    "delivery-confirmed",
    "delivery-returned",
];

/// What contradicts one another.
const NEVER_BOTH: [(&str, &str); 9] = [
    ("payment-authorized", "payment-declined"),
    ("payment-captured", "payment-voided"),
    ("order-accepted", "order-rejected"),
    ("stock-settled", "stock-restocked"),
    ("stock-settled", "ticket-cancelled"),
    ("cook-started", "cooking-cancelled"),
    ("cook-started", "cooking-declined"),
    ("delivery-confirmed", "delivery-returned"),
    ("order-rejected", "stock-settled"),
];

/// What can only have happened after something else.
const NEEDS: [(&str, &str); 7] = [
    ("payment-revised", "payment-authorized"),
    ("payment-adjusted", "payment-revised"),
    ("payment-captured", "payment-authorized"),
    ("stock-settled", "order-accepted"),
    ("cook-finished", "cook-started"),
    ("food-picked", "rider-assigned"),
    ("delivery-confirmed", "food-picked"),
];

/// What is said of changes of the order: it leaves the participant's state as it is. Of each change
/// one of the first three, by the participant that it names.
const OF_CHANGES: [(Place, [&str; 3]); 2] = [
    (PAYMENTS, ["payment-revised", "payment-revision-declined", "payment-restored"]),
    (TICKETS, ["ticket-revised", "ticket-revision-refused", "ticket-kept"]),
];

/// What is said of a change that was made.
const ADJUSTED: &str = "payment-adjusted";

/// Judges one order.
pub fn check(held: &Held, _: &Knowledge) -> Verdict {
    if held.parts().next().is_none() {
        return Verdict::Silent;
    }
    let complaint = held.parts().find_map(|(place, part)| {
        milestones(&part.body.record)
            .or_else(|| changes(held, place, &part.body.record))
            .or_else(|| state(place, part))
            .map(|complaint| format!("{} says {complaint}", place.service))
    });
    Verdict::from_first(complaint)
}

fn milestones(record: &Record) -> Option<String> {
    if let Some(kind) = ONCE.into_iter().find(|kind| record.count(kind) > 1) {
        return Some(format!("{kind} {} times", record.count(kind)));
    }
    if let Some((one, other)) =
        NEVER_BOTH.into_iter().find(|(one, other)| record.has(one) && record.has(other))
    {
        return Some(format!("both {one} and {other}"));
    }
    if let Some((late, early)) = NEEDS.into_iter().find(|(late, early)| {
        let place = |kind: &str| record.milestones.iter().position(|m| m.kind == kind);
        place(late).is_some_and(|late| place(early).is_none_or(|early| early > late))
    }) {
        return Some(format!("{late} without {early} before it"));
    }
    let (assigned, released) = (record.count("rider-assigned"), record.count("rider-released"));
    (assigned > released + 1 || released > assigned)
        .then(|| format!("rider-assigned {assigned} times and rider-released {released} times"))
}

fn is_of_change(place: Place, kind: &str) -> bool {
    let told = OF_CHANGES.iter().find(|(whose, _)| *whose == place);
    told.is_some_and(|(_, kinds)| kinds.contains(&kind) || (place == PAYMENTS && kind == ADJUSTED))
}

/// Each change is decided once by each participant, and a payment's undone or settled once. One
/// that began after the order was read may be told of already.
fn changes(held: &Held, place: Place, record: &Record) -> Option<String> {
    let order = &held.order.as_ref()?.body;
    let (_, kinds) = OF_CHANGES.iter().find(|(whose, _)| *whose == place)?;
    let asked = order.revisions.iter().filter(|it| it.saga_id.is_some()).count() + 1;
    let [done, refused, undone] = kinds.map(|kind| record.count(kind));
    if place == TICKETS {
        let decided = done + refused + undone;
        return (decided > asked).then(|| format!("{decided} changes decided of {asked}"));
    }
    if done + refused > asked || undone > asked {
        return Some(format!("{} changes decided of {asked}", done + refused));
    }
    let adjusted = record.count(ADJUSTED);
    (adjusted > done).then(|| format!("{ADJUSTED} {adjusted} times and {} {done}", kinds[0]))
}

/// Whose fact leads to which state; the empty one stands for no fact at all.
const STATES: [(Place, &str, &[&str]); 23] = [
    (PAYMENTS, "", &["pending", "voiding", "refunding"]),
    // A void or a refund waits where a higher sum was asked for and not answered.
    (PAYMENTS, "payment-authorized", &["authorized", "voiding", "refunding"]),
    (PAYMENTS, "payment-declined", &["declined"]),
    (PAYMENTS, "payment-voided", &["voided"]),
    (PAYMENTS, "payment-captured", &["captured"]),
    (PAYMENTS, "payment-refunded", &["refunded"]),
    (TICKETS, "", &["pending"]),
    (TICKETS, "order-accepted", &["accepted"]),
    (TICKETS, "order-rejected", &["rejected"]),
    (TICKETS, "ticket-cancelled", &["cancelled"]),
    (TICKETS, "stock-settled", &["settled"]),
    (TICKETS, "stock-restocked", &["restocked"]),
    (KITCHEN, "", &["queued"]),
    (KITCHEN, "cook-started", &["cooking"]),
    (KITCHEN, "cooking-declined", &["declined"]),
    (KITCHEN, "cooking-cancelled", &["cancelled"]),
    (KITCHEN, "cook-finished", &["finished"]),
    (DELIVERIES, "", &["known", "waiting", "offered", "offered_wide"]),
    (DELIVERIES, "rider-released", &["offered", "offered_wide"]),
    (DELIVERIES, "rider-assigned", &["claimed"]),
    (DELIVERIES, "food-picked", &["picked"]),
    (DELIVERIES, "delivery-confirmed", &["delivered"]),
    (DELIVERIES, "delivery-returned", &["returned"]),
];

/// Every fact is one of the participant's own, and the state is what the last one leads to.
fn state(place: Place, part: &Part) -> Option<String> {
    let fits = |fact: &str| STATES.iter().find(|(whose, name, _)| *whose == place && *name == fact);
    let record = &part.body.record;
    let leads = |kind: &str| !is_of_change(place, kind);
    let foreign = record.milestones.iter().find(|it| leads(&it.kind) && fits(&it.kind).is_none());
    if let Some(foreign) = foreign {
        return Some(format!("{}, which is none of its facts", foreign.kind));
    }
    let last = record.milestones.iter().rev().find(|it| leads(&it.kind));
    let last = last.map_or("", |last| last.kind.as_str());
    let (_, _, states) = fits(last)?;
    let state = part.body.state.as_str();
    (!states.contains(&state)).then(|| {
        let last = if last.is_empty() { "nothing" } else { last };
        format!("{state} although {last} was the last that happened")
    })
}

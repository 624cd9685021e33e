//! I4: what the ends of orders promise. Judged over the participants' milestones.

use super::Verdict;
use crate::audit::{
    Knowledge,
    held::{Held, Part},
};

/// Judges one order.
pub fn check(held: &Held, _: &Knowledge) -> Verdict {
    let Some(head) = &held.order else { return Verdict::Silent };
    if !head.has_ended() {
        return Verdict::InFlight;
    }
    let complaint = match head.end() {
        Some("completed") => completed(held),
        Some("cancelled") => cancelled(held),
        Some("returned") => returned(held),
        _ => None,
    };
    Verdict::from_first(complaint)
}

fn has(part: Option<&Part>, kind: &str) -> bool {
    part.is_some_and(|part| part.body.record.has(kind))
}

fn first(claims: &[(bool, &str)]) -> Option<String> {
    claims.iter().find(|(wrong, _)| *wrong).map(|(_, complaint)| (*complaint).to_owned())
}

/// Paid, settled, delivered.
fn completed(held: &Held) -> Option<String> {
    let (payment, ticket) = (held.payment.as_ref(), held.ticket.as_ref());
    let (kitchen, delivery) = (held.kitchen.as_ref(), held.delivery.as_ref());
    first(&[
        (!has(payment, "payment-captured"), "it is completed but not paid"),
        (has(payment, "payment-refunded"), "it is completed but its money was given back"),
        (!has(ticket, "stock-settled"), "it is completed but its stock is not settled"),
        (!has(kitchen, "cook-started"), "it is completed but was never cooked"),
        (!has(delivery, "delivery-confirmed"), "it is completed but not delivered"),
    ])
}

/// Every effect undone, and cooking never started.
fn cancelled(held: &Held) -> Option<String> {
    let (payment, ticket) = (held.payment.as_ref(), held.ticket.as_ref());
    let (kitchen, delivery) = (held.kitchen.as_ref(), held.delivery.as_ref());
    let undone = |part, done, undone| !has(part, done) || has(part, undone);
    let money_back =
        undone(payment, "payment-authorized", "payment-voided") || has(payment, "payment-refunded");
    let captured = has(payment, "payment-captured") && !has(payment, "payment-refunded");
    first(&[
        (has(kitchen, "cook-started"), "it is cancelled although cooking had started"),
        (!money_back, "it is cancelled but its payment is still authorized"),
        (captured, "it is cancelled but its payment was captured"),
        (
            !undone(ticket, "order-accepted", "ticket-cancelled"),
            "it is cancelled but its stock is still reserved",
        ),
        (has(ticket, "stock-settled"), "it is cancelled but its stock is sold"),
        (has(delivery, "rider-assigned"), "it is cancelled but a rider was assigned"),
    ])
}

/// Refunded (or never charged) and restocked.
fn returned(held: &Held) -> Option<String> {
    let (payment, ticket) = (held.payment.as_ref(), held.ticket.as_ref());
    let charged = has(payment, "payment-captured") || has(payment, "payment-authorized");
    first(&[
        (
            charged && !has(payment, "payment-refunded"),
            "it is returned but its money was not given back",
        ),
        (!has(ticket, "stock-restocked"), "it is returned but its stock is not restocked"),
        (has(ticket, "stock-settled"), "it is returned but its stock is sold"),
        (!has(held.delivery.as_ref(), "delivery-returned"), "it is returned but never came back"),
    ])
}

//! I2, for what an order is about: every participant was asked for what was ordered, and what the
//! payment holds, has taken and has given back agrees with its own milestones and with the total.

use super::Verdict;
use crate::audit::{
    Knowledge,
    bodies::{Holding, Line, Money, Order},
    held::Held,
};

/// Judges one order. Silent where nothing is wrong: the effects are counted elsewhere.
pub fn check(held: &Held, _: &Knowledge) -> Verdict {
    let Some(order) = held.order.as_ref().map(|head| &head.body) else { return Verdict::Silent };
    let complaint = sum(order)
        .or_else(|| held.payment.as_ref().and_then(|part| payment(&part.body, &order.total)))
        .or_else(|| ticket(held, order))
        .or_else(|| kitchen(held, order));
    complaint.map_or(Verdict::Silent, Verdict::Violated)
}

fn sum(order: &Order) -> Option<String> {
    let price = |line: &Line| {
        let pieces = i64::try_from(line.quantity).ok()?;
        let same_currency = line.unit_price.currency == order.total.currency;
        same_currency.then_some(line.unit_price.amount)?.checked_mul(pieces)
    };
    let sum: Option<i64> =
        order.items.iter().try_fold(0, |sum: i64, line| sum.checked_add(price(line)?));
    (sum != Some(order.total.amount))
        .then(|| format!("it costs {}, which is not what its items cost", order.total.amount))
}

fn payment(payment: &Holding, total: &Money) -> Option<String> {
    let record = &payment.record;
    // Whatever was said of an amount was said of the whole.
    let part =
        record.milestones.iter().find(|it| it.data.amount.as_ref().is_some_and(|it| it != total));
    if let Some(part) = part {
        let amount = part.data.amount.as_ref().map_or(0, |it| it.amount);
        return Some(format!(
            "payment says {} of {amount}, but the order costs {}",
            part.kind, total.amount
        ));
    }
    let told = |kind: &str| record.find(kind).and_then(|it| it.data.amount.as_ref());
    let silent = ["payment-authorized", "payment-captured"]
        .into_iter()
        .find(|kind| record.has(kind) && told(kind).is_none());
    if let Some(kind) = silent {
        return Some(format!("payment says {kind} of nothing"));
    }
    let hold = payment.authorization.as_ref();
    let amounts = [
        ("holds", hold.map(|it| &it.amount)),
        ("has taken", payment.capture.as_ref().and_then(|it| it.amount.as_ref())),
        ("has given back", payment.refund.as_ref().and_then(|it| it.amount.as_ref())),
    ];
    let wrong = amounts.into_iter().find(|(_, amount)| amount.is_some_and(|it| it != total));
    if let Some((what, amount)) = wrong {
        let amount = amount.map_or(0, |it| it.amount);
        return Some(format!("payment {what} {amount}, but the order costs {}", total.amount));
    }
    let found = hold.map(|hold| hold.state.as_str());
    if !holds(payment).contains(&found) {
        return Some(format!("payment's hold is {}", found.unwrap_or("missing")));
    }
    let (taken, refunded) = (record.has("payment-captured"), record.has("payment-refunded"));
    let capture = payment.capture.as_ref().map(|it| it.state.as_str());
    if capture != taken.then_some(if refunded { "refunded" } else { "captured" }) {
        return Some(format!("payment's capture is {}", capture.unwrap_or("missing")));
    }
    let refund = payment.refund.as_ref();
    let back = refund.map(|it| it.state.as_str());
    let fits = match back {
        None => !refunded,
        Some("refunded") => refunded && taken,
        Some(state) => refunded && !taken && state == given_back(refund),
    };
    let agrees = refund.and_then(|it| it.amount.as_ref()) == told("payment-refunded");
    (!fits || !agrees).then(|| format!("payment's refund is {}", back.unwrap_or("missing")))
}

fn given_back(refund: Option<&crate::audit::bodies::Taken>) -> &'static str {
    if refund.is_some_and(|it| it.amount.is_some()) { "released" } else { "nothing" }
}

/// How the hold may stand after what has happened. An undo that waited for the gateway leaves what
/// the gateway said unsaid; one that came first leaves no hold.
fn holds(payment: &Holding) -> &'static [Option<&'static str>] {
    let record = &payment.record;
    let undone = record.has("payment-voided") || record.has("payment-refunded");
    if record.has("payment-captured") {
        &[Some("captured")]
    } else if record.has("payment-authorized") {
        if undone { &[Some("voided")] } else { &[Some("authorized")] }
    } else if record.has("payment-declined") {
        &[Some("declined")]
    } else if undone {
        &[None, Some("voided"), Some("declined")]
    } else {
        &[Some("pending")]
    }
}

fn ticket(held: &Held, order: &Order) -> Option<String> {
    let asked = held.ticket.as_ref()?.body.asked.as_ref()?;
    let same = asked.store_id == order.store_id
        && asked.items == order.items
        && asked.total == order.total;
    (!same).then(|| "the store's ticket is not about what was ordered".to_owned())
}

fn kitchen(held: &Held, order: &Order) -> Option<String> {
    let ticket = &held.kitchen.as_ref()?.body;
    let store = ticket.store_id.as_ref()?;
    let same = *store == order.store_id && ticket.items == order.items;
    (!same).then(|| "the kitchen's ticket is not about what was ordered".to_owned())
}

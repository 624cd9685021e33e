//! I2, for what an order is about: every participant was asked for what was ordered, as it was changed
//! since, and what the payment holds, has taken and has given back agrees with its own milestones and
//! with the total. While a change is under way a participant may be of the one mind or of the other.

use super::Verdict;
use crate::audit::{
    Knowledge,
    bodies::{Content, Holding, Line, Money, Order},
    held::{Head, Held, Part},
};

/// Judges one order. Silent where nothing is wrong: the effects are counted elsewhere.
pub fn check(held: &Held, _: &Knowledge) -> Verdict {
    let Some(head) = &held.order else { return Verdict::Silent };
    let order = &head.body;
    // A change may have begun since the order was read.
    let newer = |part: &Option<Part>| part.as_ref().is_some_and(|it| is_newer(order, &it.body));
    if newer(&held.payment) || newer(&held.ticket) {
        return Verdict::InFlight;
    }
    let complaint = sum(order)
        .or_else(|| changes(order))
        .or_else(|| held.payment.as_ref().and_then(|part| payment(&part.body, head)))
        .or_else(|| ticket(held, head))
        .or_else(|| kitchen(held, order))
        .or_else(|| delivery(held, order));
    complaint.map_or(Verdict::Silent, Verdict::Violated)
}

fn is_newer(order: &Order, holding: &Holding) -> bool {
    let known = order.revisions.last().map_or(0, |last| last.number);
    holding.revision.as_ref().is_some_and(|it| it.number > known)
}

/// Each change begins where the one before has led to, and the last has led to what the order is.
fn changes(order: &Order) -> Option<String> {
    let after = |it: &'_ crate::audit::bodies::Revision| -> Content {
        if it.state == "made" { it.wanted.clone() } else { it.before.clone() }
    };
    for (revision, number) in order.revisions.iter().zip(1..) {
        if revision.number != number {
            return Some(format!("its change {number} is missing"));
        }
    }
    if let Some(pair) = order.revisions.windows(2).find(|pair| after(&pair[0]) != pair[1].before) {
        return Some(format!("its change {} began from something else", pair[1].number));
    }
    let last = after(order.revisions.last()?);
    let same = last.items == order.items
        && last.total == order.total
        && order.address.as_ref() == Some(&last.address);
    (!same).then(|| "it is not what its last change led to".to_owned())
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

fn payment(payment: &Holding, head: &Head) -> Option<String> {
    let (record, order) = (&payment.record, &head.body);
    let total = &order.total;
    let with_saga = || order.revisions.iter().filter(|it| it.saga_id.is_some());
    let mut sums = vec![total];
    sums.extend(with_saga().flat_map(|it| [&it.before.total, &it.wanted.total]));
    // Whatever was said of an amount was said of the whole, as it was or was to be at some time.
    let part = record
        .milestones
        .iter()
        .find(|it| it.data.amount.as_ref().is_some_and(|it| !sums.contains(&it)));
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
    let first = with_saga().next().map_or(total, |it| &it.before.total);
    if let Some(amount) = told("payment-authorized").filter(|amount| *amount != first) {
        return Some(format!(
            "payment has held {}, but the order cost {} then",
            amount.amount, first.amount
        ));
    }
    let hold = payment.authorization.as_ref();
    // What was released may have been what a change wanted; what is held while one is under way, too.
    let released = hold.is_some_and(|it| it.state == "voided");
    let sure = !released && !head.is_revising();
    let fits = |amount: &Money| if sure { amount == total } else { sums.contains(&amount) };
    let amounts = [
        ("holds", hold.map(|it| &it.amount).filter(|it| !fits(it))),
        (
            "has taken",
            payment.capture.as_ref().and_then(|it| it.amount.as_ref()).filter(|it| *it != total),
        ),
        (
            "has given back",
            payment.refund.as_ref().and_then(|it| it.amount.as_ref()).filter(|it| !fits(it)),
        ),
    ];
    let wrong = amounts.into_iter().find(|(_, amount)| amount.is_some());
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

fn ticket(held: &Held, head: &Head) -> Option<String> {
    let asked = held.ticket.as_ref()?.body.asked.as_ref()?;
    let order = &head.body;
    let about = |items: &[Line], total: &Money| asked.items == items && asked.total == *total;
    let changing = order.revisions.last().filter(|_| head.is_revising());
    let same = about(&order.items, &order.total)
        || changing.is_some_and(|it| about(&it.wanted.items, &it.wanted.total));
    (!same || asked.store_id != order.store_id)
        .then(|| "the store's ticket is not about what was ordered".to_owned())
}

fn kitchen(held: &Held, order: &Order) -> Option<String> {
    let ticket = &held.kitchen.as_ref()?.body;
    let store = ticket.store_id.as_ref()?;
    let same = *store == order.store_id && ticket.items == order.items;
    (!same).then(|| "the kitchen's ticket is not about what was ordered".to_owned())
}

/// A delivery that was asked for goes where the order goes.
fn delivery(held: &Held, order: &Order) -> Option<String> {
    let delivery = &held.delivery.as_ref()?.body;
    let (to, wanted) = (delivery.address.as_ref()?, order.address.as_ref()?);
    let asked = !matches!(delivery.state.as_str(), "known" | "waiting");
    (asked && to != wanted).then(|| "its delivery goes elsewhere".to_owned())
}

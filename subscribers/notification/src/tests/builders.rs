//! Stories of orders as their events: what each source tells, in the order in which it tells it.

use std::collections::BTreeMap;

use contracts::{
    Address, Event, EventType as E, Line, Money, OrderId, Record, ServiceName, Timestamp,
    event::{
        DeliveryOffered, OrderEnded, OrderPlaced, OrderRevised, OrderScheduled, RevisionRefused,
    },
    fact::Detail,
    money::Currency,
};

use crate::order::{Draft, Order};

/// An event with the sequence that it carries and the time at which it was published.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) event: Event,
    pub(super) sequence: u64,
    pub(super) at: Timestamp,
}

/// The ways that an order can take, and what its customer is told of each.
pub(super) const STORIES: [(&str, &[E], &[&str]); 7] = [
    (
        "delivered",
        &[
            E::OrderPlaced,
            E::PaymentAuthorized,
            E::OrderAccepted,
            E::CookStarted,
            E::DeliveryOffered,
            E::RiderAssigned,
            E::RiderReleased,
            E::DeliveryOffered,
            E::RiderAssigned,
            E::CookFinished,
            E::CancellationRefused,
            E::FoodPicked,
            E::DeliveryConfirmed,
            E::OrderCompleted,
        ],
        &[
            "placed",
            "paid",
            "accepted",
            "cooking",
            "cooked",
            "cancellation-refused",
            "on_the_way",
            "delivered",
        ],
    ),
    (
        "declined",
        &[E::OrderPlaced, E::PaymentDeclined, E::OrderCancelled],
        &["placed", "cancelling", "cancelled"],
    ),
    (
        "rejected",
        &[
            E::OrderPlaced,
            E::PaymentAuthorized,
            E::OrderRejected,
            E::PaymentVoided,
            E::OrderCancelled,
        ],
        &["placed", "paid", "cancelling", "cancelled"],
    ),
    (
        "cancelled",
        &[
            E::OrderPlaced,
            E::PaymentAuthorized,
            E::OrderAccepted,
            E::CookingCancelled,
            E::TicketCancelled,
            E::PaymentVoided,
            E::OrderCancelled,
        ],
        &["placed", "paid", "accepted", "cancelling", "cancelled"],
    ),
    (
        "returned",
        &[
            E::OrderPlaced,
            E::PaymentAuthorized,
            E::OrderAccepted,
            E::CookStarted,
            E::DeliveryOffered,
            E::RiderAssigned,
            E::CookFinished,
            E::FoodPicked,
            E::DeliveryReturned,
            E::PaymentRefunded,
            E::StockRestocked,
            E::OrderReturned,
        ],
        &["placed", "paid", "accepted", "cooking", "cooked", "on_the_way", "returning", "returned"],
    ),
    (
        "revised",
        &[
            E::OrderPlaced,
            E::PaymentAuthorized,
            E::OrderRevised,
            E::RevisionRefused,
            E::OrderRevised,
            E::OrderAccepted,
        ],
        &["placed", "paid", "revision-1", "revision-2", "revision-3", "accepted"],
    ),
    (
        "scheduled",
        &[
            E::OrderScheduled,
            E::OrderRevised,
            E::OrderPlaced,
            E::PaymentAuthorized,
            E::OrderCancelled,
        ],
        &["scheduled", "revision-1", "placed", "paid", "cancelled"],
    ),
];

/// The events of a story of that name.
pub(super) fn named(name: &str) -> &'static [E] {
    STORIES.iter().find(|(other, _, _)| *other == name).unwrap().1
}

pub(super) fn order() -> OrderId {
    OrderId::new("o1").unwrap()
}

fn total() -> Money {
    Money { amount: 19_000, currency: Currency::KRW }
}

fn placed(order_id: &OrderId, customer: &str) -> OrderPlaced {
    OrderPlaced {
        order_id: order_id.clone(),
        customer_id: customer.parse().unwrap(),
        store_id: "s1".parse().unwrap(),
        items: vec![Line {
            menu_id: "m1".parse().unwrap(),
            name: "Kimbap".to_owned(),
            unit_price: Money { amount: 9_500, currency: Currency::KRW },
            quantity: 2,
        }],
        total: total(),
        address: Address { district: "mapo".parse().unwrap(), line: "12 River Street".to_owned() },
        placed_at: Timestamp::from_millis(0),
        scheduled_for: None,
        revision: None,
    }
}

/// Everything that is told of the order in a story, each source's in its order.
pub(super) fn story(order_id: &OrderId, customer: &str, kinds: &[E]) -> Vec<Told> {
    let mut records = BTreeMap::<ServiceName, Record>::new();
    let (mut told, mut revision) = (Vec::new(), 0);
    for (minute, kind) in (0_i64..).zip(kinds) {
        let at = Timestamp::from_millis(minute * 60_000);
        let record = records.entry(kind.source()).or_default();
        if kind.is_fact() {
            record.add(*kind, at, Detail::default());
        } else {
            record.touch();
        }
        revision += u32::from(matches!(kind, E::OrderRevised | E::RevisionRefused));
        let placed = placed(order_id, customer);
        let ended = || OrderEnded {
            order_id: order_id.clone(),
            customer_id: customer.parse().unwrap(),
            store_id: "s1".parse().unwrap(),
            status: "x".to_owned(),
            reason: (*kind != E::OrderCompleted).then(|| "store_timeout".to_owned()),
            at,
        };
        let event = match kind {
            E::OrderPlaced => Event::OrderPlaced(OrderPlaced {
                revision: (revision > 0).then_some(revision),
                ..placed
            }),
            E::OrderScheduled => Event::OrderScheduled(OrderScheduled {
                order_id: placed.order_id,
                customer_id: placed.customer_id,
                store_id: placed.store_id,
                items: placed.items,
                total: placed.total,
                address: placed.address,
                placed_at: placed.placed_at,
                scheduled_for: Timestamp::from_millis(3_600_000),
            }),
            E::OrderRevised => Event::OrderRevised(OrderRevised {
                order_id: placed.order_id,
                customer_id: placed.customer_id,
                store_id: placed.store_id,
                revision,
                items: placed.items,
                total: Money { amount: 28_500, ..total() },
                address: placed.address,
                at,
            }),
            E::RevisionRefused => Event::RevisionRefused(RevisionRefused {
                order_id: placed.order_id,
                customer_id: placed.customer_id,
                store_id: placed.store_id,
                revision,
                reason: "payment_declined".to_owned(),
                at,
            }),
            E::OrderCancelled => Event::OrderCancelled(ended()),
            E::OrderCompleted => Event::OrderCompleted(ended()),
            E::OrderReturned => Event::OrderReturned(ended()),
            E::CancellationRefused => Event::CancellationRefused(ended()),
            E::DeliveryOffered => Event::DeliveryOffered(DeliveryOffered {
                order_id: order_id.clone(),
                store_id: placed.store_id,
                address: placed.address,
                districts: vec!["mapo".parse().unwrap()],
                riders: vec!["r1".parse().unwrap(), "r2".parse().unwrap()],
            }),
            _ => record.event(order_id, "x").unwrap(),
        };
        told.push(Told { event, sequence: record.sequence, at });
    }
    told
}

/// What is said after what was told, in that order.
pub(super) fn said<'a>(told: impl IntoIterator<Item = &'a Told>) -> Vec<Draft> {
    let mut order = Order::unknown(order());
    let takes = told.into_iter().filter_map(|it| order.take(&it.event, it.sequence));
    takes.flatten().collect()
}

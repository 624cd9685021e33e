//! Stories of orders as their events: what each source tells, in the order in which it tells it.

use contracts::{
    Address, Event, EventType as E, Line, Money, OrderId, Record, ServiceName, Timestamp,
    event::{
        DeliveryOffered, OrderEnded, OrderPlaced, OrderRevised, OrderScheduled, RevisionRefused,
    },
    money::Currency,
};

use crate::fold::Order;

/// An event with the sequence that it carries and the time at which it was published.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) event: Event,
    pub(super) sequence: u64,
    pub(super) at: Timestamp,
}

/// The ways that an order can take, as milestones and events in order of time.
pub(super) const STORIES: [(&str, &[E]); 9] = [
    (
        "delivered",
        &[
            E::OrderPlaced,
            E::PaymentAuthorized,
            E::OrderAccepted,
            E::CookStarted,
            E::DeliveryOffered,
            E::PaymentCaptured,
            E::RiderAssigned,
            E::RiderReleased,
            E::DeliveryOffered,
            E::RiderAssigned,
            E::CookFinished,
            E::CancellationRefused,
            E::FoodPicked,
            E::DeliveryConfirmed,
            E::StockSettled,
            E::OrderCompleted,
        ],
    ),
    ("declined", &[E::OrderPlaced, E::PaymentDeclined, E::OrderCancelled]),
    (
        "rejected",
        &[
            E::OrderPlaced,
            E::PaymentAuthorized,
            E::OrderRejected,
            E::PaymentVoided,
            E::OrderCancelled,
        ],
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
            E::PaymentCaptured,
            E::DeliveryReturned,
            E::PaymentRefunded,
            E::StockRestocked,
            E::OrderReturned,
        ],
    ),
    ("cooking", &[E::OrderPlaced, E::PaymentAuthorized, E::OrderAccepted, E::CookStarted]),
    ("returning", &[E::OrderPlaced, E::PaymentAuthorized, E::CookStarted, E::DeliveryReturned]),
    (
        "revised",
        &[
            E::OrderPlaced,
            E::PaymentAuthorized,
            E::PaymentRevised,
            E::TicketRevised,
            E::OrderRevised,
            E::PaymentAdjusted,
            E::PaymentRevisionDeclined,
            E::RevisionRefused,
            E::TicketRevised,
            E::OrderRevised,
            E::OrderAccepted,
        ],
    ),
    (
        "scheduled",
        &[
            E::OrderScheduled,
            E::OrderRevised,
            E::OrderPlaced,
            E::PaymentAuthorized,
            E::OrderRevised,
            E::OrderCancelled,
        ],
    ),
];

pub(super) fn order() -> OrderId {
    OrderId::new("o1").unwrap()
}

fn total() -> Money {
    Money { amount: 19_000, currency: Currency::KRW }
}

pub(super) fn placed(order_id: &OrderId, customer: &str) -> OrderPlaced {
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

/// What is told of the order's change of that number: it costs more each time.
fn revised(order_id: &OrderId, customer: &str, revision: u32, at: Timestamp) -> OrderRevised {
    let placed = placed(order_id, customer);
    let amount = total().amount + i64::from(revision) * 9_500;
    OrderRevised {
        order_id: placed.order_id,
        customer_id: placed.customer_id,
        store_id: placed.store_id,
        revision,
        items: placed.items,
        total: Money { amount, ..total() },
        address: placed.address,
        at,
    }
}

/// Everything that is told of the order in a story, each source's in its order.
pub(super) fn story(order_id: &OrderId, customer: &str, kinds: &[E]) -> Vec<Told> {
    let mut records = std::collections::BTreeMap::<ServiceName, Record>::new();
    let mut told = Vec::new();
    let mut revision = 0;
    for (minute, kind) in (0_i64..).zip(kinds) {
        let at = Timestamp::from_millis(minute * 60_000);
        let record = records.entry(kind.source()).or_default();
        if kind.is_fact() {
            let mut detail = contracts::fact::Detail::default();
            match kind.source() {
                ServiceName::Payment => detail.amount = Some(total()),
                ServiceName::Rider => detail.rider_id = Some("r1".parse().unwrap()),
                _ => {}
            }
            record.add(*kind, at, detail);
        } else {
            record.touch();
        }
        let ended = || OrderEnded {
            order_id: order_id.clone(),
            customer_id: customer.parse().unwrap(),
            store_id: "s1".parse().unwrap(),
            status: "x".to_owned(),
            reason: (*kind != E::OrderCompleted).then(|| "operator".to_owned()),
            at,
        };
        revision += u32::from(matches!(kind, E::OrderRevised | E::RevisionRefused));
        let event = match kind {
            // It includes the changes that were made before.
            E::OrderPlaced => Event::OrderPlaced(OrderPlaced {
                revision: (revision > 0).then_some(revision),
                ..placed(order_id, customer)
            }),
            E::OrderScheduled => {
                let placed = placed(order_id, customer);
                Event::OrderScheduled(OrderScheduled {
                    order_id: placed.order_id,
                    customer_id: placed.customer_id,
                    store_id: placed.store_id,
                    items: placed.items,
                    total: placed.total,
                    address: placed.address,
                    placed_at: placed.placed_at,
                    scheduled_for: Timestamp::from_millis(3_600_000),
                })
            }
            E::OrderRevised => Event::OrderRevised(revised(order_id, customer, revision, at)),
            E::RevisionRefused => Event::RevisionRefused(RevisionRefused {
                order_id: order_id.clone(),
                customer_id: customer.parse().unwrap(),
                store_id: "s1".parse().unwrap(),
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
                store_id: "s1".parse().unwrap(),
                address: placed(order_id, customer).address,
                districts: vec!["mapo".parse().unwrap()],
                riders: Vec::new(),
            }),
            _ => record.event(order_id, "x").unwrap(),
        };
        told.push(Told { event, sequence: record.sequence, at });
    }
    told
}

/// The fold of what was told, in that order; the count of changes is left out.
pub(super) fn fold<'a>(told: impl IntoIterator<Item = &'a Told>) -> Order {
    let mut order = Order::unknown(order());
    for Told { event, sequence, at } in told {
        order.take(event, *sequence, *at);
    }
    order
}

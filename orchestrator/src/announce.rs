//! The orchestrator's own events about an order, rendered from it. Pure; what is told when is decided
//! elsewhere.

use contracts::{
    Event, EventType, Timestamp,
    event::{OrderEnded, OrderPlaced, OrderRevised, OrderScheduled, RevisionRefused},
};

use crate::{
    order::Order,
    revision::{Revision, RevisionState},
    status::OrderStatus,
};

/// `order-placed`: as it stands when it starts.
pub(crate) fn placed(order: &Order) -> Event {
    Event::OrderPlaced(OrderPlaced {
        order_id: order.order_id.clone(),
        customer_id: order.customer_id.clone(),
        store_id: order.store_id.clone(),
        items: order.items.clone(),
        total: order.total,
        address: order.address.clone(),
        placed_at: order.placed_at,
        scheduled_for: order.schedule.as_ref().map(|schedule| schedule.starts_at),
        revision: order.revised(),
    })
}

/// `order-scheduled`.
pub(crate) fn scheduled(order: &Order, starts_at: Timestamp) -> Event {
    Event::OrderScheduled(OrderScheduled {
        order_id: order.order_id.clone(),
        customer_id: order.customer_id.clone(),
        store_id: order.store_id.clone(),
        items: order.items.clone(),
        total: order.total,
        address: order.address.clone(),
        placed_at: order.placed_at,
        scheduled_for: starts_at,
    })
}

/// `order-revised`: as it stands after the change.
pub(crate) fn revised(order: &Order, at: Timestamp) -> Event {
    Event::OrderRevised(OrderRevised {
        order_id: order.order_id.clone(),
        customer_id: order.customer_id.clone(),
        store_id: order.store_id.clone(),
        revision: order.revised().unwrap_or_default(),
        items: order.items.clone(),
        total: order.total,
        address: order.address.clone(),
        at,
    })
}

fn revision_refused(order: &Order, at: Timestamp) -> Event {
    let refused = |it: &&Revision| it.state == RevisionState::Refused;
    let last = order.revisions.iter().rev().find(refused);
    Event::RevisionRefused(RevisionRefused {
        order_id: order.order_id.clone(),
        customer_id: order.customer_id.clone(),
        store_id: order.store_id.clone(),
        revision: last.map_or(0, |it| it.number),
        reason: last.and_then(|it| it.reason.clone()).unwrap_or_default(),
        at,
    })
}

/// `order-cancelled`.
pub(crate) fn cancelled(order: &Order, at: Timestamp) -> Event {
    Event::OrderCancelled(ended(order, at))
}

fn ended(order: &Order, at: Timestamp) -> OrderEnded {
    OrderEnded {
        order_id: order.order_id.clone(),
        customer_id: order.customer_id.clone(),
        store_id: order.store_id.clone(),
        status: OrderStatus::of(order).as_str().to_owned(),
        reason: order.reason().map(str::to_owned),
        at,
    }
}

/// The event of that name that a saga publishes about itself. None where the order is being undone
/// or has ended and nobody needs to hear that it was not changed: its end says all.
pub(crate) fn of_saga(order: &Order, event: &str, at: Timestamp) -> Option<Event> {
    match EventType::parse(event) {
        Some(EventType::OrderCompleted) => Some(Event::OrderCompleted(ended(order, at))),
        Some(EventType::OrderCancelled) => Some(cancelled(order, at)),
        Some(EventType::OrderReturned) => Some(Event::OrderReturned(ended(order, at))),
        Some(EventType::CancellationRefused) => Some(Event::CancellationRefused(ended(order, at))),
        Some(EventType::OrderRevised) => (!has_ended(order)).then(|| revised(order, at)),
        Some(EventType::RevisionRefused) => {
            let goes_on = !has_ended(order) && OrderStatus::of(order) != OrderStatus::Cancelling;
            goes_on.then(|| revision_refused(order, at))
        }
        _ => unreachable!("a test holds every event of the tables against the published language"),
    }
}

fn has_ended(order: &Order) -> bool {
    order.latest().is_none_or(saga::Instance::is_terminal)
}

//! Events become calls of the fold. Nothing is decided and nothing is told.

use std::convert::Infallible;

use contracts::{Event, Message, OrderId, ServiceName, Timestamp};
use runtime::{
    Decision, Incoming, Input, Keys, Kind, Service, View,
    participant::{HEARD_BEFORE, STALE_TIMER, misrouted},
};

use crate::{
    aggregates::{KINDS, order_key},
    fold::Order,
};

/// MyPage.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mypage;

impl Service for Mypage {
    type State = Order;
    /// Over HTTP it is only looked at.
    type Request = Infallible;

    fn name(&self) -> ServiceName {
        ServiceName::Mypage
    }

    fn kinds(&self) -> &'static [Kind] {
        KINDS
    }

    fn keys(&self, input: &Input<Infallible>) -> Keys {
        match input {
            Input::Message(incoming) => {
                about(incoming).map_or_else(Keys::default, |order| Keys::lock(order_key(order)))
            }
            Input::Wake(key) => Keys::lock(key.clone()),
            Input::Request(never) => match *never {},
        }
    }

    fn decide(
        &self,
        input: &Input<Infallible>,
        view: &View<'_, Order>,
        _now: Timestamp,
    ) -> Decision<Order> {
        let incoming = match input {
            Input::Message(incoming) => incoming,
            Input::Wake(_) => return Decision::ignored(STALE_TIMER),
            Input::Request(never) => match *never {},
        };
        let (Message::Event(event), Some(order_id)) = (&incoming.message, about(incoming)) else {
            return misrouted(ServiceName::Mypage, &incoming.message);
        };
        let Some(sequence) = incoming.sequence else {
            return Decision::dead_letter("an event needs a sequence");
        };
        let key = order_key(order_id);
        let mut order = view.get(&key).cloned().unwrap_or_else(|| Order::unknown(order_id.clone()));
        if !order.take(event, sequence, incoming.time) {
            return Decision::ignored(HEARD_BEFORE);
        }
        order.version += 1;
        Decision { saves: vec![(key, order)], ..Decision::default() }
    }
}

/// The order that an event is about; none where it is about something else.
fn about(incoming: &Incoming) -> Option<&OrderId> {
    let Message::Event(event) = &incoming.message else { return None };
    match event {
        Event::Fact(_, fact) => Some(&fact.order_id),
        Event::OrderPlaced(placed) => Some(&placed.order_id),
        Event::OrderScheduled(scheduled) => Some(&scheduled.order_id),
        Event::OrderRevised(revised) => Some(&revised.order_id),
        Event::RevisionRefused(refused) => Some(&refused.order_id),
        Event::OrderCancelled(ended)
        | Event::OrderCompleted(ended)
        | Event::OrderReturned(ended)
        | Event::CancellationRefused(ended) => Some(&ended.order_id),
        Event::DeliveryOffered(offer) => Some(&offer.order_id),
        Event::MenuItemChanged(_) => None,
    }
}

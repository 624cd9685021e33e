//! Events become calls of the fold. Nothing is decided and nothing is told.

use std::convert::Infallible;

use contracts::{Message, OrderId, ServiceName, Timestamp};
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
    match &incoming.message {
        Message::Event(event) => event.order_id(),
        Message::Command(_) => None,
    }
}

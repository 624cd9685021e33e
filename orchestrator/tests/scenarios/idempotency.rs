//! The same request twice is one order.

use contracts::{EventType as E, OrderId, SagaId};
use orchestrator::{Settings, State};
use runtime::Reply;
use uuid::Uuid;

use crate::world::{World, asked, body, refusal, status};

/// The ids that the route makes for a second attempt.
fn other() -> (OrderId, SagaId) {
    (OrderId::new("other").unwrap(), SagaId(Uuid::from_u128(9)))
}

fn orders(world: &World) -> usize {
    world.count(|state| matches!(state, State::Order(_)))
}

fn header<'a>(reply: &'a Reply, wanted: &str) -> Option<&'a str> {
    let Reply::Done { headers, .. } = reply else { return None };
    headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str())
}

#[test]
fn the_same_key_and_body_again_is_answered_the_same_and_makes_nothing() {
    let mut world = World::new(Settings::default());
    let first = world.place("k", asked("tok-ok")).reply;
    assert_eq!(status(&first), 201);
    assert_eq!(header(&first, "idempotent-replayed"), None);
    let location = format!("/orders/{}", world.order_id);
    assert_eq!(header(&first, "location"), Some(location.as_str()));

    // Also after the order has moved on, and after the menu has changed.
    world.tell(E::PaymentAuthorized);
    world.menu("m1", 77, 2);
    let (order_id, saga_id) = other();
    let outcome = world.place_as("k", asked("tok-ok"), order_id, saga_id);
    assert_eq!(status(&outcome.reply), 201);
    assert_eq!(body(&outcome.reply), body(&first));
    assert_eq!(header(&outcome.reply, "idempotent-replayed"), Some("true"));
    assert_eq!(header(&outcome.reply, "location"), Some(location.as_str()));
    assert!(!outcome.saved && outcome.commands.is_empty() && outcome.events.is_empty());
    assert_eq!(orders(&world), 1);
}

#[test]
fn the_same_key_for_another_body_is_refused() {
    let mut world = World::placed();
    let mut order = asked("tok-ok");
    order.items[0].quantity = 3;
    let (order_id, saga_id) = other();
    let refused = world.place_as("key-1", order, order_id.clone(), saga_id);
    let problem = refusal(&refused.reply);
    assert_eq!((problem.status, problem.slug()), (422, "idempotency-key-reused"));
    assert!(!refused.saved);

    // Also where only the means of payment is another.
    let refused = world.place_as("key-1", asked("tok-slow"), order_id, saga_id);
    assert_eq!(refusal(&refused.reply).slug(), "idempotency-key-reused");
    assert_eq!(orders(&world), 1);
}

#[test]
fn a_key_belongs_to_its_customer() {
    let mut world = World::placed();
    let mut order = asked("tok-ok");
    order.customer_id = "c2".parse().unwrap();
    let (order_id, saga_id) = other();
    assert_eq!(status(&world.place_as("key-1", order, order_id, saga_id).reply), 201);
    assert_eq!(orders(&world), 2);
}

#[test]
fn another_key_is_another_order() {
    let mut world = World::placed();
    let (order_id, saga_id) = other();
    assert_eq!(status(&world.place_as("key-2", asked("tok-ok"), order_id, saga_id).reply), 201);
    assert_eq!(orders(&world), 2);
}

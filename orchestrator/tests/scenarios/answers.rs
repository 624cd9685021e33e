//! Messages that lead nowhere, and what the answers to requests hold.

use contracts::{
    Command, CommandId, Detail, EventType as E, Message, OrderId, SagaId, ServiceName,
    command::OrderOnly,
};
use runtime::{Incoming, Input};
use serde_json::json;
use uuid::Uuid;

use crate::world::{World, body, refusal, status};

#[test]
fn a_fact_about_an_unknown_order_or_saga_is_a_dead_letter() {
    let mut world = World::placed();
    let fact = world.happen(E::PaymentAuthorized);
    let order_id = std::mem::replace(&mut world.order_id, OrderId::new("nobody").unwrap());
    let astray = world.again(ServiceName::Payment);
    world.order_id = order_id;
    let heard = world.hear(&astray);
    assert!(heard.dead_letter.is_some_and(|reason| reason.contains("nobody")));

    let foreign = Incoming { saga: Some(SagaId(Uuid::from_u128(7))), ..fact.clone() };
    assert!(world.hear(&foreign).dead_letter.is_some());
    let own = Incoming { saga: Some(world.saga_id), ..fact };
    assert!(world.hear(&own).dead_letter.is_none());
}

#[test]
fn a_command_to_the_orchestrator_is_a_dead_letter() {
    let mut world = World::placed();
    let fact = world.happen(E::PaymentAuthorized);
    let command = Command::VoidPayment(OrderOnly { order_id: world.order_id.clone() });
    let command = Incoming {
        message: Message::Command(command),
        command_id: Some(CommandId(Uuid::from_u128(1))),
        ..fact
    };
    assert!(world.decide(&Input::Message(command)).dead_letter.is_some());
}

#[test]
fn cancelling_an_unknown_order_is_answered_with_404() {
    let mut world = World::placed();
    world.order_id = OrderId::new("nobody").unwrap();
    assert_eq!(refusal(&world.cancel().reply).status, 404);
}

#[test]
fn a_placed_order_is_answered_whole_and_without_the_means_of_payment() {
    let world = World::placed();
    let view = world.view();
    assert_eq!(
        view,
        json!({
            "order_id": world.order_id.as_str(),
            "saga_id": world.saga_id.0.to_string(),
            "status": "placed",
            "reason": null,
            "cancellation": null,
            "customer_id": "c1",
            "store_id": "s1",
            "items": [{
                "menu_id": "m1",
                "name": "M1",
                "unit_price": {"amount": 9_500, "currency": "KRW"},
                "quantity": 2,
            }],
            "total": {"amount": 19_000, "currency": "KRW"},
            "address": {"district": "mapo", "line": "12 River Street"},
            "rider_id": null,
            "cancellable": true,
            "revisable": false,
            "revision": null,
            "scheduled_for": null,
            "placed_at": "2026-05-28T20:26:40.000Z",
            "updated_at": "2026-05-28T20:26:40.000Z",
            "version": 1,
        })
    );
}

#[test]
fn a_cancellation_is_answered_with_the_order() {
    let mut world = World::placed();
    let reply = world.cancel().reply;
    assert_eq!(status(&reply), 202);
    assert_eq!(body(&reply)["status"], "cancelling");
    assert_eq!(body(&reply), &world.view());
}

#[test]
fn a_rejection_for_want_of_stock_says_so() {
    for (said, reason) in [
        (Some("out_of_stock"), "out_of_stock"),
        (Some("we close early"), "store_rejected"),
        (None, "store_rejected"),
    ] {
        let mut world = World::after(&[E::PaymentAuthorized]);
        let detail = Detail { reason: said.map(str::to_owned), ..Detail::default() };
        let rejected = world.happen_with(E::OrderRejected, detail);
        world.hear(&rejected);
        assert_eq!(world.view()["reason"], reason);
    }
}

#[test]
fn operators_see_every_step_and_who_is_waited_for() {
    let world = World::after(&[E::PaymentAuthorized]);
    let views = orchestrator::views::saga_views(world.order());
    let view = serde_json::to_value(&views[0]).unwrap();
    assert_eq!((&view["waiting_on"], &view["waiting_for"]), (&json!("accept"), &json!("store")));
    let states: Vec<_> = view["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["name"].as_str().unwrap(), step["state"].as_str().unwrap()))
        .collect();
    assert_eq!(states[..3], [("pay", "done"), ("accept", "requested"), ("cook-start", "blocked")]);
    assert_eq!(states.len(), 9);
    assert_eq!(view["steps"][1]["attempts"], 1);
    assert_eq!(view["steps"][1]["command"], "request-acceptance");
}

#[test]
fn operators_read_the_history_with_its_times() {
    let world = World::placed();
    let view = |entry| serde_json::to_value(orchestrator::views::entry_view(entry)).unwrap();
    let entries: Vec<_> = world.history[&world.saga_id.0].iter().map(view).collect();
    let events: Vec<_> = entries.iter().map(|entry| entry["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["saga_started", "step_requested"]);
    assert_eq!(entries[1]["version"], 2);
    assert_eq!(entries[1]["at"], "2026-05-28T20:26:40.000Z");
    assert_eq!(entries[1]["deadline"], "2026-05-28T20:27:10.000Z");
}

//! What operators do about an order, and what they are refused.

use std::time::Duration;

use contracts::{CommandType as C, EventType as E, OrderId, ServiceName};
use orchestrator::service::{Operating, Request};
use runtime::Input;
use saga::Action;
use serde_json::Value;

use crate::world::{Outcome, World, refusal, status};

const COOKING: [E; 3] = [E::PaymentAuthorized, E::OrderAccepted, E::CookStarted];

impl World {
    fn operate(&mut self, action: Action) -> Outcome {
        self.operate_as("ops-1", action)
    }

    fn operate_as(&mut self, by: &str, action: Action) -> Outcome {
        let (order_id, reason) = (self.order_id.clone(), "the customer called".to_owned());
        let asked = Operating { order_id, action, by: by.to_owned(), reason };
        self.decide(&Input::Request(Request::Operate(Box::new(asked))))
    }

    fn saga_status(&self) -> &str {
        &self.rows[&self.saga_id.0].status
    }
}

fn skip(step: &str) -> Action {
    Action::Skip { step: step.to_owned() }
}

fn resolve(step: &str, fact: &str) -> Action {
    Action::Resolve { step: step.to_owned(), fact: fact.to_owned() }
}

/// It is refused with a conflict, and nothing was saved or sent.
fn assert_refused(outcome: &Outcome) {
    let problem = refusal(&outcome.reply);
    assert_eq!((problem.status, problem.slug()), (409, "unsafe-action"), "{problem:?}");
    assert!(!outcome.saved && outcome.commands.is_empty() && outcome.events.is_empty());
}

#[test]
fn retry_sends_the_same_command_again_and_counts_anew() {
    let mut world = World::after(&COOKING);
    world.pass(Duration::from_secs(1_500));
    assert_eq!(world.saga_status(), "stuck");
    let capture = world.commands().into_iter().find(|(kind, ..)| *kind == C::CapturePayment);
    let retried = world.operate(Action::Retry { step: Some("capture".to_owned()) });
    assert_eq!((status(&retried.reply), retried.commands), (200, vec![C::CapturePayment]));
    let again = world.commands().pop().unwrap();
    assert_eq!(again.1, capture.unwrap().1, "the participant knows it again");
    assert_eq!(world.saga_status(), "running");
}

#[test]
fn while_suspended_facts_are_recorded_and_nothing_is_sent_until_it_is_resumed() {
    let mut world = World::after(&COOKING[..1]);
    assert_eq!(status(&world.operate(Action::Suspend).reply), 200);
    assert_eq!(world.saga_status(), "suspended");
    assert!(!world.operate(Action::Suspend).saved, "once is enough");
    let accepted = world.tell(E::OrderAccepted);
    assert!(accepted.saved && accepted.commands.is_empty(), "{accepted:?}");
    assert!(world.pass(Duration::from_secs(3_600)).iter().all(|woken| woken.commands.is_empty()));
    assert_eq!(world.operate(Action::Resume).commands, [C::PrepareFood]);
    assert_refused(&world.operate(Action::Resume));
}

#[test]
fn compensate_is_a_cancellation_until_cooking_has_started() {
    let mut world = World::after(&COOKING[..2]);
    assert_eq!(world.operate(Action::Compensate).commands, [C::CancelCooking]);
    for fact in [E::CookingCancelled, E::TicketCancelled, E::PaymentVoided] {
        world.tell(fact);
    }
    let view = world.view();
    assert_eq!(
        (&view["status"], &view["reason"]),
        (&Value::from("cancelled"), &Value::from("operator"))
    );

    let mut world = World::after(&COOKING);
    assert_refused(&world.operate(Action::Compensate));
}

#[test]
fn only_steps_that_leave_money_and_stock_right_are_skipped() {
    let mut world = World::after(&COOKING);
    for step in ["authorize", "accept", "cook-start", "capture", "deliver", "settle", "none"] {
        assert_refused(&world.operate(skip(step)));
    }
    assert_eq!(status(&world.operate(skip("cook-finish")).reply), 200);
    let facts = [E::PaymentCaptured, E::RiderAssigned, E::FoodPicked, E::DeliveryConfirmed];
    for fact in facts {
        world.tell(fact);
    }
    world.tell(E::StockSettled);
    assert_eq!(world.view()["status"], "delivered");
}

#[test]
fn resolve_records_the_fact_that_nobody_told() {
    let mut world = World::after(&COOKING);
    for fact in [E::PaymentCaptured, E::CookFinished, E::RiderAssigned, E::FoodPicked] {
        world.tell(fact);
    }
    assert_refused(&world.operate(resolve("deliver", "cook-finished")));
    assert_refused(&world.operate(resolve("settle", "stock-settled")));
    let resolved = world.operate(resolve("deliver", "delivery-confirmed"));
    assert_eq!((status(&resolved.reply), resolved.commands), (200, vec![C::SettleStock]));
    world.tell(E::StockSettled);
    assert_eq!(world.view()["status"], "delivered");
}

#[test]
fn to_have_it_returned_before_pickup_the_rider_is_asked() {
    let mut world = World::after(&COOKING);
    world.tell(E::RiderAssigned);
    let asked = world.operate(resolve("deliver", "delivery-returned"));
    assert_eq!(asked.commands, [C::RecallDelivery]);
    assert_eq!(world.view()["status"], "cooking", "until the rider has answered");
    world.tell(E::DeliveryReturned);
    assert_eq!(world.view()["status"], "returning");
}

#[test]
fn every_action_names_its_actor_and_stands_in_the_history() {
    let mut world = World::after(&COOKING[..1]);
    assert_refused(&world.operate_as(" ", Action::Suspend));
    world.operate_as("ops-7", Action::Suspend);
    let history = &world.history[&world.saga_id.0];
    let text = format!("{history:?}");
    assert!(text.contains("ops-7") && text.contains("the customer called"), "{text}");
}

#[test]
fn what_has_ended_is_left_as_it_is() {
    let mut world = World::placed();
    world.tell(E::PaymentDeclined);
    let actions =
        [Action::Retry { step: None }, Action::Suspend, Action::Resume, skip("cook-finish")];
    for action in actions {
        assert_refused(&world.operate(action));
    }
    assert_eq!(world.records[&ServiceName::Payment].sequence, 1);
}

#[test]
fn an_order_that_nobody_placed_is_not_found() {
    let mut world = World::placed();
    world.order_id = OrderId::new("0190-unknown").unwrap();
    let refused = world.operate(Action::Suspend);
    assert_eq!(refusal(&refused.reply).status, 404);
}

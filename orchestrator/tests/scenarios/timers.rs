//! Commands that are not answered, and timers that fire for nothing.

use std::time::Duration;

use contracts::{CommandType as C, EventType as E, Timestamp};
use orchestrator::Settings;
use runtime::aggregate::bucket;

use crate::world::{World, asked, status};

#[test]
fn a_command_that_is_not_answered_is_sent_again_as_the_same_command() {
    let mut world = World::placed();
    world.pass(Duration::from_secs(10));
    let sent = world.commands();
    assert!(sent.len() >= 4, "after about 0, 1, 3 and 7 seconds: {}", sent.len());
    assert!(sent.iter().all(|(kind, id, _)| (*kind, *id) == (C::AuthorizePayment, sent[0].1)));
}

#[test]
fn a_participant_that_never_answers_leaves_the_saga_stuck_until_it_does() {
    let mut world = World::after(&[E::PaymentAuthorized, E::OrderAccepted, E::CookStarted]);
    world.pass(Duration::from_secs(1_500));
    let row = &world.rows[&world.saga_id.0];
    assert_eq!((row.status.as_str(), row.waiting_on.as_deref()), ("stuck", Some("capture")));
    assert_eq!(world.view()["status"], "cooking", "customers do not see that");
    world.tell(E::PaymentCaptured);
    assert_eq!(world.rows[&world.saga_id.0].status, "running");
}

#[test]
fn an_undo_that_is_never_answered_leaves_the_saga_stuck_too() {
    let mut world = World::placed();
    world.cancel();
    world.pass(Duration::from_secs(1_500));
    assert_eq!(world.rows[&world.saga_id.0].status, "stuck");
    assert_eq!(world.view()["status"], "cancelling");
    assert_eq!(status(&world.cancel().reply), 202);
    assert_eq!(world.tell(E::PaymentVoided).events, [E::OrderCancelled]);
    assert_eq!(world.view()["status"], "cancelled");
}

#[test]
fn a_person_may_take_as_long_as_the_deadline_says() {
    let settings: Settings =
        serde_json::from_str(r#"{"deadlines":{"accept":86400},"retry":{"attempts":2}}"#).unwrap();
    let mut world = World::new(settings);
    world.place("k", asked("tok-ok"));
    world.tell(E::PaymentAuthorized);
    world.pass(Duration::from_secs(3_600));
    assert_eq!(world.rows[&world.saga_id.0].status, "running", "silence is patience");
    let again = world.commands().iter().filter(|(kind, ..)| *kind == C::RequestAcceptance).count();
    assert!(again > 10, "yet the request is told again: {again}");
}

#[test]
fn a_stale_timer_changes_nothing() {
    let mut world = World::placed();
    let woken = world.wake();
    assert_eq!((woken.ignored, woken.saved), (Some("nothing-due"), false));
    world.tell(E::PaymentDeclined);
    let woken = world.wake();
    assert_eq!((woken.ignored, woken.saved), (Some("late"), false));
}

#[test]
fn a_deadline_does_not_run_out_for_a_command_that_still_lies_in_the_outbox() {
    let mut world = World::placed();
    let bucket = bucket(&world.key().outbox_key());
    world.unsent.insert(bucket, Timestamp::from_millis(0));
    world.pass(Duration::from_secs(120));
    assert_eq!(world.view()["status"], "placed", "an outage of the broker cancels nobody's order");
    assert_eq!(world.commands().len(), 1, "and nothing is asked for twice");
    world.unsent.clear();
    world.pass(Duration::from_secs(31));
    assert_eq!(world.view()["status"], "cancelling");
    assert_eq!(world.view()["reason"], "payment_timeout");
}

#[test]
fn a_deadline_does_not_run_out_for_an_answer_that_could_not_reach_us() {
    let mut world = World::after(&[E::PaymentAuthorized]);
    let answer = world.happen(E::OrderAccepted);
    // For an hour nothing comes in, and no timer fires.
    world.now = world.now.plus(Duration::from_secs(3_600));
    world.deaf_until = Some(world.now);
    world.wake();
    assert_eq!(world.view()["status"], "paid");
    world.hear(&answer);
    assert_eq!(world.view()["status"], "accepted");
    // What is asked for from now on has its usual time.
    world.pass(Duration::from_secs(901));
    assert_eq!(world.view()["reason"], "kitchen_timeout");
}

#[test]
fn deadlines_are_those_that_were_set_when_the_order_was_placed() {
    let settings: Settings = serde_json::from_str(r#"{"deadlines":{"accept":2}}"#).unwrap();
    let mut world = World::new(settings);
    world.place("k", asked("tok-ok"));
    world.tell(E::PaymentAuthorized);
    // A restart with other settings: the saga keeps those that it began with.
    world.service = orchestrator::Orchestrator::new(Settings::default());
    world.pass(Duration::from_millis(1_999));
    assert_eq!(world.view()["status"], "paid");
    world.pass(Duration::from_millis(2));
    assert_eq!(world.view()["status"], "cancelling");
    assert_eq!(world.view()["reason"], "store_timeout");
}

#[test]
fn the_order_wants_to_be_woken_for_what_is_due_first() {
    let mut world = World::placed();
    let first = world.wakes_at().expect("a resend is planned");
    assert!(first.since(world.now) <= Duration::from_secs(1));
    world.tell(E::PaymentAuthorized);
    world.tell(E::OrderAccepted);
    world.tell(E::CookStarted);
    world.tell(E::DeliveryReturned);
    assert!(world.wakes_at().is_some(), "the return saga waits for answers");
    world.tell(E::PaymentRefunded);
    world.tell(E::StockRestocked);
    assert_eq!(world.wakes_at(), None);
}

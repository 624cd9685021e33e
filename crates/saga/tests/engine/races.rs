//! Two things at once: whichever comes first, one of them wins, and only one.

use saga::Ignored::{Duplicate, OutOfStep, Stale};
use saga::{Action, Cancellation, EventKind, Input, Millis, Outcome, Status, StepStatus, Time};

use crate::common::SagaUnderTest;
use crate::table::{ACCEPTED, COOKING, PAID, PICKED};

#[test]
fn cancel_against_cook_start_has_one_winner() {
    let mut cancel_first = SagaUnderTest::order(ACCEPTED);
    cancel_first.cancel();
    cancel_first.hears("cooking-cancelled");
    assert_eq!(cancel_first.hears("cook-started"), Outcome::Ignored(OutOfStep));
    cancel_first.hears("ticket-cancelled");
    cancel_first.hears("payment-voided");
    assert_eq!(cancel_first.status(), Status::Cancelled);

    let mut start_first = SagaUnderTest::order(ACCEPTED);
    start_first.cancel();
    start_first.hears("cook-started");
    assert_eq!(start_first.hears("cooking-cancelled"), Outcome::Ignored(OutOfStep));
    assert_eq!(start_first.status(), Status::Running);
    assert!(start_first.state.past_pivot());
}

#[test]
fn the_refusing_fact_said_again_is_a_mere_repetition() {
    let mut saga = SagaUnderTest::order(ACCEPTED);
    saga.cancel();
    saga.hears("cook-started");
    assert_eq!(saga.repeats("cook"), Outcome::Ignored(Duplicate));
    let refused = |kind: &EventKind| matches!(kind, EventKind::CancellationRefused {});
    assert_eq!(saga.happened(refused), 1);
    saga.cancel();
    assert_eq!(saga.happened(refused), 1, "and told once only");
}

#[test]
fn starting_and_finishing_to_cook_may_be_heard_at_once_while_revoking() {
    let mut saga = SagaUnderTest::order(ACCEPTED);
    saga.cancel();
    saga.note("cook", "cook-started");
    assert_eq!(saga.hears("cook-finished"), Outcome::Accepted);
    assert_eq!(saga.step("cook-finish"), StepStatus::Done);
    assert_eq!(saga.sent(), ["capture-payment", "dispatch-delivery"]);
}

#[test]
fn the_pivot_declined_while_it_is_revoked_is_undone() {
    let mut saga = SagaUnderTest::order(ACCEPTED);
    saga.cancel();
    saga.hears("cooking-declined");
    assert_eq!(saga.step("cook-start"), StepStatus::Undone);
    assert_eq!(saga.sent(), ["cancel-ticket"]);
    assert_eq!(saga.state.reason(), Some("customer_cancelled"));
}

#[test]
fn an_answer_just_before_the_deadline_wins() {
    let mut saga = SagaUnderTest::order(&[]);
    saga.now = Time(30_000);
    saga.hears("payment-authorized");
    saga.wake();
    assert_eq!(saga.step("pay"), StepStatus::Done);
    assert_eq!(saga.status(), Status::Running);
}

#[test]
fn an_answer_just_after_the_deadline_is_undone() {
    let mut saga = SagaUnderTest::order(&[]);
    saga.now = Time(30_000);
    saga.wake();
    assert_eq!(saga.hears("payment-authorized"), Outcome::Ignored(OutOfStep));
    saga.hears("payment-voided");
    assert_eq!(saga.status(), Status::Cancelled);
    assert_eq!(saga.state.reason(), Some("payment_timeout"));
}

#[test]
fn a_deadline_and_a_resend_that_are_due_at_once_ask_for_the_undo_only() {
    let mut saga = SagaUnderTest::order(ACCEPTED);
    saga.now = Time(0).plus(Millis::minutes(15));
    saga.wake();
    assert_eq!(saga.sent(), ["cancel-cooking"]);
}

#[test]
fn success_and_undo_heard_at_once_are_an_undo() {
    let mut saga = SagaUnderTest::order(PAID);
    saga.cancel();
    saga.note("store", "order-accepted");
    saga.hears("ticket-cancelled");
    assert_eq!(saga.step("accept"), StepStatus::Undone);
}

#[test]
fn undo_overtakes_success_and_success_comes_late() {
    let mut saga = SagaUnderTest::order(PAID);
    saga.cancel();
    saga.note("store", "order-accepted");
    saga.note("store", "ticket-cancelled");
    saga.fact_up_to("store", 2);
    assert_eq!(saga.fact_up_to("store", 1), Outcome::Ignored(Stale));
    assert_eq!(saga.step("accept"), StepStatus::Undone);
}

#[test]
fn a_release_and_a_new_claim_may_overtake_each_other() {
    let given = [COOKING, &["cook-finished", "rider-assigned"]].concat();
    let mut saga = SagaUnderTest::order(&given);
    saga.note("rider", "rider-released");
    saga.note("rider", "rider-assigned");
    assert_eq!(saga.fact_up_to("rider", 3), Outcome::Accepted);
    assert_eq!(saga.fact_up_to("rider", 2), Outcome::Ignored(Stale));
    assert_eq!(saga.step("assign"), StepStatus::Done);
    assert_eq!(saga.step("pickup"), StepStatus::Requested);
}

#[test]
fn everything_the_rider_did_may_be_heard_at_once() {
    let mut saga = SagaUnderTest::order(COOKING);
    for fact in ["rider-assigned", "rider-released", "rider-assigned", "food-picked"] {
        saga.note("rider", fact);
    }
    assert_eq!(saga.hears("delivery-confirmed"), Outcome::Accepted);
    assert!(saga.sent().is_empty());
    saga.hears("cook-finished");
    saga.hears("payment-captured");
    saga.hears("stock-settled");
    assert_eq!(saga.status(), Status::Completed);
}

#[test]
fn a_return_is_heard_before_the_pickup() {
    let mut saga = SagaUnderTest::order(&[COOKING, &["rider-assigned"]].concat());
    saga.note("rider", "food-picked");
    assert_eq!(saga.hears("delivery-returned"), Outcome::Accepted);
    assert_eq!(saga.status(), Status::Returned);
}

#[test]
fn a_return_while_suspended_hands_over_on_resume() {
    let mut saga = SagaUnderTest::order(PICKED);
    saga.act(Action::Suspend);
    assert_eq!(saga.hears("delivery-returned"), Outcome::Accepted);
    assert_eq!(saga.status(), Status::Suspended);
    assert!(saga.effects.is_empty());
    saga.act(Action::Resume);
    assert_eq!(saga.status(), Status::Returned);
}

#[test]
fn a_failure_while_suspended_is_undone_on_resume() {
    let mut saga = SagaUnderTest::order(PAID);
    saga.act(Action::Suspend);
    saga.hears("order-rejected");
    assert!(saga.sent().is_empty());
    saga.act(Action::Resume);
    assert_eq!(saga.sent(), ["void-payment"]);
}

#[test]
fn the_pivot_decides_a_cancellation_also_while_suspended() {
    let mut saga = SagaUnderTest::order(ACCEPTED);
    saga.cancel();
    saga.act(Action::Suspend);
    saga.hears("cook-started");
    assert!(saga.effects.is_empty());
    assert!(saga.state.past_pivot() && !saga.state.cancellable());
    saga.act(Action::Resume);
    assert_eq!(saga.status(), Status::Running);
    assert_eq!(saga.state.cancellation(), Some(Cancellation::Refused));
    assert_eq!(saga.published(), ["cancellation-refused"]);
}

#[test]
fn a_cancellation_of_a_stuck_saga_revokes_what_does_not_answer() {
    let mut settings = crate::common::order().default_settings();
    settings.retry.limit = 2;
    let none = saga::Cursors::new();
    let mut saga = SagaUnderTest::start_with(crate::common::order(), &settings, &none, Time(0));
    saga.wait(Millis::seconds(10));
    assert_eq!(saga.status(), Status::Stuck);
    let pause = saga.state.next_attempt_at().unwrap().since(saga.now);
    assert!(pause > Millis::seconds(30), "stuck asks on at the cap: {pause:?}");
    assert_eq!(saga.cancel(), Outcome::Accepted);
    assert_eq!(saga.sent(), ["void-payment"]);
    assert_eq!(saga.status(), Status::Compensating);
}

#[test]
fn a_capture_under_way_does_not_hold_up_a_return() {
    let given: Vec<&str> =
        PICKED.iter().copied().filter(|fact| *fact != "payment-captured").collect();
    let mut saga = SagaUnderTest::order(&given);
    saga.hears("delivery-returned");
    assert_eq!(saga.status(), Status::Returned);
    assert_eq!(saga.step("capture"), StepStatus::Requested);
    let late = saga.says("payment", "payment-captured");
    assert_eq!(late, Outcome::Ignored(saga::Ignored::Late));
}

#[test]
fn an_outage_that_keeps_the_answer_back_cancels_nobody() {
    // The command was taken; its answer lies in the participant's outbox, our resend in ours.
    let mut saga = SagaUnderTest::order(&[]);
    saga.now = saga.state.next_attempt_at().unwrap();
    saga.wake();
    assert_eq!(saga.sent(), ["authorize-payment"]);
    let stopped = saga.now;
    for _ in 0..50 {
        saga.now = saga.state.next_wake().unwrap();
        saga.wake_with_unsent_since(stopped);
        assert!(saga.sent().is_empty());
    }
    assert!(saga.now.since(stopped) > Millis::minutes(5));
    assert_eq!(saga.status(), Status::Running);
    assert!(saga.state.version() < 120, "an outage costs few events");
}

#[test]
fn an_outage_of_the_broker_cancels_nobody() {
    let mut saga = SagaUnderTest::order(ACCEPTED);
    let asked = saga.now;
    for _ in 0..50 {
        let Some(due) = saga.state.next_wake() else { break };
        saga.now = due;
        saga.feed(&Input::Wake { oldest_unsent: Some(asked), deaf_until: None });
        assert!(saga.sent().is_empty());
    }
    assert!(saga.now.since(asked) > Millis::minutes(15));
    assert_eq!(saga.status(), Status::Running);
}

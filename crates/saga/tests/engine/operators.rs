//! Rule 10: what operators may do, by the same function as everybody, and what is refused.

use saga::Ignored::{AlreadyCancelling, AlreadySuspended};
use saga::Refusal::{
    ActorMissing, NoEffect, NoEnd, NotInFlight, NotSkippable, NotSuspended, PastPivot, StepOver,
    Suspended, UnknownFact, UnknownStep,
};
use saga::{Action, Effect, EventKind, Input, Millis, Outcome, Status, StepStatus};

use crate::common::SagaUnderTest;
use crate::table::{ACCEPTED, COOKING, PAID, PICKED};

fn retry(step: Option<&str>) -> Action {
    Action::Retry { step: step.map(Into::into) }
}

#[test]
fn every_action_names_its_actor() {
    let mut saga = SagaUnderTest::order(PAID);
    for by in ["", "  "] {
        for action in [Action::Suspend, Action::Compensate, retry(None)] {
            let input = Input::Operator { action, by: by.into(), reason: "x".into() };
            assert_eq!(saga.feed(&input), Outcome::Refused(ActorMissing));
        }
    }
    saga.act(Action::Suspend);
    let acted = |kind: &EventKind| {
        matches!(kind, EventKind::OperatorActed { action, by, reason, .. }
            if action == "suspend" && by == "olive" && reason == "because")
    };
    assert_eq!(saga.happened(acted), 1);
}

#[test]
fn retry_sends_at_once_and_counts_anew() {
    let mut saga = SagaUnderTest::order(COOKING);
    saga.wait(Millis::minutes(30));
    assert_eq!(saga.status(), Status::Stuck);
    assert_eq!(saga.act(retry(Some("capture"))), Outcome::Accepted);
    assert_eq!(saga.sent(), ["capture-payment"]);
    assert_eq!(saga.status(), Status::Running);
    let step = saga.state.step("capture").unwrap();
    assert_eq!((step.attempts, step.unanswered), (1, 1));
    assert!(step.next_attempt_at.unwrap().since(saga.now) <= Millis::seconds(1));
}

#[test]
fn retry_without_a_step_sends_everything_in_flight() {
    let mut saga = SagaUnderTest::order(COOKING);
    saga.act(retry(None));
    assert_eq!(saga.sent(), ["prepare-food", "capture-payment", "dispatch-delivery"]);
    let mut saga = SagaUnderTest::order(PICKED);
    saga.act(retry(Some("deliver")));
    assert_eq!(saga.sent(), ["dispatch-delivery"], "the command that the step waits on");
    let mut saga = SagaUnderTest::order(PAID);
    saga.cancel();
    saga.act(retry(None));
    assert_eq!(saga.sent(), ["cancel-ticket"]);
}

#[test]
fn retry_of_what_is_not_in_flight_is_refused() {
    let mut saga = SagaUnderTest::order(PAID);
    assert_eq!(saga.act(retry(Some("pay"))), Outcome::Refused(NotInFlight));
    assert_eq!(saga.act(retry(Some("settle"))), Outcome::Refused(NotInFlight));
    assert_eq!(saga.act(retry(Some("dance"))), Outcome::Refused(UnknownStep));
    saga.act(Action::Suspend);
    assert_eq!(saga.act(retry(None)), Outcome::Refused(Suspended));
}

#[test]
fn suspend_and_resume_follow_each_other() {
    let mut saga = SagaUnderTest::order(PAID);
    assert_eq!(saga.act(Action::Resume), Outcome::Refused(NotSuspended));
    assert_eq!(saga.act(Action::Suspend), Outcome::Accepted);
    assert_eq!(saga.act(Action::Suspend), Outcome::Ignored(AlreadySuspended));
    assert_eq!(saga.act(Action::Resume), Outcome::Accepted);
    assert_eq!(saga.status(), Status::Running);
}

#[test]
fn compensate_is_exactly_a_cancellation() {
    let mut saga = SagaUnderTest::order(ACCEPTED);
    assert_eq!(saga.act(Action::Compensate), Outcome::Accepted);
    assert_eq!(saga.sent(), ["cancel-cooking"]);
    assert_eq!(saga.state.reason(), Some("operator"));
    assert_eq!(saga.act(Action::Compensate), Outcome::Ignored(AlreadyCancelling));
    let mut saga = SagaUnderTest::order(COOKING);
    let before = saga.state.clone();
    assert_eq!(saga.act(Action::Compensate), Outcome::Refused(PastPivot));
    assert_eq!(saga.state, before, "the customer did not ask, and is told nothing");
}

#[test]
fn only_what_the_definition_allows_is_skipped() {
    for step in ["pay", "accept", "cook-start", "capture", "deliver", "settle"] {
        let mut saga = SagaUnderTest::order(COOKING);
        assert_eq!(saga.skip(step), Outcome::Refused(NotSkippable), "{step}");
    }
    let mut saga = SagaUnderTest::order(COOKING);
    assert_eq!(saga.skip("dance"), Outcome::Refused(UnknownStep));
    for step in ["cook-finish", "assign", "pickup"] {
        assert_eq!(saga.skip(step), Outcome::Accepted, "{step}");
        assert_eq!(saga.step(step), StepStatus::Skipped);
        assert_eq!(saga.skip(step), Outcome::Refused(StepOver));
    }
    assert_eq!(saga.step("deliver"), StepStatus::Requested);
    for fact in ["payment-captured", "delivery-confirmed", "stock-settled"] {
        saga.hears(fact);
    }
    assert_eq!(saga.status(), Status::Completed);
}

#[test]
fn nothing_is_skipped_before_the_pivot() {
    let mut saga = SagaUnderTest::order(ACCEPTED);
    assert_eq!(saga.skip("cook-finish"), Outcome::Refused(NotInFlight));
}

#[test]
fn a_step_whose_command_others_wait_on_is_not_skipped_unsent() {
    let mut saga = SagaUnderTest::order(ACCEPTED);
    saga.act(Action::Suspend);
    saga.hears("cook-started");
    assert_eq!(saga.step("assign"), StepStatus::Blocked);
    assert_eq!(saga.skip("assign"), Outcome::Refused(NoEnd));
    assert_eq!(saga.skip("cook-finish"), Outcome::Accepted, "nobody waits on what it waits on");
}

#[test]
fn resolve_records_a_fact_that_holdings_confirm() {
    let mut saga = SagaUnderTest::order(COOKING);
    saga.wait(Millis::minutes(30));
    assert_eq!(saga.resolve("capture", "payment-captured"), Outcome::Accepted);
    assert_eq!(saga.step("capture"), StepStatus::Done);
    assert_eq!(saga.status(), Status::Running);
    let version = saga.state.version();
    saga.hears("payment-captured");
    assert_eq!(saga.step("capture"), StepStatus::Done);
    assert_eq!(saga.state.version(), version + 1, "the fact itself is heard, and moves nothing");
}

#[test]
fn resolve_ends_an_undo_that_nobody_answers() {
    let mut saga = SagaUnderTest::order(PAID);
    saga.cancel();
    saga.wait(Millis::minutes(60));
    assert_eq!(saga.status(), Status::Stuck);
    assert_eq!(saga.resolve("accept", "ticket-cancelled"), Outcome::Accepted);
    assert_eq!(saga.sent(), ["void-payment"]);
    assert_eq!(saga.resolve("pay", "payment-voided"), Outcome::Accepted);
    assert_eq!(saga.status(), Status::Cancelled);
}

#[test]
fn resolve_knows_nonsense() {
    let mut saga = SagaUnderTest::order(ACCEPTED);
    for (step, fact, refusal) in [
        ("dance", "danced", UnknownStep),
        ("pay", "danced", UnknownFact),
        ("accept", "payment-voided", UnknownFact),
        ("pay", "payment-authorized", NoEffect),
        ("settle", "stock-settled", NoEffect),
        ("deliver", "delivery-returned", NoEffect),
    ] {
        assert_eq!(saga.resolve(step, fact), Outcome::Refused(refusal), "{step} {fact}");
    }
}

#[test]
fn what_was_never_asked_for_is_not_resolved() {
    let mut saga = SagaUnderTest::order(COOKING);
    assert_eq!(saga.resolve("settle", "stock-settled"), Outcome::Refused(NotInFlight));
    assert_eq!(saga.resolve("deliver", "delivery-confirmed"), Outcome::Accepted);
}

#[test]
fn to_end_as_returned_before_the_pickup_the_delivery_is_recalled() {
    let mut saga = SagaUnderTest::order(&[COOKING, &["rider-assigned"]].concat());
    assert_eq!(saga.resolve("deliver", "delivery-returned"), Outcome::Accepted);
    assert_eq!(saga.sent(), ["recall-delivery"]);
    assert_eq!(saga.status(), Status::Running, "the rider may refuse");
    let mut agreed = saga.clone();
    agreed.hears("delivery-returned");
    assert_eq!(agreed.status(), Status::Returned);
    saga.hears("cook-finished");
    saga.hears("food-picked");
    assert_eq!(saga.step("deliver"), StepStatus::Requested);
    saga.act(Action::Suspend);
    assert_eq!(saga.resolve("deliver", "delivery-confirmed"), Outcome::Accepted);
}

#[test]
fn a_recall_is_not_sent_while_suspended() {
    let mut saga = SagaUnderTest::order(COOKING);
    saga.act(Action::Suspend);
    assert_eq!(saga.resolve("deliver", "delivery-returned"), Outcome::Refused(Suspended));
}

#[test]
fn after_the_pickup_a_return_is_recorded_as_it_was_confirmed() {
    let mut saga = SagaUnderTest::order(PICKED);
    assert_eq!(saga.resolve("deliver", "delivery-returned"), Outcome::Accepted);
    assert_eq!(saga.status(), Status::Returned);
    assert_eq!(saga.effects, [Effect::HandOver { definition: "return".into() }]);
}

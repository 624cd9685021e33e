//! Rules 8, 9 and 11: unknown outcomes, suspended and stuck, and the end.

use saga::Ignored::{AlreadyCancelling, Late, NothingDue};
use saga::Refusal::{Completed, Returned};
use saga::{Action, Cancellation, Cursors, Millis, Outcome, Status, StepStatus, Time};

use crate::common::{SagaUnderTest, order};
use crate::table::{ACCEPTED, COOKING, PAID, PICKED};

// Rule 8: unknown outcome.

#[test]
fn a_passed_deadline_revokes_and_the_answer_decides() {
    let mut saga = SagaUnderTest::order(ACCEPTED);
    saga.now = Time(0).plus(Millis::minutes(15));
    saga.wake();
    assert_eq!(saga.step("cook-start"), StepStatus::Undoing);
    assert_eq!(saga.state.reason(), Some("kitchen_timeout"));
    assert_eq!(saga.sent(), ["cancel-cooking"]);
    saga.hears("cook-started");
    assert_eq!(saga.status(), Status::Running);
    assert_eq!(saga.state.reason(), None);
}

#[test]
fn a_command_that_may_be_unsent_has_no_deadline_and_is_not_sent_again() {
    let mut saga = SagaUnderTest::order(&[]);
    saga.now = Time(30_000);
    assert_eq!(saga.wake_with_unsent_since(Time(0)), Outcome::Accepted);
    assert!(saga.sent().is_empty());
    assert_eq!(saga.status(), Status::Running);
    let step = saga.state.step("pay").unwrap();
    assert_eq!(step.deadline, Some(Time(60_000)));
    assert!(step.next_attempt_at.unwrap() > saga.now);
    assert_eq!(step.attempts, 1);
}

#[test]
fn a_command_older_than_the_outbox_was_sent() {
    let mut saga = SagaUnderTest::order(&[]);
    saga.now = Time(30_000);
    saga.wake_with_unsent_since(Time(1));
    assert_eq!(saga.step("pay"), StepStatus::Undoing);
    assert_eq!(saga.sent(), ["void-payment"]);
}

#[test]
fn a_resend_that_may_be_unsent_leaves_the_deadline_of_what_was_sent_before() {
    let mut saga = SagaUnderTest::order(&[]);
    saga.now = Time(29_999);
    saga.wake();
    assert_eq!(saga.sent(), ["authorize-payment"]);
    saga.now = Time(30_000);
    saga.wake_with_unsent_since(Time(29_999));
    assert_eq!(saga.step("pay"), StepStatus::Undoing);
}

#[test]
fn a_stale_timer_changes_nothing() {
    let mut saga = SagaUnderTest::order(PAID);
    assert_eq!(saga.wake(), Outcome::Ignored(NothingDue));
    saga.now = Time(-5);
    assert_eq!(saga.wake(), Outcome::Ignored(NothingDue));
}

// Rule 9: suspended and stuck.

#[test]
fn no_timer_of_a_suspended_saga_fires() {
    let mut saga = SagaUnderTest::order(PAID);
    saga.act(Action::Suspend);
    saga.now = Time(10_000_000);
    assert_eq!(saga.wake(), Outcome::Ignored(NothingDue), "its deadline and a resend are due");
    assert_eq!(saga.step("accept"), StepStatus::Requested);
    assert!(saga.sent().is_empty());
}

#[test]
fn suspended_records_facts_and_sends_nothing() {
    let mut saga = SagaUnderTest::order(PAID);
    saga.act(Action::Suspend);
    assert_eq!(saga.status(), Status::Suspended);
    assert_eq!(saga.hears("order-accepted"), Outcome::Accepted);
    assert_eq!(saga.step("accept"), StepStatus::Done);
    assert!(saga.sent().is_empty());
    saga.now = Time(10_000_000);
    assert_eq!(saga.wake(), Outcome::Ignored(NothingDue));
    saga.act(Action::Resume);
    assert_eq!(saga.sent(), ["prepare-food"]);
}

#[test]
fn a_suspension_takes_no_time_from_a_deadline() {
    let mut saga = SagaUnderTest::order(PAID);
    saga.now = Time(1_000);
    saga.act(Action::Suspend);
    saga.now = Time(1_000_000);
    saga.act(Action::Resume);
    let deadline = Time(999_000).plus(Millis::minutes(5));
    assert_eq!(saga.state.step("accept").unwrap().deadline, Some(deadline));
    saga.wake();
    assert_eq!(saga.status(), Status::Running);
}

#[test]
fn a_cancellation_while_suspended_is_decided_on_resume() {
    let mut saga = SagaUnderTest::order(ACCEPTED);
    saga.act(Action::Suspend);
    assert_eq!(saga.cancel(), Outcome::Accepted);
    assert_eq!(saga.cancel(), Outcome::Ignored(AlreadyCancelling));
    assert_eq!(saga.state.cancellation(), Some(Cancellation::Requested));
    assert!(saga.sent().is_empty());
    let mut happened = saga.clone();
    saga.act(Action::Resume);
    assert_eq!(saga.sent(), ["cancel-cooking"]);

    happened.hears("cook-started");
    assert_eq!(happened.state.cancellation(), Some(Cancellation::Requested));
    happened.act(Action::Resume);
    assert_eq!(happened.state.cancellation(), Some(Cancellation::Refused));
    assert_eq!(happened.published(), ["cancellation-refused"]);
    assert_eq!(happened.status(), Status::Running);
}

fn stuck_on_capture() -> SagaUnderTest {
    let mut saga = SagaUnderTest::order(COOKING);
    saga.wait(Millis::minutes(30));
    assert_eq!(saga.status(), Status::Stuck);
    saga
}

#[test]
fn stuck_sends_nothing_new_but_asks_on_at_the_cap() {
    let mut saga = stuck_on_capture();
    let sent = saga.wait(Millis::minutes(3));
    let captures = sent.iter().filter(|command| *command == "capture-payment").count();
    assert!((3..=4).contains(&captures), "{captures}");
    saga.hears("rider-assigned");
    assert_eq!(saga.hears("rider-released"), Outcome::Accepted);
    assert_eq!(saga.step("assign"), StepStatus::Blocked);
    assert!(saga.sent().is_empty());
}

#[test]
fn stuck_does_not_widen_a_search() {
    let mut saga = SagaUnderTest::order(COOKING);
    let mut settings = saga.state.settings().clone();
    settings.deadlines.insert("assign".into(), Millis::minutes(20));
    saga = SagaUnderTest::start_with(order(), &settings, &Cursors::new(), Time(0));
    for fact in COOKING {
        saga.hears(fact);
    }
    let sent = saga.wait(Millis::minutes(30));
    assert_eq!(saga.status(), Status::Stuck);
    assert!(!sent.contains(&"widen-search".into()));
    saga.hears("payment-captured");
    assert!(saga.wait(Millis::minutes(20)).contains(&"widen-search".into()));
}

#[test]
fn a_fact_that_answers_sets_a_stuck_saga_going_again() {
    let mut saga = stuck_on_capture();
    saga.hears("rider-assigned");
    saga.hears("rider-released");
    assert_eq!(saga.hears("payment-captured"), Outcome::Accepted);
    assert_eq!(saga.status(), Status::Running);
    assert_eq!(saga.sent(), ["dispatch-delivery"], "what was held back goes out");
    let mut saga = stuck_on_capture();
    assert_eq!(saga.repeats("payment"), Outcome::Accepted);
    assert_eq!(saga.status(), Status::Running, "also a repeated fact is an answer");
}

#[test]
fn a_stuck_saga_that_is_returned_has_ended() {
    let mut saga = stuck_on_capture();
    saga.hears("delivery-returned");
    assert_eq!(saga.status(), Status::Returned);
}

// Rule 11: terminal is final.

#[test]
fn after_the_end_nothing_happens() {
    let completed = [PICKED, &["delivery-confirmed", "stock-settled"]].concat();
    let returned = [PICKED, &["delivery-returned"]].concat();
    for (given, refusal) in [(completed, Completed), (returned, Returned)] {
        let mut saga = SagaUnderTest::order(&given);
        let version = saga.state.version();
        assert_eq!(saga.says("rider", "rider-released"), Outcome::Ignored(Late));
        assert_eq!(saga.repeats("payment"), Outcome::Ignored(Late));
        assert_eq!(saga.wake(), Outcome::Ignored(Late));
        assert_eq!(saga.cancel(), Outcome::Refused(refusal));
        assert_eq!(saga.act(Action::Suspend), Outcome::Refused(refusal));
        assert_eq!(saga.act(Action::Compensate), Outcome::Refused(refusal));
        assert_eq!(saga.state.version(), version);
        assert_eq!(saga.state.next_wake(), None);
    }
}

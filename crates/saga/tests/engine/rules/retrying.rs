//! Rules 3 and 5: after the pivot, and sending again.

use saga::Ignored::Duplicate;
use saga::Refusal::PastPivot;
use saga::{Cancellation, Cursors, Effect, Millis, Outcome, Status, StepStatus, Time};

use crate::common::{SagaUnderTest, order, return_order};
use crate::table::{COOKING, PAID, PICKED};

// Rule 3: after the pivot.

#[test]
fn after_the_pivot_a_cancellation_is_refused_and_told_once() {
    let mut saga = SagaUnderTest::order(COOKING);
    assert!(saga.state.past_pivot() && !saga.state.cancellable());
    assert_eq!(saga.cancel(), Outcome::Refused(PastPivot));
    assert_eq!(saga.state.cancellation(), Some(Cancellation::Refused));
    assert_eq!(saga.published(), ["cancellation-refused"]);
    let version = saga.state.version();
    assert_eq!(saga.cancel(), Outcome::Refused(PastPivot));
    assert_eq!(saga.published(), [""; 0]);
    assert_eq!(saga.state.version(), version);
}

#[test]
fn a_saga_that_cannot_undo_anything_is_past_its_pivot_at_once() {
    let mut saga = SagaUnderTest::start(return_order());
    assert_eq!(saga.cancel(), Outcome::Refused(PastPivot));
}

#[test]
fn twenty_attempts_without_an_answer_are_stuck() {
    let mut saga = SagaUnderTest::order(COOKING);
    let mut attempts = 1;
    while saga.status() == Status::Running {
        saga.now = saga.state.next_attempt_at().unwrap();
        saga.wake();
        attempts += saga.sent().iter().filter(|command| *command == "capture-payment").count();
        assert!(attempts <= 21);
    }
    assert_eq!(saga.status(), Status::Stuck);
    assert_eq!(attempts, 21, "twenty without an answer, and it is still sent");
    assert_eq!(saga.state.waiting_on(), Some("capture"));
    assert!(!saga.state.is_terminal());
}

#[test]
fn what_waits_for_people_is_never_stuck() {
    let mut saga = SagaUnderTest::order(PAID);
    let mut patient = saga.state.settings().clone();
    patient.deadlines.insert("accept".into(), Millis::minutes(6_000));
    saga = SagaUnderTest::start_with(order(), &patient, &Cursors::new(), Time(0));
    saga.hears("payment-authorized");
    let sent = saga.wait(Millis::minutes(60));
    assert!(sent.len() >= 59, "at the cap, without limit: {}", sent.len());
    assert_eq!(saga.status(), Status::Running);
}

#[test]
fn an_undo_past_its_limit_is_stuck_too() {
    let mut saga = SagaUnderTest::order(PAID);
    saga.cancel();
    saga.wait(Millis::minutes(60));
    assert_eq!(saga.status(), Status::Stuck);
    saga.hears("ticket-cancelled");
    assert_eq!(saga.status(), Status::Compensating);
    assert_eq!(saga.sent(), ["void-payment"]);
}

// Rule 5: resending.

pub(super) fn send(effect: &Effect) -> (&str, uuid::Uuid, u32) {
    match effect {
        Effect::Send { command, command_id, attempt, .. } => (command, *command_id, *attempt),
        other => panic!("no command: {other:?}"),
    }
}

#[test]
fn a_command_is_sent_again_with_the_same_identity_after_doubling_pauses() {
    let mut saga = SagaUnderTest::order(COOKING);
    let (_, id, _) = send(&saga.effects[0]);
    let mut last = saga.now;
    for (attempt, pause) in [(2, 1), (3, 2), (4, 4), (5, 8), (6, 16), (7, 32), (8, 60), (9, 60)] {
        let pause = Millis::seconds(pause);
        let due = saga.state.step("capture").unwrap().next_attempt_at.unwrap();
        let waited = due.since(last);
        assert!(waited <= pause && waited.0 >= pause.0 * 8 / 10, "{waited:?} for {pause:?}");
        saga.now = due;
        saga.wake();
        assert!(saga.effects.iter().any(|e| send(e) == ("capture-payment", id, attempt)));
        last = due;
    }
}

#[test]
fn an_equal_sequence_changes_no_step_but_is_an_answer() {
    let mut saga = SagaUnderTest::order(COOKING);
    saga.wait(Millis::seconds(20));
    assert!(saga.state.step("capture").unwrap().unanswered > 3);
    let attempts = saga.state.step("capture").unwrap().attempts;
    assert_eq!(saga.repeats("payment"), Outcome::Accepted);
    let step = saga.state.step("capture").unwrap();
    assert_eq!((step.status, step.unanswered), (StepStatus::Requested, 0));
    assert_eq!(step.attempts, attempts, "the pause stays long: an answer is no reason to hurry");
    assert_eq!(saga.repeats("payment"), Outcome::Ignored(Duplicate));
}

#[test]
fn a_wait_sends_the_earlier_command_again() {
    let mut saga = SagaUnderTest::order(PICKED);
    let sent = saga.wait(Millis::minutes(2));
    assert!(!sent.is_empty() && sent.iter().all(|command| command == "dispatch-delivery"));
}

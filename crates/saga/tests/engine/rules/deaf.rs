//! Rule 8: a deadline does not run out for an answer that could not reach us.

use saga::Ignored::NothingDue;
use saga::{EventKind, Extension, Millis, Outcome, Status, StepStatus, Time};

use crate::common::SagaUnderTest;
use crate::table::{ACCEPTED, COOKING, PAID};

const MINUTE: Millis = Millis::minutes(1);

/// How long `accept` may take.
const ACCEPT: Millis = Millis::minutes(5);

fn deadline(saga: &SagaUnderTest, step: &str) -> Option<Time> {
    saga.state.step(step).unwrap().deadline
}

fn set_anew(saga: &SagaUnderTest) -> usize {
    saga.happened(|kind| {
        matches!(kind, EventKind::DeadlineExtended { because: Extension::Deaf, .. })
    })
}

#[test]
fn a_deadline_that_began_before_we_heard_again_runs_from_then() {
    let mut saga = SagaUnderTest::order(PAID);
    let heard = saga.now.plus(Millis::minutes(9));
    saga.now = heard.plus(Millis(1));
    assert_eq!(saga.wake_deaf_until(heard), Outcome::Accepted);
    assert_eq!(saga.status(), Status::Running);
    assert_eq!(deadline(&saga, "accept"), Some(heard.plus(ACCEPT)));
    assert_eq!(saga.sent(), ["request-acceptance"], "a resend that is due is not held back");
    // The answer that had waited arrives.
    saga.hears("order-accepted");
    assert_eq!(saga.step("accept"), StepStatus::Done);
}

#[test]
fn one_outage_moves_a_deadline_once() {
    let mut saga = SagaUnderTest::order(PAID);
    let heard = saga.now.plus(Millis::minutes(9));
    saga.now = heard;
    saga.wake_deaf_until(heard);
    saga.now = heard.plus(Millis(ACCEPT.0 - 1));
    saga.wake_deaf_until(heard);
    assert_eq!((saga.status(), set_anew(&saga)), (Status::Running, 1));
    saga.now = heard.plus(ACCEPT);
    assert_eq!(saga.wake_deaf_until(heard), Outcome::Accepted);
    assert_eq!(saga.status(), Status::Compensating, "it has had its time");
    assert_eq!(saga.state.reason(), Some("store_timeout"));
}

#[test]
fn another_outage_moves_it_again() {
    let mut saga = SagaUnderTest::order(PAID);
    for outage in 1..=5 {
        let heard = saga.now.plus(Millis::minutes(7));
        saga.now = heard;
        saga.wake_deaf_until(heard);
        assert_eq!((saga.status(), set_anew(&saga)), (Status::Running, outage));
    }
}

#[test]
fn what_was_asked_after_we_heard_again_is_not_touched() {
    let mut saga = SagaUnderTest::order(PAID);
    let asked = saga.now;
    saga.now = asked.plus(ACCEPT);
    assert_eq!(saga.wake_deaf_until(asked), Outcome::Accepted);
    assert_eq!((saga.status(), set_anew(&saga)), (Status::Compensating, 0));
}

#[test]
fn a_deadline_that_has_had_its_time_since_runs_out_at_once() {
    // Nobody looked for an hour, of which we were deaf for a minute.
    let mut saga = SagaUnderTest::order(PAID);
    let heard = saga.now.plus(MINUTE);
    saga.now = heard.plus(Millis::minutes(59));
    saga.wake_deaf_until(heard);
    assert_eq!((saga.status(), set_anew(&saga)), (Status::Compensating, 0));
}

#[test]
fn while_nothing_reaches_us_no_deadline_runs_out() {
    let mut saga = SagaUnderTest::order(ACCEPTED);
    let asked = saga.now;
    while saga.now.since(asked) < Millis::minutes(120) {
        saga.now = saga.state.next_wake().unwrap();
        saga.wake_deaf_until(saga.now);
    }
    assert_eq!(saga.status(), Status::Running);
}

#[test]
fn a_moment_that_has_not_come_counts_as_now() {
    // Another machine's clock, or one that was set back.
    let mut saga = SagaUnderTest::order(PAID);
    saga.now = saga.now.plus(ACCEPT);
    saga.wake_deaf_until(saga.now.plus(Millis::minutes(1_000)));
    assert_eq!(deadline(&saga, "accept"), Some(saga.now.plus(ACCEPT)));
}

#[test]
fn nobody_is_called_for_an_answer_that_waits_either() {
    let mut saga = SagaUnderTest::order(COOKING);
    let heard = saga.now.plus(Millis::minutes(70));
    saga.now = heard;
    saga.wake_deaf_until(heard);
    assert!(!saga.state.stalled());
    assert!(!saga.sent().contains(&"widen-search".to_owned()));
    assert_eq!(deadline(&saga, "cook-finish"), Some(heard.plus(Millis::minutes(60))));
    assert_eq!(deadline(&saga, "assign"), Some(heard.plus(Millis::minutes(10))));
}

#[test]
fn a_timer_for_nothing_moves_no_deadline() {
    let mut saga = SagaUnderTest::order(PAID);
    let before = deadline(&saga, "accept");
    assert_eq!(saga.wake_deaf_until(saga.now), Outcome::Ignored(NothingDue));
    assert_eq!(deadline(&saga, "accept"), before, "it is moved when it would run out, not before");
}

//! Rules 6, 7 and 12: facts out of step, reopening, and facts in any order.

use saga::Ignored::{Duplicate, OutOfStep, Stale, UnknownSource};
use saga::{EventKind, Millis, Outcome, Status, StepStatus, Time};

use super::retrying::send;
use crate::common::SagaUnderTest;
use crate::common::saga_under_test::ID;
use crate::table::{COOKING, PICKED};

// Rule 6: facts out of step.

#[test]
fn a_fact_for_a_blocked_step_after_the_pivot_is_kept_for_its_turn() {
    let mut saga = SagaUnderTest::order(&[COOKING, &["payment-captured"]].concat());
    for fact in ["rider-assigned", "food-picked", "delivery-confirmed"] {
        assert_eq!(saga.hears(fact), Outcome::Accepted);
    }
    assert_eq!(saga.step("deliver"), StepStatus::Done);
    assert_eq!(saga.step("settle"), StepStatus::Blocked, "cooking is not finished");
    saga.hears("cook-finished");
    assert_eq!(saga.sent(), ["settle-stock"]);
}

#[test]
fn a_fact_for_a_blocked_step_before_the_pivot_changes_nothing() {
    let mut saga = SagaUnderTest::order(&[]);
    for fact in ["order-accepted", "cook-started", "delivery-returned"] {
        assert_eq!(saga.hears(fact), Outcome::Ignored(OutOfStep));
    }
    assert_eq!(saga.status(), Status::Running);
    assert_eq!(saga.step("cook-start"), StepStatus::Blocked);
}

#[test]
fn a_return_takes_effect_from_any_state_after_the_pivot() {
    for given in [&[][..], &["rider-assigned"], &["cook-finished"], &["payment-captured"]] {
        let mut saga = SagaUnderTest::order(&[COOKING, given].concat());
        assert_eq!(saga.hears("delivery-returned"), Outcome::Accepted);
        assert_eq!(saga.status(), Status::Returned);
    }
}

#[test]
fn who_takes_no_part_is_not_heard() {
    let mut saga = SagaUnderTest::order(&[]);
    assert_eq!(saga.says("mypage", "payment-authorized"), Outcome::Ignored(UnknownSource));
    assert_eq!(
        saga.says("store", "payment-authorized"),
        Outcome::Ignored(OutOfStep),
        "a fact counts only from the participant whose it is"
    );
}

// Rule 7: reopening.

#[test]
fn a_released_delivery_is_asked_for_again_as_a_new_generation() {
    let given = [COOKING, &["payment-captured", "cook-finished", "rider-assigned"]].concat();
    let mut saga = SagaUnderTest::order(&given);
    let before = saga::command_id(ID, "assign", saga::Direction::Do, 1);
    saga.now = Time(500);
    assert_eq!(saga.hears("rider-released"), Outcome::Accepted);
    assert_eq!(saga.step("assign"), StepStatus::Requested);
    assert_eq!(saga.step("pickup"), StepStatus::Blocked);
    let (command, id, attempt) = send(&saga.effects[0]);
    assert_eq!((command, attempt), ("dispatch-delivery", 1));
    assert_ne!(id, before);
    let deadline = Time(500).plus(Millis::minutes(10));
    assert_eq!(saga.state.step("assign").unwrap().deadline, Some(deadline), "anew");
    assert_eq!(saga.hears("rider-assigned"), Outcome::Accepted);
    assert_eq!(saga.step("pickup"), StepStatus::Requested);
}

#[test]
fn a_release_after_the_pickup_is_void() {
    let mut saga = SagaUnderTest::order(PICKED);
    assert_eq!(saga.hears("rider-released"), Outcome::Ignored(OutOfStep));
    assert_eq!(saga.step("assign"), StepStatus::Done);
}

// Rule 12 is the orchestrator's and the participants'. Its share here: facts in any order.

#[test]
fn a_lower_sequence_is_dropped_and_a_gap_heals() {
    let mut saga = SagaUnderTest::order(COOKING);
    saga.note("rider", "rider-assigned");
    saga.note("rider", "rider-released");
    assert_eq!(saga.says("rider", "rider-assigned"), Outcome::Accepted, "three at once");
    assert_eq!(saga.step("assign"), StepStatus::Done);
    assert!(saga.sent().is_empty(), "the station on the way asks for nothing");
    assert_eq!(saga.state.step("assign").unwrap().generation, 2);
    let version = saga.state.version();
    for count in [1, 2] {
        assert_eq!(saga.fact_up_to("rider", count), Outcome::Ignored(Stale));
    }
    assert_eq!(saga.fact_up_to("rider", 3), Outcome::Ignored(Duplicate));
    assert_eq!(saga.state.version(), version);
    saga.check_history();
}

#[test]
fn a_milestone_nobody_knows_is_skipped_and_counted() {
    let mut saga = SagaUnderTest::order(&[]);
    saga.note("payment", "payment-pondered");
    assert_eq!(saga.hears("payment-authorized"), Outcome::Accepted);
    assert_eq!(saga.state.cursors()["payment"].applied, 2);
    let heard = |kind: &EventKind| matches!(kind, EventKind::FactHeard { .. });
    assert_eq!(saga.happened(heard), 1);
}

#[test]
fn a_source_that_forgets_what_it_said_is_not_heard_twice() {
    let mut saga = SagaUnderTest::order(&[COOKING, &["rider-assigned", "rider-released"]].concat());
    let generation = |saga: &SagaUnderTest| saga.state.step("assign").unwrap().generation;
    for (sequence, milestones) in [(3, &[][..]), (4, &["rider-assigned", "rider-released"])] {
        let fact = saga::Fact::new("rider", sequence, "rider-released", milestones.to_vec());
        saga.feed(&saga::Input::Fact(fact));
        assert_eq!(saga.state.cursors()["rider"].applied, 2);
    }
    assert_eq!(generation(&saga), 2);
}

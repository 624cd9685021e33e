//! Rules 1, 2 and 4: how a saga starts, how it is undone, and undo before action.

use saga::Ignored::{AlreadyCancelled, AlreadyCancelling, OutOfStep};
use saga::Refusal::DefinitionMismatch;
use saga::{
    Cancellation, Cursors, Definition, Input, Millis, Outcome, Spec, Status, StepStatus, Time,
    decide,
};

use crate::common::definitions::order_spec;
use crate::common::{SagaUnderTest, order, return_order};
use crate::table::{ACCEPTED, PAID};

// Rule 1: start.

#[test]
fn a_start_asks_for_every_step_that_depends_on_nothing() {
    assert_eq!(SagaUnderTest::order(&[]).sent(), ["authorize-payment"]);
    assert_eq!(SagaUnderTest::start(return_order()).sent(), ["refund-payment", "restock"]);
}

#[test]
fn a_start_pins_settings_and_version() {
    let mut settings = order().default_settings();
    settings.deadlines.insert("pay".into(), Millis(5));
    settings.deadlines.insert("dance".into(), Millis(5));
    let saga = SagaUnderTest::start_with(order(), &settings, &Cursors::new(), Time(100));
    assert_eq!(saga.state.definition(), "order");
    assert_eq!(saga.state.definition_version(), 1);
    assert_eq!(saga.state.settings().deadline("pay"), Some(Millis(5)));
    assert_eq!(saga.state.settings().deadline("accept"), Some(Millis::minutes(5)));
    assert_eq!(saga.state.settings().deadline("dance"), None);
    assert_eq!(saga.state.next_wake(), Some(Time(105)));
    assert_eq!(saga.state.started_at(), Time(100));
}

#[test]
fn a_deadline_of_nothing_makes_no_timer_spin() {
    let mut settings = order().default_settings();
    settings.deadlines.insert("pay".into(), Millis(0));
    let mut saga = SagaUnderTest::start_with(order(), &settings, &Cursors::new(), Time(0));
    saga.now = saga.state.next_wake().unwrap();
    saga.wake_with_unsent_since(Time(0));
    assert!(saga.state.next_wake().unwrap() > saga.now);
}

#[test]
fn another_version_of_the_definition_decides_nothing() {
    let saga = SagaUnderTest::order(PAID);
    let next = Definition::build(Spec { version: 2, ..order_spec() }).unwrap();
    let input = Input::Wake { oldest_unsent: None, deaf_until: None };
    for other in [next, return_order()] {
        let decision = decide(&other, &saga.state, &input, Time(0));
        assert_eq!(decision.outcome, Outcome::Refused(DefinitionMismatch));
        assert!(decision.events.is_empty());
    }
}

// Rule 2: failure or cancellation before the pivot.

#[test]
fn a_cancellation_revokes_what_is_in_flight_and_undoes_in_reverse() {
    let mut saga = SagaUnderTest::order(ACCEPTED);
    assert!(saga.state.cancellable());
    assert_eq!(saga.cancel(), Outcome::Accepted);
    assert_eq!(saga.sent(), ["cancel-cooking"]);
    assert_eq!(saga.state.cancellation(), Some(Cancellation::Requested));
    assert!(!saga.state.cancellable());
    saga.hears("cooking-cancelled");
    assert_eq!(saga.sent(), ["cancel-ticket"]);
    saga.hears("ticket-cancelled");
    assert_eq!(saga.sent(), ["void-payment"]);
    saga.hears("payment-voided");
    assert_eq!(saga.status(), Status::Cancelled);
    assert_eq!(saga.state.reason(), Some("customer_cancelled"));
}

#[test]
fn nothing_is_undone_before_the_pivot_in_flight_has_answered() {
    let mut saga = SagaUnderTest::order(ACCEPTED);
    saga.cancel();
    let sent = saga.wait(Millis::minutes(5));
    assert!(sent.iter().all(|command| command == "cancel-cooking"), "{sent:?}");
    assert_eq!(saga.step("accept"), StepStatus::Done);
}

#[test]
fn the_pivot_that_has_happened_turns_the_saga_forward() {
    let mut saga = SagaUnderTest::order(ACCEPTED);
    saga.cancel();
    assert_eq!(saga.hears("cook-started"), Outcome::Accepted);
    assert_eq!(saga.status(), Status::Running);
    assert_eq!(saga.state.cancellation(), Some(Cancellation::Refused));
    assert_eq!(saga.state.reason(), None);
    assert_eq!(saga.published(), ["cancellation-refused"]);
    assert_eq!(saga.sent(), ["capture-payment", "dispatch-delivery"]);
}

/// Two branches between one root and the pivot, everything done but the pivot, and cancelled.
fn cancelled_fork() -> SagaUnderTest {
    use saga::AnsweredBy::Participant;
    use saga::Kind::{Compensatable, Pivot};
    let step = |name, kind, fact, undone| {
        saga::Step::command(name, kind, (name, "p"), Participant, fact).undo((undone, "p"), undone)
    };
    let spec = Spec::new("fork", 1)
        .step(step("root", Compensatable, "root-done", "root-undone"))
        .step(step("left", Compensatable, "left-done", "left-undone").after(&["root"]))
        .step(step("right", Compensatable, "right-done", "right-undone").after(&["root"]))
        .step(step("long", Compensatable, "long-done", "long-undone").after(&["left"]))
        .step(step("turn", Pivot, "turned", "unturned").after(&["long", "right"]));
    let mut saga = SagaUnderTest::start(Definition::build(spec).unwrap());
    for fact in ["root-done", "left-done", "right-done", "long-done"] {
        saga.hears(fact);
    }
    saga.cancel();
    saga
}

#[test]
fn undoing_goes_in_parallel_where_the_graph_allows() {
    let mut saga = cancelled_fork();
    assert_eq!(saga.sent(), ["unturned"]);
    saga.hears("unturned");
    assert_eq!(saga.sent(), ["long-undone", "right-undone"]);
    saga.hears("long-undone");
    assert_eq!(saga.sent(), ["left-undone"]);
    saga.hears("left-undone");
    assert!(saga.sent().is_empty(), "the root waits for both");
    saga.hears("right-undone");
    assert_eq!(saga.sent(), ["root-undone"]);
}

#[test]
fn a_stuck_undo_holds_back_the_next() {
    let mut saga = cancelled_fork();
    saga.hears("unturned");
    saga.wait(Millis::minutes(60));
    assert_eq!(saga.status(), Status::Stuck);
    saga.resolve("long", "long-undone");
    assert!(saga.sent().is_empty(), "`right` does not answer");
    saga.hears("right-undone");
    assert_eq!(saga.sent(), ["left-undone"]);
}

#[test]
fn cancelling_twice_is_told_from_cancelling_once() {
    let mut saga = SagaUnderTest::order(PAID);
    assert_eq!(saga.cancel(), Outcome::Accepted);
    let version = saga.state.version();
    assert_eq!(saga.cancel(), Outcome::Ignored(AlreadyCancelling));
    assert_eq!(saga.state.version(), version);
    saga.hears("ticket-cancelled");
    saga.hears("payment-voided");
    assert_eq!(saga.cancel(), Outcome::Ignored(AlreadyCancelled));
}

#[test]
fn a_cancellation_while_a_failure_is_undone_is_noted() {
    let mut saga = SagaUnderTest::order(&[PAID, &["order-rejected"]].concat());
    assert_eq!(saga.cancel(), Outcome::Ignored(AlreadyCancelling));
    assert_eq!(saga.state.cancellation(), Some(Cancellation::Requested));
    assert_eq!(saga.state.reason(), Some("store_rejected"), "the first reason stays");
}

#[test]
fn a_refusal_may_bring_its_own_reason() {
    let mut saga = SagaUnderTest::order(PAID);
    let fact = saga::Fact::new("store", 1, "order-rejected", ["order-rejected"]);
    saga.feed(&Input::Fact(fact.because("out_of_stock")));
    assert_eq!(saga.state.reason(), Some("out_of_stock"));
}

// Rule 4: undo before action.

#[test]
fn a_refusal_that_arrives_while_undoing_counts_as_undone() {
    let mut saga = SagaUnderTest::order(PAID);
    saga.cancel();
    saga.hears("order-rejected");
    assert_eq!(saga.step("accept"), StepStatus::Undone);
    assert_eq!(saga.sent(), ["void-payment"]);
}

#[test]
fn a_success_that_arrives_while_undoing_still_waits_for_the_undo() {
    let mut saga = SagaUnderTest::order(PAID);
    saga.cancel();
    assert_eq!(saga.hears("order-accepted"), Outcome::Ignored(OutOfStep));
    assert_eq!(saga.step("accept"), StepStatus::Undoing);
    saga.hears("ticket-cancelled");
    assert_eq!(saga.step("accept"), StepStatus::Undone);
}

#[test]
fn a_command_answered_by_a_tombstone_has_failed() {
    let mut saga = SagaUnderTest::order(PAID);
    assert_eq!(saga.hears("ticket-cancelled"), Outcome::Accepted);
    assert_eq!(saga.step("accept"), StepStatus::Failed);
    assert_eq!(saga.status(), Status::Compensating);
}

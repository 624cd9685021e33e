//! One scenario for each row of the tables: what asks for the step, what it is done, refused
//! and undone by, and what its deadline does.

use saga::Ignored::OutOfStep;
use saga::{Cursors, Effect, Millis, Outcome, Status, StepStatus, Time};

use crate::common::{SagaUnderTest, return_order};

pub(crate) const PAID: &[&str] = &["payment-authorized"];
pub(crate) const ACCEPTED: &[&str] = &["payment-authorized", "order-accepted"];
pub(crate) const COOKING: &[&str] = &["payment-authorized", "order-accepted", "cook-started"];
pub(crate) const PICKED: &[&str] = &[
    "payment-authorized",
    "order-accepted",
    "cook-started",
    "payment-captured",
    "cook-finished",
    "rider-assigned",
    "food-picked",
];

/// Given these facts, when one more is heard, then these commands are sent.
fn check_done(given: &[&str], step: &str, when: &str, then: &[&str]) {
    let mut saga = SagaUnderTest::order(given);
    assert_eq!(saga.step(step), StepStatus::Requested);
    assert_eq!(saga.hears(when), Outcome::Accepted);
    assert_eq!(saga.step(step), StepStatus::Done);
    assert_eq!(saga.sent(), then);
    assert_eq!(saga.status(), Status::Running);
}

/// Given these facts, when a step is refused, then these undos follow, each answered in turn,
/// and the saga is cancelled for this reason.
fn check_failed(given: &[&str], step: &str, when: &str, reason: &str, undos: &[(&str, &str)]) {
    let mut saga = SagaUnderTest::order(given);
    assert_eq!(saga.hears(when), Outcome::Accepted);
    assert_eq!(saga.step(step), StepStatus::Failed);
    finish_undoing(saga, reason, undos);
}

/// Given these facts, when a step's deadline passes, then it is revoked first of all.
fn check_timeout(given: &[&str], after: Millis, reason: &str, undos: &[(&str, &str)]) {
    let mut saga = SagaUnderTest::order(given);
    saga.wait(Millis(after.0 - 1));
    assert_eq!(saga.status(), Status::Running);
    saga.now = saga.now.plus(Millis(1));
    assert_eq!(saga.wake(), Outcome::Accepted);
    finish_undoing(saga, reason, undos);
}

fn finish_undoing(mut saga: SagaUnderTest, reason: &str, undos: &[(&str, &str)]) {
    for (command, undone) in undos {
        assert_eq!(saga.status(), Status::Compensating);
        assert_eq!(saga.sent(), [*command]);
        assert_eq!(saga.hears(undone), Outcome::Accepted);
    }
    assert_eq!(saga.status(), Status::Cancelled);
    assert_eq!(saga.published(), ["order-cancelled"]);
    assert_eq!(saga.state.reason(), Some(reason));
    assert_eq!(saga.state.cancellation(), None);
    saga.check_history();
}

const VOID: (&str, &str) = ("void-payment", "payment-voided");
const CANCEL_TICKET: (&str, &str) = ("cancel-ticket", "ticket-cancelled");
const CANCEL_COOKING: (&str, &str) = ("cancel-cooking", "cooking-cancelled");

#[test]
fn pay() {
    let saga = SagaUnderTest::order(&[]);
    assert_eq!(saga.sent(), ["authorize-payment"]);
    check_done(&[], "pay", "payment-authorized", &["request-acceptance"]);
    check_failed(&[], "pay", "payment-declined", "payment_declined", &[]);
    check_timeout(&[], Millis::seconds(30), "payment_timeout", &[VOID]);
}

#[test]
fn accept() {
    check_done(PAID, "accept", "order-accepted", &["prepare-food"]);
    check_failed(PAID, "accept", "order-rejected", "store_rejected", &[VOID]);
    check_timeout(PAID, Millis::minutes(5), "store_timeout", &[CANCEL_TICKET, VOID]);
}

#[test]
fn cook_start() {
    let next = ["capture-payment", "dispatch-delivery"];
    check_done(ACCEPTED, "cook-start", "cook-started", &next);
    let undos = [CANCEL_TICKET, VOID];
    check_failed(ACCEPTED, "cook-start", "cooking-declined", "kitchen_declined", &undos);
    let undos = [CANCEL_COOKING, CANCEL_TICKET, VOID];
    check_timeout(ACCEPTED, Millis::minutes(15), "kitchen_timeout", &undos);
}

#[test]
fn capture() {
    check_done(COOKING, "capture", "payment-captured", &[]);
}

/// Given a step in flight, when its deadline passes, then the saga is stalled and goes on.
fn check_escalation(given: &[&str], step: &str, after: Millis, done: &str) {
    let mut saga = SagaUnderTest::order(given);
    saga.wait(Millis(after.0 - 1));
    assert!(!saga.state.step(step).unwrap().escalated);
    saga.wait(Millis(1));
    assert!(saga.state.step(step).unwrap().escalated);
    assert!(saga.state.stalled());
    assert_eq!(saga.status(), Status::Running);
    assert_eq!(saga.hears(done), Outcome::Accepted);
    assert!(!saga.state.stalled(), "done is no longer late");
}

/// What is captured does not get stuck while a test waits for people.
const CAPTURED: &[&str] =
    &["payment-authorized", "order-accepted", "cook-started", "payment-captured"];

#[test]
fn cook_finish() {
    check_done(COOKING, "cook-finish", "cook-finished", &[]);
    let given = [CAPTURED, &["rider-assigned"]].concat();
    check_escalation(&given, "cook-finish", Millis::minutes(60), "cook-finished");
}

#[test]
fn assign() {
    check_done(COOKING, "assign", "rider-assigned", &[]);
    let given = [CAPTURED, &["cook-finished"]].concat();
    let mut saga = SagaUnderTest::order(&given);
    let sent = saga.wait(Millis::minutes(10));
    assert_eq!(sent.iter().filter(|command| *command == "widen-search").count(), 1);
    assert!(!saga.state.stalled(), "the search was widened, and waits once more as long");
    check_escalation(&given, "assign", Millis::minutes(20), "rider-assigned");
}

#[test]
fn pickup() {
    let given = [COOKING, &["cook-finished", "rider-assigned"]].concat();
    check_done(&given, "pickup", "food-picked", &[]);
    let given = [CAPTURED, &["cook-finished", "rider-assigned"]].concat();
    check_escalation(&given, "pickup", Millis::minutes(30), "food-picked");
}

#[test]
fn pickup_comes_after_both_cooking_and_assignment() {
    for first in ["cook-finished", "rider-assigned"] {
        let saga = SagaUnderTest::order(&[COOKING, &[first]].concat());
        assert_eq!(saga.step("pickup"), StepStatus::Blocked);
    }
}

#[test]
fn deliver() {
    check_done(PICKED, "deliver", "delivery-confirmed", &["settle-stock"]);
    check_escalation(PICKED, "deliver", Millis::minutes(90), "delivery-confirmed");
}

#[test]
fn deliver_hands_over_to_the_return_saga() {
    let mut saga = SagaUnderTest::order(PICKED);
    assert_eq!(saga.hears("delivery-returned"), Outcome::Accepted);
    assert_eq!(saga.status(), Status::Returned);
    assert_eq!(saga.state.reason(), Some("delivery_returned"));
    assert_eq!(saga.effects, [Effect::HandOver { definition: "return".into() }]);
    saga.check_history();
}

#[test]
fn settle() {
    let mut saga = SagaUnderTest::order(&[PICKED, &["delivery-confirmed"]].concat());
    assert_eq!(saga.step("settle"), StepStatus::Requested);
    assert_eq!(saga.hears("stock-settled"), Outcome::Accepted);
    assert_eq!(saga.status(), Status::Completed);
    assert_eq!(saga.published(), ["order-completed"]);
    assert_eq!(saga.state.reason(), None);
    saga.check_history();
}

#[test]
fn settle_comes_after_both_capture_and_delivery() {
    let facts = ["cook-finished", "rider-assigned", "food-picked", "delivery-confirmed"];
    let mut saga = SagaUnderTest::order(&[COOKING, &facts].concat());
    assert_eq!(saga.step("settle"), StepStatus::Blocked);
    saga.hears("payment-captured");
    assert_eq!(saga.sent(), ["settle-stock"]);
}

#[test]
fn refund_and_restock_go_in_parallel() {
    let orders = [["payment-refunded", "stock-restocked"], ["stock-restocked", "payment-refunded"]];
    for [first, second] in orders {
        let mut saga = SagaUnderTest::start(return_order());
        assert_eq!(saga.sent(), ["refund-payment", "restock"]);
        saga.hears(first);
        assert_eq!(saga.status(), Status::Running);
        saga.hears(second);
        assert_eq!(saga.status(), Status::Completed);
        assert_eq!(saga.published(), ["order-returned"]);
    }
}

#[test]
fn a_return_goes_on_from_what_the_order_has_heard() {
    let mut order = SagaUnderTest::order(PICKED);
    order.hears("delivery-returned");
    let cursors: Cursors = order.state.cursors().clone();
    let settings = return_order().default_settings();
    let mut saga = SagaUnderTest::start_with(return_order(), &settings, &cursors, Time(0));
    for fact in ["payment-authorized", "payment-captured"] {
        saga.note("payment", fact);
    }
    assert_eq!(saga.repeats("payment"), Outcome::Accepted, "heard before: an answer, no step");
    assert_eq!(saga.step("refund"), StepStatus::Requested);
    assert_eq!(saga.hears("payment-refunded"), Outcome::Accepted);
    assert_eq!(saga.step("refund"), StepStatus::Done);
}

#[test]
fn a_capture_that_comes_after_the_hand_over_moves_nothing() {
    let given: Vec<&str> =
        PICKED.iter().copied().filter(|fact| *fact != "payment-captured").collect();
    let mut order = SagaUnderTest::order(&given);
    assert_eq!(order.step("capture"), StepStatus::Requested);
    order.hears("delivery-returned");
    let settings = return_order().default_settings();
    let cursors = order.state.cursors().clone();
    let mut saga = SagaUnderTest::start_with(return_order(), &settings, &cursors, Time(0));
    saga.note("payment", "payment-authorized");
    assert_eq!(saga.says("payment", "payment-captured"), Outcome::Ignored(OutOfStep));
    assert_eq!(saga.hears("payment-refunded"), Outcome::Accepted);
    assert_eq!(saga.step("refund"), StepStatus::Done);
}

//! The rules of the engine, one by one.

use saga::Ignored::{
    AlreadyCancelled, AlreadyCancelling, Duplicate, Late, NothingDue, OutOfStep, Stale,
    UnknownSource,
};
use saga::Refusal::{Completed, DefinitionMismatch, PastPivot, Returned};
use saga::{
    Action, Cancellation, Cursors, Definition, Effect, EventKind, Input, Millis, Outcome, Spec,
    Status, StepStatus, Time, decide,
};

use crate::common::definitions::order_spec;
use crate::common::saga_under_test::ID;
use crate::common::{SagaUnderTest, order, return_order};
use crate::table::{ACCEPTED, COOKING, PAID, PICKED};

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
fn another_version_of_the_definition_decides_nothing() {
    let saga = SagaUnderTest::order(PAID);
    let next = Definition::build(Spec { version: 2, ..order_spec() }).unwrap();
    let input = Input::Wake { oldest_unsent: None };
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

#[test]
fn undoing_goes_in_parallel_where_the_graph_allows() {
    use saga::AnsweredBy::Participant;
    use saga::Kind::{Compensatable, Pivot};
    let step = |name, kind, fact, undone| {
        saga::Step::command(name, kind, (name, "p"), Participant, fact).undo((undone, "p"), undone)
    };
    let spec = Spec::new("fork", 1)
        .step(step("root", Compensatable, "root-done", "root-undone"))
        .step(step("left", Compensatable, "left-done", "left-undone").after(&["root"]))
        .step(step("right", Compensatable, "right-done", "right-undone").after(&["root"]))
        .step(step("turn", Pivot, "turned", "unturned").after(&["left", "right"]));
    let mut saga = SagaUnderTest::start(Definition::build(spec).unwrap());
    for fact in ["root-done", "left-done", "right-done"] {
        saga.hears(fact);
    }
    saga.cancel();
    assert_eq!(saga.sent(), ["unturned"]);
    saga.hears("unturned");
    assert_eq!(saga.sent(), ["right-undone", "left-undone"]);
    saga.hears("left-undone");
    assert!(saga.sent().is_empty(), "the root waits for both");
    saga.hears("right-undone");
    assert_eq!(saga.sent(), ["root-undone"]);
}

#[test]
fn cancelling_twice_is_told_from_cancelling_once() {
    let mut saga = SagaUnderTest::order(PAID);
    assert_eq!(saga.cancel(), Outcome::Accepted);
    assert_eq!(saga.cancel(), Outcome::Ignored(AlreadyCancelling));
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

// Rule 5: resending.

fn send(effect: &Effect) -> (&str, uuid::Uuid, u32) {
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
fn a_stale_timer_changes_nothing() {
    let mut saga = SagaUnderTest::order(PAID);
    assert_eq!(saga.wake(), Outcome::Ignored(NothingDue));
    saga.now = Time(-5);
    assert_eq!(saga.wake(), Outcome::Ignored(NothingDue));
}

// Rule 9: suspended and stuck.

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

// Rule 10 has a file of its own: operators.

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

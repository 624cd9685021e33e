//! Every way in which a table is no definition, and what a definition tells about itself.

use saga::AnsweredBy::Participant;
use saga::DeadlineAction::{Cancel, Escalate};
use saga::Kind::{self, Compensatable, Pivot, Retriable};
use saga::{
    CommandName, Definition, DefinitionError as Error, HandOver, Millis, Retry, Spec, Step,
};

use crate::common;

/// A step named after the command that it sends; before the pivot it has an undo.
fn step(name: &'static str, kind: Kind, after: &[&'static str]) -> Step {
    let fact: &'static str = format!("{name}-done").leak();
    let undone: &'static str = format!("{name}-undone").leak();
    let step = Step::command(name, kind, (name, "p"), Participant, fact).after(after);
    if kind == Retriable { step } else { step.undo(("undo", "p"), undone) }
}

fn check(steps: Vec<Step>, expected: Error) {
    let spec = Spec { steps, ..Spec::new("test", 1) };
    assert_eq!(Definition::build(spec).unwrap_err(), expected);
    assert!(!expected.to_string().is_empty());
}

#[test]
fn a_table_needs_steps_with_names_of_their_own() {
    check(vec![], Error::NoSteps);
    check(vec![step("", Retriable, &[])], Error::EmptyName(""));
    check(vec![step("a", Retriable, &[]).failed_by("", "slug")], Error::EmptyName("a"));
    check(vec![step("a", Pivot, &[]).undo(("", "p"), "undone")], Error::EmptyName("a"));
    check(vec![step("a", Pivot, &[]).undo(("undo", ""), "undone")], Error::EmptyName("a"));
    check(vec![step("a", Retriable, &[]), step("a", Retriable, &[])], Error::DuplicateStep("a"));
    let namesake = Step::command("b", Retriable, ("a", "q"), Participant, "b-done");
    check(vec![step("a", Retriable, &[]), namesake], Error::DuplicateCommand("b"));
    let echo = Step::command("b", Retriable, ("b", "p"), Participant, "a-done");
    check(vec![step("a", Retriable, &[]), echo], Error::DuplicateFact("b", "a-done"));
}

#[test]
fn a_fact_may_be_said_by_two_participants() {
    let other = Step::command("b", Retriable, ("b", "q"), Participant, "a-done");
    let spec = Spec::new("test", 1).step(step("a", Retriable, &[])).step(other);
    assert!(Definition::build(spec).is_ok());
}

#[test]
fn dependencies_exist_and_do_not_go_in_circles() {
    check(vec![step("a", Retriable, &["z"])], Error::UnknownDependency("a", "z"));
    check(vec![step("a", Retriable, &["a"])], Error::Cycle("a"));
    check(
        vec![
            step("a", Retriable, &[]),
            step("b", Retriable, &["a", "c"]),
            step("c", Retriable, &["b"]),
        ],
        Error::Cycle("b"),
    );
}

#[test]
fn the_pivot_parts_what_can_be_undone_from_what_cannot() {
    check(vec![step("a", Pivot, &[]), step("b", Pivot, &["a"])], Error::SecondPivot("b"));
    check(
        vec![step("a", Compensatable, &[]), step("b", Retriable, &["a"])],
        Error::MissingPivot("a"),
    );
    check(
        vec![step("a", Pivot, &[]), step("b", Compensatable, &["a"])],
        Error::CompensatableNotBeforePivot("b"),
    );
    check(
        vec![step("a", Pivot, &[]), step("b", Compensatable, &[])],
        Error::CompensatableNotBeforePivot("b"),
    );
    check(
        vec![step("a", Pivot, &[]), step("b", Retriable, &[])],
        Error::RetriableNotAfterPivot("b"),
    );
}

#[test]
fn each_kind_of_step_has_what_it_needs_and_nothing_else() {
    let bare = |kind| Step::command("a", kind, ("a", "p"), Participant, "a-done");
    check(vec![bare(Compensatable)], Error::MissingUndo("a"));
    check(vec![bare(Pivot)], Error::MissingUndo("a"));
    check(vec![bare(Retriable).undo(("u", "p"), "undone")], Error::UndoAfterPivot("a"));
    check(vec![bare(Pivot).undo(("u", "q"), "undone")], Error::UndoElsewhere("a"));
    check(vec![bare(Retriable).failed_by("no", "slug")], Error::FailureAfterPivot("a"));
    let soon = Millis(1);
    check(
        vec![bare(Retriable).deadline(soon, Cancel { reason: "late" })],
        Error::CancelAfterPivot("a"),
    );
    check(vec![step("a", Pivot, &[]).deadline(soon, Escalate)], Error::EscalateBeforePivot("a"));
    check(vec![bare(Retriable).deadline(Millis(0), Escalate)], Error::DeadlineNotPositive("a"));
    check(vec![step("a", Pivot, &[]).reopened_by("back")], Error::ReopenBeforePivot("a"));
    check(vec![step("a", Pivot, &[]).skippable()], Error::SkipBeforePivot("a"));
    let over = HandOver { fact: "back", definition: "other", reason: "back", recall: None };
    check(vec![step("a", Pivot, &[]).hands_over(over)], Error::HandOverBeforePivot("a"));
}

#[test]
fn a_wait_is_for_a_command_that_was_certainly_sent() {
    let waits = |command| Step::waits_on("w", command, "w-done");
    check(
        vec![step("a", Retriable, &[]), waits("z").after(&["a"])],
        Error::WaitWithoutCommand("w", "z"),
    );
    check(vec![step("a", Retriable, &[]), waits("a")], Error::WaitBeforeCommand("w", "a"));
    let early = Step { kind: Pivot, ..waits("a").after(&["a"]) };
    check(
        vec![step("a", Compensatable, &[]), early.undo(("u", "p"), "undone")],
        Error::WaitBeforePivot("w"),
    );
}

#[test]
fn retries_pause_and_give_up() {
    let sane = Retry::default();
    for retry in [
        Retry { first_pause: Millis(0), ..sane },
        Retry { cap: Millis(999), ..sane },
        Retry { limit: 0, ..sane },
    ] {
        let spec = Spec::new("test", 1).step(step("a", Retriable, &[])).retry(retry);
        assert_eq!(Definition::build(spec).unwrap_err(), Error::Retry);
    }
}

#[test]
fn a_definition_tells_its_commands_participants_and_defaults() {
    let order = common::order();
    let names: Vec<_> =
        order.commands().iter().map(|CommandName { command, .. }| *command).collect();
    assert_eq!(
        names,
        [
            "authorize-payment",
            "void-payment",
            "request-acceptance",
            "cancel-ticket",
            "prepare-food",
            "cancel-cooking",
            "capture-payment",
            "dispatch-delivery",
            "widen-search",
            "recall-delivery",
            "settle-stock",
        ]
    );
    assert_eq!(order.participants(), ["cook", "payment", "rider", "store"]);
    assert_eq!(order.participant("deliver"), Some("rider"));
    assert_eq!(order.participant("dance"), None);
    let settings = order.default_settings();
    assert_eq!(settings.deadline("pay"), Some(Millis(30_000)));
    assert_eq!(settings.deadline("capture"), None);
    assert_eq!(settings.retry, Retry::default());
}

//! Mutants of the saga engine. Rules are those of its documentation, by number.

use super::{
    Layer::{Engine, Model, Service, Simulation},
    Mutant,
};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "saga-asks-before-the-turn",
        breaks: "a step is asked for when all that it needs is done",
        caught_by: &[Engine, Simulation],
    },
    Mutant {
        name: "saga-lets-an-early-fact-unblock",
        breaks: "a fact that came early takes effect when its step's turn comes",
        caught_by: &[Engine, Service],
    },
    Mutant {
        name: "saga-drops-facts-that-come-early",
        breaks: "a fact for a step that is blocked is recorded as done, after the pivot",
        caught_by: &[Engine, Model, Simulation],
    },
    Mutant {
        name: "stuck-saga-asks-for-more",
        breaks: "a stuck saga asks for nothing new",
        caught_by: &[Engine],
    },
    Mutant {
        name: "suspended-saga-sends",
        breaks: "a suspended saga records facts and sends nothing",
        caught_by: &[Engine],
    },
    Mutant {
        name: "suspended-saga-wakes",
        breaks: "no timer of a suspended saga fires",
        caught_by: &[Engine],
    },
    Mutant {
        name: "saga-undoes-after-the-pivot",
        breaks: "after the pivot nothing is undone",
        caught_by: &[Engine, Model, Simulation],
    },
    Mutant {
        name: "saga-refuses-a-cancellation-in-silence",
        breaks: "a cancellation that came too late is refused aloud",
        caught_by: &[Engine],
    },
    Mutant {
        name: "saga-takes-silence-for-a-no",
        breaks: "an unknown outcome is no guess: what is in flight is revoked, and its participant decides",
        caught_by: &[Engine, Model, Simulation],
    },
    Mutant {
        name: "saga-undoes-in-any-order",
        breaks: "what is done is undone in reverse order, and only when a pivot in flight is decided",
        caught_by: &[Engine, Model],
    },
    Mutant {
        name: "saga-leaves-what-is-done",
        breaks: "what is done is undone",
        caught_by: &[Engine, Model, Simulation],
    },
    Mutant {
        name: "saga-ends-before-all-is-undone",
        breaks: "a saga is cancelled when the last step is undone",
        caught_by: &[Engine, Model, Simulation],
    },
    Mutant {
        name: "saga-is-deaf-to-a-pivot-that-it-revokes",
        breaks: "the pivot's participant decides the race between start and cancellation",
        caught_by: &[Engine, Model],
    },
    Mutant {
        name: "saga-is-deaf-to-late-refusals",
        breaks: "a refusal that arrives while its step is undone counts as undone",
        caught_by: &[Engine, Service],
    },
    Mutant {
        name: "saga-is-deaf-to-tombstones",
        breaks: "an undone fact says that what was asked for will never be",
        caught_by: &[Engine],
    },
    Mutant {
        name: "saga-sends-again-under-another-id",
        breaks: "a command that is sent again has the same identity",
        caught_by: &[Engine],
    },
    Mutant {
        name: "saga-reopens-under-the-same-id",
        breaks: "a step that is reopened asks under a new identity",
        caught_by: &[Engine],
    },
    Mutant {
        name: "saga-reopens-what-is-overtaken",
        breaks: "a release after the pickup is void",
        caught_by: &[Engine, Service],
    },
    Mutant {
        name: "saga-takes-in-what-is-stale",
        breaks: "a fact older than one that was heard changes nothing",
        caught_by: &[Engine, Service],
    },
    Mutant {
        name: "saga-takes-a-repeat-for-silence",
        breaks: "an answer that is given again is an answer",
        caught_by: &[Engine],
    },
    Mutant {
        name: "saga-hears-milestones-once-more",
        breaks: "a milestone takes effect once",
        caught_by: &[Engine],
    },
    Mutant {
        name: "saga-skips-milestones-that-it-missed",
        breaks: "a fact brings what was missed before it",
        caught_by: &[Engine, Model, Simulation],
    },
    Mutant {
        name: "saga-hears-facts-after-its-end",
        breaks: "an end is final",
        caught_by: &[Engine, Service],
    },
    Mutant {
        name: "saga-begins-without-its-cursors",
        breaks: "a saga that follows another goes on from what that one has heard",
        caught_by: &[Engine, Service, Model],
    },
    Mutant {
        name: "saga-does-not-back-off",
        breaks: "pauses between two sendings double",
        caught_by: &[Engine],
    },
    Mutant {
        name: "saga-backs-off-for-ever",
        breaks: "pauses between two sendings have a cap",
        caught_by: &[Engine],
    },
    Mutant {
        name: "saga-is-never-stuck",
        breaks: "after so many attempts without an answer an operator decides",
        caught_by: &[Engine],
    },
    Mutant {
        name: "saga-is-stuck-for-want-of-a-person",
        breaks: "who waits for a person is never stuck",
        caught_by: &[Engine],
    },
    Mutant {
        name: "saga-sends-again-what-still-lies-here",
        breaks: "nothing is sent again while it may lie in the own outbox",
        caught_by: &[Engine],
    },
    Mutant {
        name: "deadline-runs-for-what-was-not-sent",
        breaks: "no deadline runs out for what may not have been sent",
        caught_by: &[Engine, Model],
    },
    Mutant {
        name: "deadline-runs-while-nothing-is-heard",
        breaks: "no deadline runs out for an answer that could not be heard",
        caught_by: &[Engine, Model],
    },
    Mutant {
        name: "deadline-runs-while-suspended",
        breaks: "no deadline runs while a saga is suspended",
        caught_by: &[Engine],
    },
    Mutant {
        name: "deadline-outlives-its-step",
        breaks: "a deadline is of a step that waits",
        caught_by: &[Engine, Service],
    },
    Mutant {
        name: "deadline-is-always-due",
        breaks: "a timer that fires early changes nothing",
        caught_by: &[Engine],
    },
    Mutant {
        name: "deadline-has-no-effect",
        breaks: "a deadline that has passed begins to undo",
        caught_by: &[Engine, Model, Simulation],
    },
    Mutant {
        name: "operator-needs-no-name",
        breaks: "every action of an operator names its actor",
        caught_by: &[Engine],
    },
    Mutant {
        name: "operator-skips-any-step",
        breaks: "only steps that leave no money and no stock behind are skipped",
        caught_by: &[Engine],
    },
];

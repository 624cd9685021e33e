//! Mutants of the one path and of the databases below it.

use super::{
    Layer::{Database, Path, Simulation},
    Mutant,
};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "path-forgets-what-it-has-seen",
        breaks: "a message that comes again under its id changes nothing",
        caught_by: &[Path],
    },
    Mutant {
        name: "path-forgets-what-the-batch-has-seen",
        breaks: "a message that comes twice in a batch changes nothing the second time",
        caught_by: &[Path],
    },
    Mutant {
        name: "path-takes-any-commit-for-done",
        breaks: "a commit whose outcome is not known is done again",
        caught_by: &[Path, Simulation],
    },
    Mutant {
        name: "path-acknowledges-before-the-commit",
        breaks: "a message is acknowledged when it is committed",
        caught_by: &[Path, Simulation],
    },
    Mutant { name: "path-stores-any-version", breaks: "versions have no gaps", caught_by: &[Path] },
    Mutant {
        name: "path-numbers-messages-with-gaps",
        breaks: "the messages of an aggregate are numbered without gaps",
        caught_by: &[Path],
    },
    Mutant {
        name: "path-buries-the-batch-of-one-bad-message",
        breaks: "one message that cannot be stored is a dead letter, and the rest proceeds",
        caught_by: &[Path],
    },
    Mutant {
        name: "timer-is-never-brought-forward",
        breaks: "a timer fires when its aggregate wants to be woken",
        caught_by: &[Path],
    },
    Mutant {
        name: "timers-do-not-wait-for-messages",
        breaks: "after a start, messages that waited go before timers",
        caught_by: &[Path],
    },
    Mutant {
        name: "timers-run-while-nothing-is-heard",
        breaks: "timers wait while no message reaches the service",
        caught_by: &[Path],
    },
    Mutant {
        name: "orders-are-taken-whatever-waits",
        breaks: "new work is refused when the oldest message has waited too long",
        caught_by: &[Path],
    },
    Mutant {
        name: "sqlite-does-not-tell-what-was-seen",
        breaks: "the inbox tells what was seen",
        caught_by: &[Path, Database],
    },
    Mutant {
        name: "sqlite-does-not-tell-what-is-unsent",
        breaks: "a timer is told how old the outbox is",
        caught_by: &[Database],
    },
    Mutant {
        name: "postgres-does-not-tell-what-was-seen",
        breaks: "the inbox tells what was seen",
        caught_by: &[Database],
    },
];

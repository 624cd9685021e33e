//! The laws see mistakes: each is made on purpose, on the way out of a decision that is shipped, and
//! the law that it breaks is named, with how it came to that.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod one_order;
mod operators;
mod readers;
mod two_orders;

use contracts::{Command, CommandType, Message};
use model::{Bounds, Faults, Left, explore_until};
use runtime::Input;

fn command<R>(input: &Input<R>) -> Option<&Command> {
    match input {
        Input::Message(incoming) => match &incoming.message {
            Message::Command(command) => Some(command),
            Message::Event(_) => None,
        },
        Input::Request(_) | Input::Wake(_) => None,
    }
}

fn is<R>(input: &Input<R>, kind: CommandType) -> bool {
    command(input).is_some_and(|command| command.kind() == kind)
}

fn cancelled_once() -> Bounds {
    Bounds { left: Left { cancels: 1, ..Left::default() }, ..Bounds::default() }
}

/// Explores until the law is seen broken, and what led there is told.
#[track_caller]
fn check(bounds: Bounds, faults: Faults, law: &str, told: &str) {
    let found = explore_until(bounds, faults, law);
    println!("{} states\n{}", found.states, found.report());
    let broken = found.broken.iter().find(|(name, _)| name.starts_with(law));
    let (_, timeline) = broken.unwrap_or_else(|| panic!("{law} holds: {}", found.report()));
    assert!(timeline.contains(told), "{timeline}");
}

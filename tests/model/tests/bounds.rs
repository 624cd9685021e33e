//! One order, explored within bounds that grow: every state that there is, counted, and every law
//! in every one of them.

use model::{Bounds, Faults, Left, explore};

fn check(bounds: Bounds, states: usize) {
    let found = explore(bounds, Faults::default(), 2);
    let (orders, decisions) = found.orders;
    println!(
        "{} states, {} steps, {} deep; {orders} orders, {decisions} decisions about them: {bounds:?}",
        found.states, found.steps, found.depth
    );
    assert!(found.broken.is_empty(), "{}", found.report());
    assert_eq!(found.states, states, "as many states as before; a change is to be understood");
}

#[test]
fn all_goes_well() {
    check(Bounds::default(), 590);
}

#[test]
fn people_refuse_and_bring_back() {
    check(Bounds { refusals: true, returns: true, ..Bounds::default() }, 3_007);
}

#[test]
fn the_customer_cancels() {
    let left = Left { cancels: 1, ..Left::default() };
    check(Bounds { refusals: true, returns: true, left, ..Bounds::default() }, 20_269);
}

#[test]
fn a_deadline_passes_and_the_customer_cancels() {
    let left = Left { cancels: 1, deadlines: 1, ..Left::default() };
    check(Bounds { refusals: true, left, ..Bounds::default() }, 26_616);
}

#[test]
fn commands_and_messages_come_again() {
    let left = Left { resends: 1, repeats: 1, ..Left::default() };
    check(Bounds { left, ..Bounds::default() }, 68_855);
}

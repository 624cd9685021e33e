//! Mistakes that operators bring about.

use contracts::CommandType;
use model::{Bounds, Faults, Left};
use orchestrator::{Request, State, aggregates::order_key, sagas};
use runtime::{Content, Decision, Input, Outgoing, Reply, View};
use saga::Action;

use super::check;

fn operated_once() -> Bounds {
    Bounds { left: Left { operations: 1, ..Left::default() }, ..Bounds::default() }
}

/// The action, where an operator acts.
fn action(input: &Input<Request>) -> Option<&Action> {
    match input {
        Input::Request(Request::Operate(asked)) => Some(&asked.action),
        _ => None,
    }
}

/// Rule 10: once cooking has started, to compensate is refused.
fn compensates_at_any_time(
    input: &Input<Request>,
    view: &View<'_, State>,
    decision: Decision<State>,
) -> Decision<State> {
    let Input::Request(Request::Operate(asked)) = input else { return decision };
    if asked.action != Action::Compensate || !matches!(decision.reply, Reply::Refused(_)) {
        return decision;
    }
    let key = order_key(&asked.order_id);
    let Some(order) = view.get(&key).and_then(State::as_order) else { return decision };
    let mut order = order.clone();
    order.version += 1;
    let command = sagas::payload(&order, CommandType::VoidPayment);
    let command_id = contracts::CommandId(uuid::Uuid::from_u128(9));
    let content = Content::Command { command, command_id };
    Decision {
        messages: vec![Outgoing { about: key.clone(), content, saga: None }],
        saves: vec![(key, State::Order(Box::new(order)))],
        ..Decision::default()
    }
}

#[test]
fn an_orchestrator_that_compensates_after_the_point_of_no_return() {
    let faults = Faults { orchestrator: Some(compensates_at_any_time), ..Faults::default() };
    let told = "payment hears void-payment; payment's payment: voided";
    check(operated_once(), faults, "I4: what cooks", told);
}

/// Rule 9: what was halted goes on when an operator says so.
fn never_resumes(
    input: &Input<Request>,
    _: &View<'_, State>,
    decision: Decision<State>,
) -> Decision<State> {
    if action(input) == Some(&Action::Resume) { Decision::default() } else { decision }
}

#[test]
fn an_orchestrator_that_never_resumes() {
    let faults = Faults { orchestrator: Some(never_resumes), ..Faults::default() };
    check(operated_once(), faults, "I3", "an operator suspends the saga");
}

/// Rule 10: every action is in the history.
fn leaves_operators_out(
    input: &Input<Request>,
    _: &View<'_, State>,
    mut decision: Decision<State>,
) -> Decision<State> {
    if action(input).is_some() && !decision.history.is_empty() {
        decision.history.remove(0);
    }
    decision
}

#[test]
fn an_orchestrator_that_leaves_an_operator_out_of_its_history() {
    let faults = Faults { orchestrator: Some(leaves_operators_out), ..Faults::default() };
    check(operated_once(), faults, "I5", "an operator");
}

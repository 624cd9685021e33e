//! Mistakes that one order shows.

use std::convert::Infallible;

use contracts::{Command, CommandType, Event, Message};
use cook::domain::Ticket;
use model::{Bounds, Faults, Left};
use orchestrator::{Orchestrator, State};
use payment::OrderPayment;
use runtime::{Content, Decision, Input, Reply, Service, View};
use store::StoreAggregate;

use super::{cancelled_once, check, command, is};

/// Rule 4: the command that an undo has overtaken is never executed.
fn cooks_what_was_cancelled(
    input: &Input<cook::Request>,
    view: &View<'_, Ticket>,
    decision: Decision<Ticket>,
) -> Decision<Ticket> {
    let Some(Command::PrepareFood(asked)) = command(input) else { return decision };
    let key = cook::aggregates::ticket_key(&asked.order_id);
    let cancelled = |it: &&Ticket| it.state == cook::domain::State::Cancelled;
    let Some(ticket) = view.get(&key).filter(cancelled) else { return decision };
    let mut ticket = ticket.clone();
    ticket.state = cook::domain::State::Queued;
    ticket.record.touch();
    Decision { saves: vec![(key, ticket)], ..Decision::default() }
}

#[test]
fn a_cook_who_executes_a_command_that_its_undo_has_overtaken() {
    let faults = Faults { cook: Some(cooks_what_was_cancelled), ..Faults::default() };
    check(cancelled_once(), faults, "I6", "cook hears prepare-food; cook's ticket: queued");
    check(cancelled_once(), faults, "I4", "the cook starts");
}

/// Rule 4: an undo is always answered undone.
fn is_deaf_to_undos(
    input: &Input<Infallible>,
    _: &View<'_, OrderPayment>,
    decision: Decision<OrderPayment>,
) -> Decision<OrderPayment> {
    if is(input, CommandType::VoidPayment) { Decision::ignored("deaf") } else { decision }
}

#[test]
fn a_payment_that_is_deaf_to_undos() {
    let faults = Faults { payment: Some(is_deaf_to_undos), ..Faults::default() };
    check(cancelled_once(), faults, "I3", "the customer cancels");
}

fn forgets_its_pieces(
    input: &Input<store::Request>,
    _: &View<'_, StoreAggregate>,
    mut decision: Decision<StoreAggregate>,
) -> Decision<StoreAggregate> {
    if is(input, CommandType::CancelTicket) {
        decision.saves.retain(|(_, saved)| saved.menu_item().is_none());
    }
    decision
}

#[test]
fn a_store_that_forgets_what_a_cancelled_ticket_held() {
    let faults = Faults { store: Some(forgets_its_pieces), ..Faults::default() };
    check(cancelled_once(), faults, "I2", "store hears cancel-ticket");
}

/// Rule 2: what is done is undone.
fn never_cancels_tickets(
    _: &Input<orchestrator::Request>,
    _: &View<'_, State>,
    mut decision: Decision<State>,
) -> Decision<State> {
    let undo = |content: &Content| {
        let kind = CommandType::CancelTicket;
        matches!(content, Content::Command { command, .. } if command.kind() == kind)
    };
    decision.messages.retain(|message| !undo(&message.content));
    decision
}

#[test]
fn an_orchestrator_that_never_cancels_tickets() {
    let faults = Faults { orchestrator: Some(never_cancels_tickets), ..Faults::default() };
    check(cancelled_once(), faults, "I3", "order.accept: undoing");
}

fn leaves_a_line_out(
    _: &Input<orchestrator::Request>,
    _: &View<'_, State>,
    mut decision: Decision<State>,
) -> Decision<State> {
    if decision.history.len() > 2 && matches!(decision.reply, Reply::None) {
        decision.history.remove(1);
    }
    decision
}

#[test]
fn an_orchestrator_that_leaves_out_a_line_of_its_history() {
    let faults = Faults { orchestrator: Some(leaves_a_line_out), ..Faults::default() };
    check(Bounds::default(), faults, "I5", "!! Version");
}

/// The engine's cursors: a fact that is older than one that was heard changes nothing.
fn takes_in_what_is_stale(
    input: &Input<orchestrator::Request>,
    view: &View<'_, State>,
    decision: Decision<State>,
) -> Decision<State> {
    let (Some("stale"), Input::Message(incoming)) = (decision.ignored, input) else {
        return decision;
    };
    let Message::Event(Event::Fact(_, fact)) = &incoming.message else { return decision };
    let key = orchestrator::aggregates::order_key(&fact.order_id);
    let Some(order) = view.get(&key).and_then(State::as_order) else { return decision };
    let mut order = order.clone();
    order.version += 1;
    Decision { saves: vec![(key, State::Order(Box::new(order)))], ..Decision::default() }
}

#[test]
fn an_orchestrator_that_takes_in_what_is_stale() {
    let faults = Faults { orchestrator: Some(takes_in_what_is_stale), ..Faults::default() };
    check(Bounds::default(), faults, "I8", "!! OutOfOrder");
}

/// Rule 8: a deadline does not run out for a command that may not have left.
fn cancels_what_was_never_asked(
    input: &Input<orchestrator::Request>,
    view: &View<'_, State>,
    decision: Decision<State>,
) -> Decision<State> {
    let Input::Wake(key) = input else { return decision };
    let Some(order) = view.get(key).filter(|_| view.oldest_unsent(key).is_some()) else {
        return decision;
    };
    let (states, sent) = ([(key.clone(), order.clone())].into(), [].into());
    let hasty = Orchestrator::new(orchestrator::Settings::default());
    hasty.decide(input, &View::new(&states, &sent), model::clocks::NOW)
}

#[test]
fn an_orchestrator_that_cancels_what_its_own_outbox_holds() {
    let faults = Faults { orchestrator: Some(cancels_what_was_never_asked), ..Faults::default() };
    let left = Left { deadlines: 1, ..Left::default() };
    check(Bounds { left, ..Bounds::default() }, faults, "what is decided", "!! Hasty");
}

/// Rule 4: a void waits for the gateway's outcome, so that must be heard.
fn never_hears_its_gateway(
    input: &Input<Infallible>,
    _: &View<'_, OrderPayment>,
    decision: Decision<OrderPayment>,
) -> Decision<OrderPayment> {
    if matches!(input, Input::Wake(_)) { Decision::ignored("deaf") } else { decision }
}

#[test]
fn a_payment_that_never_hears_its_gateway() {
    let faults = Faults { payment: Some(never_hears_its_gateway), ..Faults::default() };
    check(Bounds { token: "tok-slow", ..Bounds::default() }, faults, "I3", "");
}

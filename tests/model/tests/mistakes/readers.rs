//! Mistakes of subscribers.

use std::convert::Infallible;

use contracts::{Event, Message, ServiceName};
use model::{Bounds, Faults};
use mypage::{aggregates::order_key, fold};
use notification::{aggregates::Kept, message};
use runtime::{Decision, Input, View};

use super::check;

fn read_by(listener: ServiceName) -> Bounds {
    Bounds { listener: Some(listener), ..Bounds::default() }
}

/// A fact that is older than what is shown puts the order back.
fn believes_what_came_last(
    input: &Input<Infallible>,
    view: &View<'_, fold::Order>,
    decision: Decision<fold::Order>,
) -> Decision<fold::Order> {
    let (Some(_), Input::Message(incoming)) = (decision.ignored, input) else { return decision };
    let Message::Event(Event::Fact(kind, fact)) = &incoming.message else { return decision };
    let key = order_key(&fact.order_id);
    let mut order = view.get(&key).unwrap().clone();
    let progress = order.progress.get_mut(&kind.source()).unwrap();
    progress.milestones.clone_from(&fact.milestones);
    order.version += 1;
    Decision { saves: vec![(key, order)], ..Decision::default() }
}

#[test]
fn a_page_that_goes_back() {
    let faults = Faults { mypage: Some(believes_what_came_last), ..Faults::default() };
    check(read_by(ServiceName::Mypage), faults, "I8", "!! WentBack");
}

fn is_deaf_to_cooks(
    input: &Input<Infallible>,
    _: &View<'_, fold::Order>,
    decision: Decision<fold::Order>,
) -> Decision<fold::Order> {
    let from_cook =
        matches!(input, Input::Message(incoming) if incoming.source == ServiceName::Cook);
    if from_cook { Decision::ignored("deaf") } else { decision }
}

#[test]
fn a_page_that_misses_a_fact() {
    let faults = Faults { mypage: Some(is_deaf_to_cooks), ..Faults::default() };
    check(read_by(ServiceName::Mypage), faults, "I7", "mypage hears cook-started");
}

/// Each moment is told once.
fn repeats_itself(
    _: &Input<notification::Request>,
    _: &View<'_, Kept>,
    mut decision: Decision<Kept>,
) -> Decision<Kept> {
    for (_, saved) in &mut decision.saves {
        if let Kept::Message(it) = saved
            && it.moment == "accepted"
        {
            "placed".clone_into(&mut it.moment);
            it.key = message::key(&it.order_id, &it.moment, &it.recipient);
        }
    }
    decision
}

#[test]
fn a_notification_that_repeats_itself() {
    let faults = Faults { notification: Some(repeats_itself), ..Faults::default() };
    check(read_by(ServiceName::Notification), faults, "I8", "!! WentBack");
}

/// What came of an order is told last.
fn misses_the_end(
    input: &Input<notification::Request>,
    _: &View<'_, Kept>,
    decision: Decision<Kept>,
) -> Decision<Kept> {
    let Input::Message(incoming) = input else { return decision };
    let end = match &incoming.message {
        Message::Event(Event::OrderCompleted(_)) => true,
        Message::Event(Event::Fact(kind, _)) => kind.source() == ServiceName::Rider,
        _ => false,
    };
    if end { Decision::ignored("deaf") } else { decision }
}

#[test]
fn a_notification_that_misses_the_end() {
    let faults = Faults { notification: Some(misses_the_end), ..Faults::default() };
    check(read_by(ServiceName::Notification), faults, "I7", "notification hears order-completed");
}

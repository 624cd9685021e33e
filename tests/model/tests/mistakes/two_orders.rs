//! Mistakes that only two orders show.

use std::collections::HashMap;

use contracts::CommandType;
use model::{Bounds, Faults, PIECES};
use rider::{
    aggregates::{Kept, delivery_key, load_key, rider_key},
    domain::Act,
};
use runtime::{Decision, Input, Key, Reply, Service, View};
use store::{
    StoreAggregate,
    aggregates::{menu_item_key, ticket_key},
};

use super::{cancelled_once, check, is};

fn two() -> Bounds {
    Bounds { orders: 2, ..Bounds::default() }
}

/// What the service would decide if these were stored.
fn decided<S: Service>(
    service: &S,
    input: &Input<S::Request>,
    states: Vec<(Key, S::State)>,
) -> Decision<S::State> {
    let (states, sent): (HashMap<_, _>, _) = (states.into_iter().collect(), HashMap::new());
    service.decide(input, &View::new(&states, &sent), model::clocks::NOW)
}

/// The store does not see that the pieces are another order's.
fn sells_the_last_portion_twice(
    input: &Input<store::Request>,
    view: &View<'_, StoreAggregate>,
    decision: Decision<StoreAggregate>,
) -> Decision<StoreAggregate> {
    let Input::Request(store::Request::Answer { order_id, accepted: true, .. }) = input else {
        return decision;
    };
    let key = ticket_key(order_id);
    let Some(ticket) = view.get(&key).filter(|_| matches!(decision.reply, Reply::Refused(_)))
    else {
        return decision;
    };
    let asked = ticket.ticket().and_then(|ticket| ticket.asked.as_ref()).unwrap();
    let shelf = menu_item_key(&asked.store_id, &asked.items[0].menu_id);
    let Some(item) = view.get(&shelf).and_then(StoreAggregate::menu_item) else { return decision };
    let mut item = item.clone();
    (item.on_hand, item.reserved) = (PIECES, 0);
    let states = vec![(key, ticket.clone()), (shelf, StoreAggregate::MenuItem(Box::new(item)))];
    decided(&store::Store::default(), input, states)
}

#[test]
fn a_store_that_sells_the_last_portion_twice() {
    let faults = Faults { store: Some(sells_the_last_portion_twice), ..Faults::default() };
    check(two(), faults, "I2", "store's ticket o2: accepted");
}

/// The rider service does not look at how much somebody may carry.
fn has_no_end_of_hands(
    input: &Input<rider::Request>,
    view: &View<'_, Kept>,
    decision: Decision<Kept>,
) -> Decision<Kept> {
    let Input::Request(rider::Request::Act { order_id, rider_id, act: Act::Claim, .. }) = input
    else {
        return decision;
    };
    if !matches!(decision.reply, Reply::Refused(_)) {
        return decision;
    }
    let keys = [delivery_key(order_id), rider_key(rider_id), load_key(rider_id)];
    let stored = keys.into_iter().filter_map(|key| Some((key.clone(), view.get(&key)?.clone())));
    let strong = stored.map(|(key, kept)| match kept {
        Kept::Rider(rider) => (key, Kept::Rider(rider::domain::RiderRow { capacity: 9, ..rider })),
        other => (key, other),
    });
    decided(&rider::Rider::default(), input, strong.collect())
}

#[test]
fn a_rider_who_carries_more_than_they_may() {
    let faults = Faults { rider: Some(has_no_end_of_hands), ..Faults::default() };
    let bounds = Bounds { stock: 2 * PIECES, ..two() };
    check(bounds, faults, "I2", "the rider claims the delivery of o2");
}

/// A cancelled order takes the other one's pieces with it.
fn gives_back_too_much(
    input: &Input<store::Request>,
    _: &View<'_, StoreAggregate>,
    mut decision: Decision<StoreAggregate>,
) -> Decision<StoreAggregate> {
    if is(input, CommandType::CancelTicket) {
        let items = decision.saves.iter_mut().filter_map(|(_, saved)| match saved {
            StoreAggregate::MenuItem(item) => Some(item),
            StoreAggregate::Ticket(_) => None,
        });
        for item in items {
            item.on_hand += item.reserved;
            item.reserved = 0;
        }
    }
    decision
}

#[test]
fn a_store_that_gives_back_another_orders_pieces() {
    let faults = Faults { store: Some(gives_back_too_much), ..Faults::default() };
    let bounds = Bounds { stock: 2 * PIECES, ..cancelled_once() };
    check(Bounds { orders: 2, ..bounds }, faults, "I2", "store hears cancel-ticket of o");
}

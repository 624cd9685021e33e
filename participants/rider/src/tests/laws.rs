//! What holds for any sequence of inputs.

use std::collections::HashMap;

use contracts::{EventType as E, Record};
use proptest::prelude::*;
use runtime::Input;

use super::world::{World, cooked, dispatch, does, enter, placed, recall, told, widen};
use crate::{
    Request,
    aggregates::Kept,
    domain::{Act, State},
};

const ORDERS: [&str; 4] = ["o1", "o2", "o3", "o4"];
const RIDERS: [&str; 3] = ["r1", "r2", "off"];

fn any_input() -> impl Strategy<Value = Input<Request>> {
    let order = || prop::sample::select(ORDERS.to_vec());
    let rider = || prop::sample::select(RIDERS.to_vec());
    let act = prop::sample::select(Act::ALL.to_vec());
    let heard: Vec<fn(&str) -> Input<Request>> =
        vec![placed, cooked, dispatch, dispatch, widen, recall];
    prop_oneof![
        4 => (prop::sample::select(heard), order()).prop_map(|(heard, id)| heard(id)),
        5 => (rider(), act, order()).prop_map(|(who, act, id)| does(who, act, id)),
        1 => (rider(), any::<bool>(), 1_usize..4)
            .prop_map(|(who, on_duty, capacity)| enter(who, "d1", on_duty, capacity)),
    ]
}

/// Every delivery is placed and asked for at the start, so that riders have something to do.
fn busy() -> World {
    let inputs = ORDERS.iter().flat_map(|id| [placed(id), dispatch(id), cooked(id)]);
    World::new().given(&inputs.collect::<Vec<_>>())
}

/// What happened to a delivery can be read as one rider's doings after another's.
fn one_rider_at_a_time(record: &Record) -> bool {
    let mut holder = None;
    let mut ended = false;
    record.milestones.iter().all(|milestone| {
        let rider = milestone.data.rider_id.clone();
        let fits = !ended
            && match milestone.kind {
                E::RiderAssigned => holder.is_none() && rider.is_some(),
                E::RiderReleased | E::FoodPicked | E::DeliveryConfirmed | E::DeliveryReturned => {
                    holder == rider
                }
                _ => false,
            };
        match milestone.kind {
            E::RiderAssigned => holder = rider,
            E::RiderReleased => holder = None,
            E::DeliveryConfirmed | E::DeliveryReturned => ended = true,
            _ => {}
        }
        fits
    })
}

proptest! {
    #[test]
    fn nobody_carries_too_much_and_nothing_is_carried_twice(
        inputs in prop::collection::vec(any_input(), 1..80),
        start_busy in any::<bool>(),
    ) {
        let mut world = if start_busy { busy() } else { World::new() };
        let mut facts: HashMap<String, u64> = HashMap::new();
        for input in &inputs {
            let before = world.clone();
            let decision = world.take(input);
            let news = told(&world, &decision);
            for (key, state) in &decision.saves {
                let Kept::Delivery(after) = state else { continue };
                let record = before.states.get(key).and_then(Kept::delivery);
                let record = record.map(|it| it.record.clone()).unwrap_or_default();
                prop_assert_eq!(after.record.sequence, record.sequence + 1);
                prop_assert!(after.record.milestones.starts_with(&record.milestones));
                let happened = after.record.milestones.len() > record.milestones.len();
                prop_assert_eq!(happened, news.is_some_and(|(kind, _)| kind.is_fact()));
                prop_assert!(one_rider_at_a_time(&after.record), "{:?}", after.record);
                // What is told grows with every change.
                let last = facts.insert(key.to_string(), after.record.sequence);
                prop_assert!(last < Some(after.record.sequence));
            }
            for id in RIDERS {
                let carried = ORDERS
                    .iter()
                    .filter_map(|order| world.delivery(order))
                    .filter(|it| it.state.carried() && it.is_of(&super::world::rider(id)))
                    .count();
                prop_assert_eq!(carried, world.carries(id), "hands and deliveries agree");
                prop_assert!(carried <= world.rider(id).map_or(0, |rider| rider.capacity));
            }
            for order in ORDERS {
                let Some(it) = world.delivery(order) else { continue };
                prop_assert!(!it.state.on_offer() || it.address.is_some() && it.rider_id.is_none());
                prop_assert!(!it.state.carried() || it.rider_id.is_some());
                let ended = |world: &World| {
                    let state = world.delivery(order).map(|it| it.state);
                    state.filter(|it| matches!(it, State::Delivered | State::Returned))
                };
                prop_assert!(ended(&before).is_none() || ended(&before) == ended(&world));
            }
        }
    }

    #[test]
    fn what_is_told_twice_changes_nothing(
        inputs in prop::collection::vec(any_input(), 0..30),
        last in any_input(),
    ) {
        let mut world = busy();
        for input in inputs.iter().chain([&last]) {
            world.take(input);
        }
        let again = world.take(&last);
        prop_assert!(again.saves.is_empty(), "{:?} changed {:?}", last, again.saves);
    }
}

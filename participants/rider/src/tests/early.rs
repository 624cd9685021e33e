//! Facts and commands in every order, and who is told of an offer.

use contracts::{Command, Event, EventType as E, command::OrderOnly, event::DeliveryOffered};
use runtime::{Content, Decision, Input};

use super::world::{
    World, command, cooked, dispatch, does, enter, map, order, placed, placed_in, recall, told,
    widen,
};
use crate::{
    Request,
    aggregates::{Kept, delivery_key},
    domain::Act,
    holding,
};

fn orders_of(inputs: &[Input<Request>]) -> Vec<Vec<Input<Request>>> {
    if inputs.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for index in 0..inputs.len() {
        let mut rest = inputs.to_vec();
        let first = rest.remove(index);
        all.extend(orders_of(&rest).into_iter().map(|tail| [vec![first.clone()], tail].concat()));
    }
    all
}

fn offer(decision: &Decision<Kept>) -> Option<&DeliveryOffered> {
    match &decision.messages.first()?.content {
        Content::Event { event: Event::DeliveryOffered(offer), .. } => Some(offer),
        _ => None,
    }
}

fn names<T: ToString>(ids: &[T]) -> Vec<String> {
    ids.iter().map(T::to_string).collect()
}

#[test]
fn early_facts_come_to_the_same_in_any_order() {
    let inputs = [placed("o1"), cooked("o1"), dispatch("o1"), widen("o1")];
    for order in orders_of(&inputs) {
        let mut world = World::new();
        let mut offers = Vec::new();
        for input in &order {
            let decision = world.take(input);
            offers.extend(offer(&decision).cloned());
            // Each is heard twice, as a broker may deliver it.
            let again = world.take(input);
            assert!(again.saves.is_empty() && again.messages.is_empty(), "{order:?}");
        }
        offers.extend(world.ring("o1").iter().filter_map(offer).cloned());
        let delivery = world.delivery("o1").unwrap();
        assert_eq!(delivery.state.as_str(), "offered_wide", "{order:?}");
        assert!(delivery.food_ready && (1..=2).contains(&offers.len()), "{order:?}");
        assert_eq!(names(&offers.last().unwrap().riders), ["r1", "r2"], "{order:?}");
        assert_eq!(names(&delivery.districts()), ["d1", "d2"], "{order:?}");
        let done = [Act::Claim, Act::Pickup, Act::Confirm].map(|act| does("r1", act, "o1"));
        assert_eq!(world.given(&done).state("o1"), "delivered");
    }
}

#[test]
fn without_people_an_order_arrives_whatever_comes_first() {
    for order in orders_of(&[placed("o1"), cooked("o1"), dispatch("o1")]) {
        let mut world = World::auto();
        let mut facts = Vec::new();
        for input in &order {
            let decision = world.take(input);
            facts.extend(told(&world, &decision).map(|(kind, _)| kind));
        }
        let delivery = world.delivery("o1").unwrap();
        let kinds: Vec<E> = delivery.record.milestones.iter().map(|it| it.kind).collect();
        assert_eq!(kinds, [E::RiderAssigned, E::FoodPicked, E::DeliveryConfirmed], "{order:?}");
        assert!(
            delivery.record.milestones.iter().all(|it| {
                it.data.rider_id.as_ref().is_some_and(|rider| rider.as_str() == "auto")
            })
        );
        // Assigned at once, where the food is still being cooked; one version each.
        let last_is_food = matches!(&order[2], Input::Message(it) if it.source.as_str() == "cook");
        let expected: &[E] = if last_is_food {
            &[E::RiderAssigned, E::DeliveryConfirmed]
        } else {
            &[E::DeliveryConfirmed]
        };
        assert_eq!(facts, expected, "{order:?}");
        assert_eq!(delivery.record.sequence, 3, "{order:?}");
    }
}

#[test]
fn an_offer_names_the_riders_on_duty_near_the_address() {
    let mut world = World::new().given(&[enter("r3", "d1", true, 1), placed("o1")]);
    let decision = world.take(&dispatch("o1"));
    let first = offer(&decision).unwrap();
    assert_eq!(
        (names(&first.districts), names(&first.riders)),
        (vec!["d1".to_owned()], vec!["r1".to_owned(), "r3".to_owned()])
    );
    assert_eq!(
        (first.order_id.clone(), first.address.line.as_str()),
        (order("o1"), "1 Main Street")
    );

    let decision = world.take(&widen("o1"));
    let wider = offer(&decision).unwrap();
    assert_eq!(names(&wider.districts), ["d1", "d2"]);
    assert_eq!(names(&wider.riders), ["r1", "r2", "r3"]);
    // Told again, nothing is new.
    assert_eq!(told(&world, &world.clone().take(&widen("o1"))), None);
}

#[test]
fn riders_of_neighbours_that_are_new_are_told_too() {
    type Offered<'a> = (&'a [&'a str], &'a [&'a str]);
    type Case<'a> = (&'a str, Vec<Input<Request>>, &'a [Offered<'a>]);
    const NEAR: Offered<'_> = (&["d1"], &["r1"]);
    const WIDE: Offered<'_> = (&["d1", "d2"], &["r1", "r2"]);
    const NEW: Offered<'_> = (&["d1", "d2", "d3"], &["r1", "r2", "r3"]);
    let ask = || vec![placed("o1"), dispatch("o1")];
    let more = || map("d1", &["d2", "d3"]);
    let cases: [Case<'_>; 9] = [
        ("no change", [ask(), vec![widen("o1")]].concat(), &[NEAR, WIDE]),
        ("before it is widened", [ask(), vec![more(), widen("o1")]].concat(), &[NEAR, WIDE, NEW]),
        (
            "after it was widened",
            [ask(), vec![widen("o1"), more(), widen("o1")]].concat(),
            &[NEAR, WIDE, NEW],
        ),
        (
            "others once more before the timer",
            [ask(), vec![map("d1", &["d3"]), widen("o1"), more()]].concat(),
            &[NEAR, (&["d1", "d3"], &["r1", "r3"]), NEW],
        ),
        (
            "no neighbour any more before the timer",
            [ask(), vec![more(), widen("o1"), map("d1", &["d2"])]].concat(),
            &[NEAR, WIDE],
        ),
        (
            "widened again before the timer",
            [ask(), vec![more(), widen("o1"), widen("o1")]].concat(),
            &[NEAR, WIDE, NEW],
        ),
        ("widened first", vec![widen("o1"), dispatch("o1"), placed("o1")], &[NEAR, WIDE]),
        (
            "released, and asked for again",
            [
                ask(),
                vec![widen("o1"), does("r1", Act::Claim, "o1"), more()],
                vec![does("r1", Act::Release, "o1"), dispatch("o1")],
            ]
            .concat(),
            &[NEAR, WIDE, WIDE, NEW],
        ),
        (
            "claimed before the timer",
            [ask(), vec![more(), widen("o1"), does("r1", Act::Claim, "o1")]].concat(),
            &[NEAR, WIDE],
        ),
    ];
    for (case, inputs, expected) in cases {
        let mut world = World::new().given(&[enter("r3", "d3", true, 3)]);
        let mut decisions: Vec<_> = inputs.iter().map(|input| world.take(input)).collect();
        decisions.extend(world.ring("o1"));
        let offers: Vec<_> = decisions.iter().filter_map(offer).collect();
        let told: Vec<_> =
            offers.iter().map(|it| (names(&it.districts), names(&it.riders))).collect();
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let expected: Vec<_> =
            expected.iter().map(|(districts, riders)| (owned(districts), owned(riders))).collect();
        assert_eq!(told, expected, "{case}");
    }
}

#[test]
fn a_timer_that_nothing_waits_for_changes_nothing() {
    for inputs in [vec![], vec![placed("o1")], vec![placed("o1"), dispatch("o1")]] {
        let mut world = World::new().given(&inputs);
        let decision = world.take(&Input::Wake(delivery_key(&order("o1"))));
        assert_eq!(decision.ignored, Some("stale-timer"));
        assert!(decision.saves.is_empty());
    }
}

#[test]
fn an_offer_in_a_district_that_nobody_entered_is_an_offer_all_the_same() {
    let mut world = World::new().given(&[placed_in("o1", "far")]);
    let decision = world.take(&dispatch("o1"));
    let offer = offer(&decision).unwrap();
    assert_eq!((names(&offer.districts), names(&offer.riders)), (vec!["far".to_owned()], vec![]));
}

#[test]
fn what_is_not_the_riders_is_a_dead_letter() {
    let only = OrderOnly { order_id: order("o1") };
    let decision = World::new().take(&command(Command::CancelCooking(only)));
    assert!(decision.dead_letter.is_some() && decision.saves.is_empty());
}

#[test]
fn only_what_was_asked_for_and_has_not_ended_is_active() {
    let ask = [placed("o1"), dispatch("o1")];
    let ended = [&ask[..], &[recall("o1")]].concat();
    for (inputs, active) in [
        (vec![placed("o1")], false),
        (vec![dispatch("o1")], true),
        (ask.to_vec(), true),
        (ended, false),
    ] {
        let world = World::new().given(&inputs);
        let held = holding(world.delivery("o1").unwrap());
        assert_eq!(held.active, active, "{}", held.state);
        assert_eq!(usize::try_from(held.version).unwrap(), inputs.len());
    }
}

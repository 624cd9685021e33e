//! Riders, what they may carry, and the districts' rosters.

use runtime::Reply;

use super::world::{
    World, cooked, dispatch, district, does, enter, map, on_duty, placed, recall, refused, rider,
};
use crate::{
    aggregates::{Kept, district_key},
    domain::{Act, DistrictRow},
};

fn offered(world: World, orders: &[&str]) -> World {
    orders.iter().fold(world, |world, id| world.given(&[placed(id), dispatch(id), cooked(id)]))
}

fn roster(world: &World, id: &str) -> Vec<String> {
    let row = world.states.get(&district_key(&district(id))).and_then(Kept::district);
    row.map(|row| row.roster.iter().map(ToString::to_string).collect()).unwrap_or_default()
}

#[test]
fn a_rider_carries_at_most_what_they_may_until_hands_are_free() {
    let r1 = |act, id| does("r1", act, id);
    let full = offered(World::new().given(&[enter("r1", "d1", true, 1)]), &["o1", "o2"])
        .given(&[r1(Act::Claim, "o1")]);
    let pickup = r1(Act::Pickup, "o1");
    for (inputs, free) in [
        (vec![], false),
        (vec![pickup.clone()], false),
        (vec![r1(Act::Release, "o1")], true),
        (vec![recall("o1")], true),
        (vec![pickup.clone(), r1(Act::Confirm, "o1")], true),
        (vec![pickup, r1(Act::Return, "o1")], true),
    ] {
        let mut world = full.clone().given(&inputs);
        let problem = refused(&world.take(&r1(Act::Claim, "o2")));
        assert_eq!(problem.as_deref(), if free { None } else { Some("rider-full") }, "{inputs:?}");
        assert_eq!(world.carries("r1"), 1, "{inputs:?}");
    }
}

#[test]
fn who_may_not_claim() {
    for (who, slug) in [("off", "off-duty"), ("nobody", "not-found")] {
        let mut world = offered(World::new(), &["o1"]);
        assert_eq!(refused(&world.take(&does(who, Act::Claim, "o1"))).as_deref(), Some(slug));
    }
}

#[test]
fn off_duty_a_rider_ends_what_they_carry() {
    let world = offered(World::new(), &["o1"]).given(&[
        does("r1", Act::Claim, "o1"),
        enter("r1", "d1", false, 3),
        does("r1", Act::Pickup, "o1"),
        does("r1", Act::Confirm, "o1"),
    ]);
    assert_eq!((world.state("o1"), world.carries("r1")), ("delivered", 0));
}

#[test]
fn capacity_is_not_lowered_below_what_is_carried() {
    let mut world = offered(World::new(), &["o1", "o2"])
        .given(&[does("r1", Act::Claim, "o1"), does("r1", Act::Claim, "o2")]);
    let problem = refused(&world.take(&enter("r1", "d1", true, 1)));
    assert_eq!(problem.as_deref(), Some("capacity-too-low"));
    let world = world.given(&[enter("r1", "d1", true, 2)]);
    assert_eq!(world.rider("r1").unwrap().capacity, 2);
}

#[test]
fn a_capacity_that_is_not_named_stays_as_it_is() {
    let ids = ["o1", "o2", "o3", "o4"];
    let claims = ids.map(|id| does("r1", Act::Claim, id));
    let world = offered(World::new().given(&[enter("r1", "d1", true, 5)]), &ids).given(&claims);
    let mut world = world.given(&[on_duty("r1", "d1", false)]);
    let r1 = world.rider("r1").unwrap();
    assert_eq!((r1.on_duty, r1.capacity, world.carries("r1")), (false, 5, 4));
    assert!(world.take(&on_duty("r1", "d1", false)).saves.is_empty(), "a repeat changes nothing");
    let world = world.given(&[on_duty("new", "d1", true)]);
    assert_eq!(world.rider("new").unwrap().capacity, 3);
}

#[test]
fn a_roster_follows_its_riders() {
    for (entered, first, second) in [
        (enter("r1", "d1", true, 3), vec!["r1"], vec!["r2"]),
        (enter("r1", "d1", false, 3), vec![], vec!["r2"]),
        (enter("r1", "d2", true, 3), vec![], vec!["r1", "r2"]),
        (enter("r1", "d2", false, 3), vec![], vec!["r2"]),
        (enter("off", "d1", true, 3), vec!["off", "r1"], vec!["r2"]),
        (enter("off", "d2", true, 3), vec!["r1"], vec!["off", "r2"]),
    ] {
        let mut world = World::new();
        let answer = world.take(&entered);
        assert_eq!((roster(&world, "d1"), roster(&world, "d2")), {
            let owned = |it: Vec<&str>| it.into_iter().map(str::to_owned).collect::<Vec<_>>();
            (owned(first), owned(second))
        });
        // A repeat changes nothing and is answered the same.
        let again = world.take(&entered);
        assert!(again.saves.is_empty());
        let (Reply::Done { body, .. }, Reply::Done { body: same, .. }) =
            (answer.reply, again.reply)
        else {
            panic!("entered")
        };
        assert_eq!(body, same);
    }
}

#[test]
fn a_district_is_known_to_its_neighbours() {
    let mut world = World::new();
    let row = |world: &World, id: &str| -> DistrictRow {
        world.states.get(&district_key(&district(id))).and_then(Kept::district).unwrap().clone()
    };
    // d3 was entered by nobody but as a neighbour.
    assert!(row(&world, "d3").neighbour_of.contains(&district("d2")));
    assert!(row(&world, "d3").neighbours.is_empty());
    assert!(world.take(&map("d2", &["d1", "d3"])).saves.is_empty(), "a repeat changes nothing");
    let world = world.given(&[map("d2", &["d1"])]);
    assert_eq!(row(&world, "d2").neighbours.len(), 1);
    assert!(row(&world, "d2").roster.contains(&rider("r2")), "riders stay");
}

//! Every state of a delivery against every input.

use contracts::EventType as E;
use runtime::Input;

use super::world::{
    Told, World, cooked, dispatch, does, does_for, placed, recall, refused, told, widen,
};
use crate::{
    Request,
    domain::{Act, State},
};

/// A delivery in every state, by the inputs that lead there.
fn deliveries() -> Vec<(&'static str, Vec<Input<Request>>)> {
    let r1 = |act| does("r1", act, "o1");
    let picked = [placed("o1"), dispatch("o1"), r1(Act::Claim), cooked("o1"), r1(Act::Pickup)];
    let and = |count: usize, more: &[Input<Request>]| [&picked[..count], more].concat();
    vec![
        ("unknown", vec![]),
        ("address only", and(1, &[])),
        ("food only", vec![cooked("o1")]),
        ("waiting", vec![dispatch("o1")]),
        ("offered", and(2, &[])),
        ("offered wide", and(2, &[widen("o1")])),
        ("claimed", and(3, &[])),
        ("claimed, cooked", and(4, &[])),
        ("released", and(3, &[r1(Act::Release)])),
        ("picked", and(5, &[])),
        ("delivered", and(5, &[r1(Act::Confirm)])),
        ("returned", and(5, &[r1(Act::Return)])),
        ("recalled", and(3, &[recall("o1")])),
        ("tombstone", vec![recall("o1")]),
    ]
}

fn given(name: &str) -> World {
    let (_, inputs) = deliveries().into_iter().find(|(given, _)| *given == name).unwrap();
    World::new().given(&inputs)
}

#[test]
fn every_state_is_built() {
    let built: Vec<&str> = deliveries().iter().map(|(name, _)| given(name).state("o1")).collect();
    assert!(State::ALL.iter().all(|state| built.contains(&state.as_str())), "{built:?}");
}

/// After a message: the state, and what is told.
fn check_message(name: &str, input: &Input<Request>, state: &str, then: Told) {
    let mut world = given(name);
    let milestones = |world: &World| {
        world.delivery("o1").map(|delivery| delivery.record.milestones.clone()).unwrap_or_default()
    };
    let before = milestones(&world);
    let decision = world.take(input);
    let case = format!("{name} when {input:?}");
    assert_eq!((world.state("o1"), told(&world, &decision)), (state, then), "{case}");
    let after = milestones(&world);
    assert!(after.starts_with(&before), "{case}");
    if let Some((kind, _)) = then.filter(|(kind, _)| kind.is_fact()) {
        assert_eq!(after.last().unwrap().kind, kind, "{case}");
    }
}

#[test]
fn every_message_in_every_state() {
    const OFFER: Told = Some((E::DeliveryOffered, false));
    const RECALLED: Told = Some((E::DeliveryReturned, false));
    let [assigned, released, picked, delivered, returned] = [
        E::RiderAssigned,
        E::RiderReleased,
        E::FoodPicked,
        E::DeliveryConfirmed,
        E::DeliveryReturned,
    ]
    .map(|kind| Some((kind, true)));
    // order-placed, cook-finished, dispatch-delivery, widen-search, recall-delivery
    #[rustfmt::skip]
    let table: [(&str, [(&str, Told); 5]); 14] = [
        ("unknown", [("known", None), ("known", None), ("waiting", None), ("known", None),
            ("returned", RECALLED)]),
        ("address only", [("known", None), ("known", None), ("offered", OFFER), ("known", None),
            ("returned", RECALLED)]),
        ("food only", [("known", None), ("known", None), ("waiting", None), ("known", None),
            ("returned", RECALLED)]),
        ("waiting", [("offered", OFFER), ("waiting", None), ("waiting", None), ("waiting", None),
            ("returned", RECALLED)]),
        // Sent again while nobody has claimed it: nothing to say yet.
        ("offered", [("offered", None), ("offered", None), ("offered", None),
            ("offered_wide", OFFER), ("returned", RECALLED)]),
        ("offered wide", [("offered_wide", None), ("offered_wide", None), ("offered_wide", None),
            ("offered_wide", None), ("returned", RECALLED)]),
        ("claimed", [("claimed", None), ("claimed", None), ("claimed", assigned),
            ("claimed", assigned), ("returned", RECALLED)]),
        ("claimed, cooked", [("claimed", None), ("claimed", None), ("claimed", assigned),
            ("claimed", assigned), ("returned", RECALLED)]),
        // Asked for again after a release: riders are told again.
        ("released", [("offered", None), ("offered", None), ("offered", OFFER),
            ("offered_wide", OFFER), ("returned", RECALLED)]),
        ("picked", [("picked", None), ("picked", None), ("picked", picked), ("picked", picked),
            ("picked", picked)]),
        ("delivered", [("delivered", None), ("delivered", None), ("delivered", delivered),
            ("delivered", delivered), ("delivered", delivered)]),
        ("returned", [("returned", None), ("returned", None), ("returned", returned),
            ("returned", returned), ("returned", returned)]),
        ("recalled", [("returned", None), ("returned", None), ("returned", returned),
            ("returned", returned), ("returned", returned)]),
        ("tombstone", [("returned", None), ("returned", None), ("returned", returned),
            ("returned", returned), ("returned", returned)]),
    ];
    let inputs = [placed("o1"), cooked("o1"), dispatch("o1"), widen("o1"), recall("o1")];
    assert_eq!(table.map(|row| row.0).to_vec(), names());
    for (name, row) in table {
        for (input, (state, then)) in inputs.iter().zip(row) {
            check_message(name, input, state, then);
        }
    }
    // A release told before, and asked for once more: the latest fact, not another offer.
    let mut world = given("released");
    world.take(&dispatch("o1"));
    let decision = world.take(&dispatch("o1"));
    assert_eq!(told(&world, &decision), released);
}

fn names() -> Vec<&'static str> {
    deliveries().into_iter().map(|(name, _)| name).collect()
}

/// What a rider's act comes to.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// Done: the state, and the fact that is told.
    Done(&'static str, E),
    /// A repeat, or as good as one: answered as things stand.
    Same,
    /// Refused for this.
    No(&'static str),
}
use Then::{Done, No, Same};

fn check_act(name: &str, who: &str, act: Act, then: Then) {
    let mut world = given(name);
    let before = world.delivery("o1").cloned();
    let decision = world.take(&does(who, act, "o1"));
    let case = format!("{name} when {who} does {act:?}");
    let problem = refused(&decision);
    match then {
        Done(state, kind) => {
            assert_eq!(problem, None, "{case}");
            assert_eq!((world.state("o1"), told(&world, &decision)), (state, Some((kind, false))));
            let latest = world.delivery("o1").unwrap().record.latest().cloned().unwrap();
            assert_eq!(latest.data.rider_id.unwrap().as_str(), who, "{case}");
        }
        Same => {
            assert_eq!(problem, None, "{case}");
            assert_eq!(told(&world, &decision), None, "{case}");
            assert_eq!(world.delivery("o1"), before.as_ref(), "{case}");
        }
        No(slug) => assert_eq!(problem.as_deref(), Some(slug), "{case}"),
    }
    let carried = world.delivery("o1").is_some_and(|it| it.state.carried());
    assert_eq!(world.carries("r1") + world.carries("r2"), usize::from(carried), "{case}");
}

#[test]
fn every_act_in_every_state() {
    let none = No("not-found");
    let early = No("not-on-offer");
    let (free, theirs) = (No("not-claimed"), No("claimed"));
    let (gone, over) = (No("already-delivered"), No("already-returned"));
    let claimed = Done("claimed", E::RiderAssigned);
    // claim, release, pickup, confirm, return; by the first rider, and by another one
    #[rustfmt::skip]
    let table: [(&str, [Then; 5], [Then; 5]); 14] = [
        ("unknown", [none; 5], [none; 5]),
        ("address only", [early; 5], [early; 5]),
        ("food only", [early; 5], [early; 5]),
        ("waiting", [early; 5], [early; 5]),
        ("offered", [claimed, free, free, free, free], [claimed, free, free, free, free]),
        ("offered wide", [claimed, free, free, free, free], [claimed, free, free, free, free]),
        ("claimed", [Same, Done("offered", E::RiderReleased), No("food-not-ready"),
            No("not-picked"), No("not-picked")], [theirs; 5]),
        ("claimed, cooked", [Same, Done("offered", E::RiderReleased),
            Done("picked", E::FoodPicked), No("not-picked"), No("not-picked")], [theirs; 5]),
        ("released", [claimed, Same, free, free, free], [claimed, free, free, free, free]),
        ("picked", [Same, No("already-picked"), Same, Done("delivered", E::DeliveryConfirmed),
            Done("returned", E::DeliveryReturned)], [theirs; 5]),
        ("delivered", [Same, gone, Same, Same, gone], [theirs; 5]),
        ("returned", [over, over, over, over, Same], [theirs; 5]),
        ("recalled", [over; 5], [theirs; 5]),
        ("tombstone", [over; 5], [over; 5]),
    ];
    assert_eq!(table.map(|row| row.0).to_vec(), names());
    for (name, first, other) in table {
        for (act, then) in Act::ALL.into_iter().zip(first) {
            check_act(name, "r1", act, then);
        }
        for (act, then) in Act::ALL.into_iter().zip(other) {
            check_act(name, "r2", act, then);
        }
    }
}

#[test]
fn a_repeat_for_another_reason_is_no_repeat() {
    let because = |act, why| does_for("r1", act, "o1", Some(why));
    for (name, act, slug) in
        [("claimed", Act::Release, "not-claimed"), ("picked", Act::Return, "already-returned")]
    {
        let mut world = given(name);
        assert_eq!(refused(&world.take(&because(act, "flat tyre"))), None);
        let latest = world.delivery("o1").unwrap().record.latest().cloned().unwrap();
        assert_eq!(latest.data.reason.as_deref(), Some("flat tyre"));
        assert_eq!(refused(&world.take(&because(act, "flat tyre"))), None);
        assert_eq!(refused(&world.take(&because(act, "rain"))).as_deref(), Some(slug));
    }
}

#[test]
fn another_rider_may_claim_what_was_released() {
    let mut world = given("released").given(&[does("r2", Act::Claim, "o1")]);
    assert_eq!(refused(&world.take(&does("r1", Act::Release, "o1"))).as_deref(), Some("claimed"));
    let delivery = world.delivery("o1").unwrap();
    let told: Vec<(E, &str)> = delivery
        .record
        .milestones
        .iter()
        .map(|it| (it.kind, it.data.rider_id.as_ref().unwrap().as_str()))
        .collect();
    assert_eq!(
        told,
        [(E::RiderAssigned, "r1"), (E::RiderReleased, "r1"), (E::RiderAssigned, "r2")]
    );
    assert_eq!((world.carries("r1"), world.carries("r2")), (0, 1));
}

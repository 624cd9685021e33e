//! The catalog as orders are priced by it.

use crate::world::{World, asked, body, refusal, status};
use orchestrator::{Settings, State};

#[test]
fn the_price_is_the_catalogs_at_that_moment() {
    let mut world = World::new(Settings::default());
    world.menu("m1", 10_000, 2);
    let stale = world.menu("m1", 1, 1);
    assert_eq!((stale.ignored, stale.saved), (Some("stale"), false));
    let again = world.menu("m1", 1, 2);
    assert_eq!((again.ignored, again.saved), (Some("stale"), false));
    let reply = world.place("k", asked("tok-ok")).reply;
    assert_eq!(body(&reply)["total"]["amount"], 20_000);
    world.menu("m1", 30_000, 3);
    assert_eq!(world.view()["total"]["amount"], 20_000, "an order keeps its price");
}

#[test]
fn an_item_that_is_not_on_the_menu_is_refused_and_nothing_is_stored() {
    let mut world = World::new(Settings::default());
    let mut order = asked("tok-ok");
    order.items[0].menu_id = "m9".parse().unwrap();
    let refused = world.place("k", order);
    let problem = refusal(&refused.reply);
    assert_eq!((problem.status, problem.slug()), (422, "unknown-menu-item"));
    assert_eq!(problem.errors[0].field, "items[0].menu_id");
    assert!(!refused.saved && refused.commands.is_empty() && refused.events.is_empty());

    let mut order = asked("tok-ok");
    order.store_id = "s9".parse().unwrap();
    assert_eq!(refusal(&world.place("k", order).reply).slug(), "unknown-menu-item");

    // Only a success is remembered: mended, the request may use the same key.
    assert_eq!(status(&world.place("k", asked("tok-ok")).reply), 201);
    assert_eq!(world.count(|state| matches!(state, State::Order(_))), 1);
}

#[test]
fn an_order_has_one_currency() {
    let mut world = World::new(Settings::default());
    world.menu_in("wine", 7, "EUR", 1);
    let mut order = asked("tok-ok");
    let mut wine = order.items[0].clone();
    wine.menu_id = "wine".parse().unwrap();
    order.items.push(wine);
    let problem_of = world.place("k", order);
    let problem = refusal(&problem_of.reply);
    assert_eq!(
        (problem.slug(), problem.errors[0].field.as_str()),
        ("mixed-currencies", "items[1].menu_id")
    );
}

#[test]
fn a_price_that_nobody_could_enter_is_not_believed() {
    let mut world = World::new(Settings::default());
    world.menu("m1", 10_000, 2);
    for (price, sequence) in [(-5, 3), (i64::MAX, 4)] {
        let told = world.menu("m1", price, sequence);
        assert!(told.dead_letter.is_some() && !told.saved, "{price}");
    }
    let reply = world.place("k", asked("tok-ok")).reply;
    assert_eq!(body(&reply)["total"]["amount"], 20_000);
}

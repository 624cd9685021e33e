//! Orders for later: they start in their time, once, and until then they are nobody's business.

use std::time::Duration;

use contracts::{CommandType as C, EventType as E, Timestamp};
use orchestrator::Settings;
use serde_json::json;

use crate::world::{START, World, asked, body, pieces, refusal, status};

const HOUR: Duration = Duration::from_secs(3_600);

fn later(world: &mut World, at: Timestamp) -> crate::world::Outcome {
    let mut order = asked("tok-ok");
    order.scheduled_for = Some(at);
    world.place("key-1", order)
}

fn scheduled() -> World {
    let mut world = World::new(Settings::default());
    let placed = later(&mut world, START.plus(HOUR));
    assert_eq!(status(&placed.reply), 201, "{placed:?}");
    assert_eq!((&placed.events[..], placed.commands.len()), (&[E::OrderScheduled][..], 0));
    world
}

#[test]
fn an_order_for_later_starts_in_its_time() {
    let mut world = scheduled();
    let view = world.view();
    assert_eq!((&view["status"], &view["saga_id"]), (&json!("scheduled"), &json!(null)));
    assert_eq!(view["scheduled_for"], json!(START.plus(HOUR)));
    assert_eq!((&view["cancellable"], &view["revisable"]), (&json!(true), &json!(true)));
    assert!(!world.order().is_finished());
    assert_eq!(world.wakes_at(), Some(START.plus(HOUR)));

    let early = world.pass(HOUR.saturating_sub(Duration::from_millis(1)));
    assert!(early.is_empty(), "{early:?}");
    assert_eq!(world.wake().ignored, Some("nothing-due"), "a timer may be early");
    let due = world.pass(Duration::from_millis(1));
    assert_eq!(due.len(), 1);
    assert_eq!(
        (&due[0].events[..], &due[0].commands[..]),
        (&[E::OrderPlaced][..], &[C::AuthorizePayment][..])
    );
    assert_eq!(world.view()["status"], "placed");
    assert_eq!(world.view()["saga_id"], world.saga_id.0.to_string(), "the id that it was given");
    assert_eq!(world.view()["scheduled_for"], json!(START.plus(HOUR)));
    for fact in [E::PaymentAuthorized, E::OrderAccepted, E::CookStarted] {
        world.tell(fact);
    }
    assert_eq!(world.view()["status"], "cooking");
}

#[test]
fn a_timer_that_fires_late_starts_it_late_and_once() {
    let mut world = scheduled();
    world.now = START.plus(HOUR * 5);
    assert_eq!(world.wake().events, [E::OrderPlaced]);
    assert!(world.wake().events.is_empty());
    assert_eq!(world.events(), [E::OrderScheduled, E::OrderPlaced]);
    let authorized = world.commands().len();
    assert_eq!(authorized, 1);
}

#[test]
fn a_cancellation_before_the_start_ends_it_at_once() {
    let mut world = scheduled();
    let cancelled = world.cancel();
    assert_eq!((status(&cancelled.reply), &cancelled.events[..]), (200, &[E::OrderCancelled][..]));
    let view = world.view();
    assert_eq!(
        (&view["status"], &view["reason"]),
        (&json!("cancelled"), &json!("customer_cancelled"))
    );
    assert_eq!((&view["cancellable"], &view["revisable"]), (&json!(false), &json!(false)));
    assert!(world.order().is_finished());
    assert_eq!(world.wakes_at(), None);

    // A timer that had been on its way, and everything else, finds it ended.
    world.now = START.plus(HOUR);
    assert_eq!(world.wake().ignored, Some("nothing-due"));
    let again = world.cancel();
    assert_eq!((status(&again.reply), again.saved), (200, false));
    assert_eq!(refusal(&world.revise(pieces(3)).reply).slug(), "order-cancelled");
    assert!(world.commands().is_empty(), "nobody was ever asked for anything");
}

#[test]
fn a_cancellation_after_the_start_is_like_any_other() {
    let mut world = scheduled();
    world.pass(HOUR);
    let cancelled = world.cancel();
    assert_eq!((status(&cancelled.reply), &cancelled.commands[..]), (202, &[C::VoidPayment][..]));
    world.tell(E::PaymentVoided);
    assert_eq!(world.view()["status"], "cancelled");
}

#[test]
fn a_change_before_the_start_is_made_at_once() {
    let mut world = scheduled();
    let revised = world.revise_as("k", pieces(3));
    assert_eq!((status(&revised.reply), &revised.events[..]), (200, &[E::OrderRevised][..]));
    assert!(revised.commands.is_empty());
    let view = world.view();
    assert_eq!(
        (&view["status"], &view["revision"]["status"]),
        (&json!("scheduled"), &json!("made"))
    );
    assert_eq!(view["total"]["amount"], 28_500);
    let again = world.revise_as("k", pieces(3));
    assert_eq!((status(&again.reply), body(&again.reply)), (200, body(&revised.reply)));
    assert!(!again.saved);

    world.pass(HOUR);
    match world.commands().last() {
        Some((_, _, contracts::Command::AuthorizePayment(pay))) => {
            assert_eq!(pay.amount.amount, 28_500);
        }
        other => panic!("{other:?}"),
    }
    // A change after the start has the next number.
    world.tell(E::PaymentAuthorized);
    world.revise(pieces(4));
    assert_eq!(world.view()["revision"]["number"], 2);
}

#[test]
fn it_costs_what_it_cost_when_it_was_ordered() {
    let mut world = scheduled();
    world.menu("m1", 99_000, 2);
    world.pass(HOUR);
    assert_eq!(world.view()["total"]["amount"], 19_000);
}

#[test]
fn a_time_that_is_too_near_or_too_far_is_refused_and_a_repeated_request_is_not() {
    let day = HOUR * 24;
    for at in [START, START.plus(HOUR / 20), START.plus(day * 15), START.minus(day)] {
        let mut world = World::new(Settings::default());
        let refused = later(&mut world, at);
        let problem = refusal(&refused.reply);
        assert_eq!((problem.status, problem.errors[0].field.as_str()), (422, "for"), "{at}");
        assert!(!refused.saved);
    }
    let mut world = scheduled();
    let first = world.view();
    world.now = START.plus(day);
    let again = later(&mut world, START.plus(HOUR));
    assert_eq!(
        (status(&again.reply), body(&again.reply)),
        (201, &first),
        "its time is over by now"
    );
}

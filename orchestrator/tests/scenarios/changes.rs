//! What a customer is answered who asks for a change.

use contracts::{Command, CommandType as C, EventType as E};
use orchestrator::revision::MAX_REVISIONS;
use serde_json::json;

use crate::{
    revisions::{asked_for_three, last, stands},
    world::{World, asked, body, pieces, refusal, status},
};

#[test]
fn a_second_change_waits_for_its_turn() {
    let mut world = asked_for_three();
    let second = world.revise(pieces(4));
    assert_eq!((status(&second.reply), refusal(&second.reply).slug()), (409, "revision-pending"));
    assert!(!second.saved);
    assert_eq!(stands(&world).0, json!("pending"));
}

#[test]
fn a_change_is_refused_where_it_comes_too_early_or_too_late() {
    let check = |facts: &[E], act: fn(&mut World), slug: &str| {
        let mut world = World::after(facts);
        act(&mut world);
        let before = world.order().clone();
        assert_eq!(world.view()["revisable"], false, "{slug}");
        let refused = world.revise(pieces(3));
        assert_eq!((status(&refused.reply), refusal(&refused.reply).slug()), (409, slug));
        assert_eq!(*world.order(), before);
    };
    let nothing = |_: &mut World| {};
    check(&[], nothing, "payment-pending");
    check(&[E::PaymentAuthorized, E::OrderAccepted], nothing, "already-accepted");
    check(&[E::PaymentAuthorized, E::OrderAccepted, E::CookStarted], nothing, "already-accepted");
    check(&[E::PaymentAuthorized, E::OrderRejected], nothing, "order-cancelled");
    check(&[E::PaymentDeclined], nothing, "order-cancelled");
    check(&[E::PaymentAuthorized], |world| drop(world.cancel()), "order-cancelled");
    check(&[], |world| drop(world.cancel()), "order-cancelled");
}

#[test]
fn a_change_of_nothing_is_answered_with_the_order_as_it_is() {
    let mut world = World::after(&[E::PaymentAuthorized]);
    let before = world.order().clone();
    let same = world.revise(pieces(2));
    assert_eq!((status(&same.reply), same.commands.len()), (200, 0));
    assert_eq!(*world.order(), before);
}

#[test]
fn a_change_is_refused_where_it_names_what_was_not_ordered() {
    let mut world = World::after(&[E::PaymentAuthorized]);
    world.menu("m2", 500, 1);
    let mut change = pieces(1);
    change.items.as_mut().unwrap()[0].menu_id = "m2".parse().unwrap();
    let refused = world.revise(change);
    let problem = refusal(&refused.reply);
    assert_eq!((problem.status, problem.slug()), (422, "item-not-ordered"));
    assert_eq!(problem.errors[0].field, "items[0].menu_id");
}

#[test]
fn the_agreed_price_stays_whatever_the_menu_says_since() {
    let mut world = World::after(&[E::PaymentAuthorized]);
    world.menu("m1", 99_000, 2);
    world.revise(pieces(3));
    match last(&world, C::RevisePayment) {
        Command::RevisePayment(it) => assert_eq!(it.amount.amount, 28_500),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_repeated_request_is_answered_the_same_and_begins_nothing() {
    let mut world = World::after(&[E::PaymentAuthorized]);
    let first = world.revise_as("k", pieces(3));
    world.tell(E::PaymentRevised);
    world.tell(E::TicketRevised);
    let again = world.revise_as("k", pieces(3));
    assert_eq!((status(&again.reply), body(&again.reply)), (202, body(&first.reply)));
    assert!(again.commands.is_empty() && !again.saved);
    let other = world.revise_as("k", pieces(4));
    assert_eq!(refusal(&other.reply).slug(), "idempotency-key-reused");
    // The key of the order itself is another request's.
    let placed = world.revise_as("key-1", pieces(4));
    assert_eq!(refusal(&placed.reply).slug(), "idempotency-key-reused");
    let placed = world.place("k", asked("tok-ok"));
    assert_eq!(refusal(&placed.reply).slug(), "idempotency-key-reused");
}

#[test]
fn a_refused_request_may_be_made_again_under_its_key() {
    let mut world = World::placed();
    assert_eq!(status(&world.revise_as("k", pieces(3)).reply), 409);
    world.tell(E::PaymentAuthorized);
    assert_eq!(status(&world.revise_as("k", pieces(3)).reply), 202);
}

#[test]
fn an_order_is_changed_so_often_and_no_more() {
    let mut world = World::after(&[E::PaymentAuthorized]);
    let most = u32::try_from(MAX_REVISIONS).unwrap();
    for number in 1..=most {
        assert_eq!(status(&world.revise(pieces(2 + number)).reply), 202);
        for fact in [E::PaymentRevised, E::TicketRevised, E::PaymentAdjusted] {
            world.tell(fact);
        }
        assert_eq!(world.view()["revision"]["number"], number);
    }
    let refused = world.revise(pieces(1));
    assert_eq!(refusal(&refused.reply).slug(), "too-many-revisions");
    assert_eq!(world.view()["revisable"], false);
}

#[test]
fn the_sagas_of_changes_stand_beside_the_order_and_do_not_stand_for_it() {
    let mut world = asked_for_three();
    let order = world.order();
    assert_eq!(order.sagas.len(), 2);
    assert_eq!(order.latest().unwrap().definition(), "order");
    assert_eq!(world.view()["saga_id"], world.saga_id.0.to_string());
    world.tell(E::PaymentRevisionDeclined);
    let view = world.view();
    assert!(view["reason"].is_null() && view["cancellation"].is_null(), "those are the change's");
    assert_eq!(world.rows.len(), 2, "each is found by operators");
}

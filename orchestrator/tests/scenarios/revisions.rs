//! Changes of an order: what becomes of one by itself, and of each race that it may meet, both ways.

use std::time::Duration;

use contracts::{Command, CommandType as C, Detail, EventType as E, ServiceName};
use orchestrator::revision::Change;
use serde_json::{Value, json};

use crate::world::{World, pieces, status};

/// The order is paid for, the store is asked, and its customer wants three pieces instead of two.
pub(crate) fn asked_for_three() -> World {
    let mut world = World::after(&[E::PaymentAuthorized]);
    let asked = world.revise(pieces(3));
    assert_eq!(status(&asked.reply), 202, "{asked:?}");
    assert_eq!(asked.commands, [C::RevisePayment]);
    assert!(asked.events.is_empty(), "nothing has changed yet");
    world
}

fn elsewhere() -> Change {
    let address = contracts::Address {
        district: contracts::District::new("jongno").unwrap(),
        line: "1 Hill Street".to_owned(),
    };
    Change { items: None, address: Some(address) }
}

/// The change as its customer sees it: how it stands, why, and how many pieces the order has.
pub(crate) fn stands(world: &World) -> (Value, Value, Value) {
    let view = world.view();
    let revision = &view["revision"];
    (revision["status"].clone(), revision["reason"].clone(), view["items"][0]["quantity"].clone())
}

fn made(quantity: u32) -> (Value, Value, Value) {
    (json!("made"), Value::Null, json!(quantity))
}

fn refused(reason: &str) -> (Value, Value, Value) {
    (json!("refused"), json!(reason), json!(2))
}

fn pending() -> (Value, Value, Value) {
    (json!("pending"), Value::Null, json!(2))
}

/// The command of that type that was sent last.
pub(crate) fn last(world: &World, kind: C) -> Command {
    let sent = world.commands().into_iter().rev().find(|(it, ..)| *it == kind);
    sent.map(|(_, _, command)| command).expect("it was sent")
}

#[test]
fn a_change_is_held_for_then_made_at_the_store_and_then_settled() {
    let mut world = asked_for_three();
    assert_eq!(stands(&world), pending());
    assert_eq!(world.view()["revisable"], false, "one at a time");
    match last(&world, C::RevisePayment) {
        Command::RevisePayment(it) => assert_eq!((it.revision, it.amount.amount), (1, 28_500)),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.tell(E::PaymentRevised).commands, [C::ReviseTicket]);
    match last(&world, C::ReviseTicket) {
        Command::ReviseTicket(it) => {
            assert_eq!((it.items[0].quantity, it.total.amount), (3, 28_500));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(stands(&world), pending(), "the store has not answered");
    let revised = world.tell(E::TicketRevised);
    assert_eq!(
        (&revised.commands[..], &revised.events[..]),
        (&[C::AdjustPayment][..], &[E::OrderRevised][..])
    );
    assert_eq!(stands(&world), made(3));
    assert_eq!(world.view()["total"]["amount"], 28_500);
    world.tell(E::PaymentAdjusted);
    assert_eq!(world.view()["revisable"], true, "until the store accepts");

    // From here everybody hears of what it is now.
    assert_eq!(world.tell(E::OrderAccepted).commands, [C::PrepareFood]);
    match last(&world, C::PrepareFood) {
        Command::PrepareFood(it) => assert_eq!(it.items[0].quantity, 3),
        other => panic!("{other:?}"),
    }
    world.tell(E::CookStarted);
    match (last(&world, C::CapturePayment), last(&world, C::DispatchDelivery)) {
        (Command::CapturePayment(taken), Command::DispatchDelivery(sent)) => {
            assert_eq!(taken.amount.map(|it| it.amount), Some(28_500));
            assert_eq!(sent.revision, Some(1));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_address_is_changed_by_the_same_way_and_told_to_all() {
    let mut world = World::after(&[E::PaymentAuthorized]);
    world.revise(elsewhere());
    world.tell(E::PaymentRevised);
    assert_eq!(world.tell(E::TicketRevised).events, [E::OrderRevised]);
    assert_eq!(world.view()["address"]["district"], "jongno");
    assert_eq!(stands(&world), made(2));
}

#[test]
fn an_acceptance_that_comes_first_is_of_the_order_as_it_was() {
    // The money is held already, or not yet, or the store was asked already.
    for told in [&[][..], &[E::PaymentRevised]] {
        let mut world = asked_for_three();
        for fact in told {
            world.tell(*fact);
        }
        let accepted = world.tell(E::OrderAccepted);
        let mut undone = vec![C::PrepareFood];
        undone.extend(if told.is_empty() { [C::RestorePayment] } else { [C::KeepTicket] });
        let mut sent = accepted.commands.clone();
        sent.sort();
        undone.sort();
        assert_eq!(sent, undone, "the change is revoked at once");
        match last(&world, C::PrepareFood) {
            Command::PrepareFood(it) => assert_eq!(it.items[0].quantity, 2),
            other => panic!("{other:?}"),
        }
        if !told.is_empty() {
            // The command gets there after all, and is refused: as good as revoked.
            assert_eq!(world.tell(E::TicketRevisionRefused).commands, [C::RestorePayment]);
        }
        assert_eq!(world.tell(E::PaymentRestored).events, [E::RevisionRefused]);
        assert_eq!(stands(&world), refused("already_accepted"));
        assert_eq!(world.view()["status"], "accepted");
    }
}

#[test]
fn an_acceptance_that_comes_second_brings_the_change_with_it() {
    // The fact that tells of the change is lost or late; the next one carries it.
    let mut world = asked_for_three();
    world.tell(E::PaymentRevised);
    let changed = world.happen(E::TicketRevised);
    let accepted = world.tell(E::OrderAccepted);
    assert_eq!(accepted.events, [E::OrderRevised]);
    assert_eq!(accepted.commands, [C::AdjustPayment, C::PrepareFood]);
    match last(&world, C::PrepareFood) {
        Command::PrepareFood(it) => assert_eq!(it.items[0].quantity, 3, "as it was accepted"),
        other => panic!("{other:?}"),
    }
    assert_eq!(stands(&world), made(3));
    assert_eq!(world.hear(&changed).ignored, Some("stale"));
}

#[test]
fn a_refusal_of_the_store_says_why() {
    for (why, reason) in [
        ("already_accepted", "already_accepted"),
        ("already_rejected", "order_cancelled"),
        ("ticket_cancelled", "order_cancelled"),
    ] {
        let mut world = asked_for_three();
        world.tell(E::PaymentRevised);
        let detail = Detail { reason: Some(why.to_owned()), ..Detail::default() };
        let fact = world.happen_with(E::TicketRevisionRefused, detail);
        assert_eq!(world.hear(&fact).commands, [C::RestorePayment]);
        world.tell(E::PaymentRestored);
        assert_eq!(stands(&world), refused(reason));
    }
}

#[test]
fn a_cancellation_that_comes_first_undoes_the_order_and_refuses_the_change() {
    let mut world = asked_for_three();
    world.tell(E::PaymentRevised);
    let cancelled = world.cancel();
    assert_eq!(status(&cancelled.reply), 202);
    assert_eq!(cancelled.commands, [C::CancelTicket, C::KeepTicket], "both are revoked");
    assert_eq!(world.view()["status"], "cancelling");
    let refused_at_store = world.happen(E::TicketRevisionRefused);
    world.tell(E::TicketCancelled);
    world.hear(&refused_at_store);
    world.tell(E::PaymentRestored);
    let voided = world.tell(E::PaymentVoided);
    assert_eq!(voided.events, [E::OrderCancelled]);
    assert_eq!(stands(&world), refused("order_cancelled"));
    assert_eq!(world.events(), [E::OrderPlaced, E::OrderCancelled], "its end says all");
    assert!(world.order().is_finished());
}

#[test]
fn a_cancellation_that_comes_second_undoes_the_order_as_it_was_changed() {
    let mut world = asked_for_three();
    world.tell(E::PaymentRevised);
    world.happen(E::TicketRevised);
    world.cancel();
    // The undo finds a changed ticket; its fact tells of both.
    let cancelled = world.tell(E::TicketCancelled);
    assert_eq!(cancelled.events, [E::OrderRevised]);
    assert_eq!(cancelled.commands, [C::AdjustPayment, C::VoidPayment]);
    assert_eq!(stands(&world), made(3));
    assert_eq!(world.tell(E::PaymentVoided).events, [E::OrderCancelled]);
    assert!(!world.order().is_finished(), "what is held beyond is still to be released");
    world.tell(E::PaymentAdjusted);
    assert!(world.order().is_finished());
    assert_eq!(world.view()["status"], "cancelled");
}

#[test]
fn a_rejection_undoes_the_order_whichever_comes_first() {
    for change_first in [true, false] {
        let mut world = asked_for_three();
        world.tell(E::PaymentRevised);
        if change_first {
            world.tell(E::TicketRevised);
        }
        world.tell(E::OrderRejected);
        assert_eq!(world.view()["status"], "cancelling");
        if change_first {
            assert_eq!(world.tell(E::PaymentVoided).events, [E::OrderCancelled]);
            world.tell(E::PaymentAdjusted);
            assert_eq!(stands(&world), made(3));
        } else {
            assert_eq!(last(&world, C::KeepTicket).kind(), C::KeepTicket);
            world.tell(E::TicketRevisionRefused);
            world.tell(E::PaymentVoided);
            world.tell(E::PaymentRestored);
            assert_eq!(stands(&world), refused("order_cancelled"));
        }
        assert!(world.order().is_finished());
        assert_eq!(world.view()["reason"], "store_rejected");
    }
}

#[test]
fn a_higher_sum_that_is_declined_leaves_the_order_as_it_was() {
    let mut world = asked_for_three();
    let declined = world.tell(E::PaymentRevisionDeclined);
    assert_eq!(declined.events, [E::RevisionRefused]);
    assert!(declined.commands.is_empty(), "there is nothing to undo");
    assert_eq!(stands(&world), refused("payment_declined"));
    assert_eq!(
        (&world.view()["status"], &world.view()["total"]["amount"]),
        (&json!("paid"), &json!(19_000))
    );
    // And may be changed in another way.
    assert_eq!(status(&world.revise(pieces(1)).reply), 202);
}

#[test]
fn a_deadline_of_the_change_revokes_it_and_the_participant_decides() {
    // The payment service is silent.
    let mut world = asked_for_three();
    let woken: Vec<C> =
        world.pass(Duration::from_secs(31)).into_iter().flat_map(|it| it.commands).collect();
    assert!(woken.contains(&C::RestorePayment), "{woken:?}");
    assert_eq!(stands(&world), pending(), "it may have been done");
    assert_eq!(world.tell(E::PaymentRestored).events, [E::RevisionRefused]);
    assert_eq!(stands(&world), refused("payment_timeout"));
    assert_eq!(world.view()["status"], "paid", "the order goes on");

    // The store is silent, and had changed the ticket.
    let mut world = asked_for_three();
    world.tell(E::PaymentRevised);
    world.pass(Duration::from_secs(31));
    assert_eq!(last(&world, C::KeepTicket).kind(), C::KeepTicket);
    let revised = world.tell(E::TicketRevised);
    assert_eq!(
        (&revised.events[..], &revised.commands[..]),
        (&[E::OrderRevised][..], &[C::AdjustPayment][..])
    );
    assert_eq!(stands(&world), made(3));

    // The store is silent, and had not.
    let mut world = asked_for_three();
    world.tell(E::PaymentRevised);
    world.pass(Duration::from_secs(31));
    assert_eq!(world.tell(E::TicketKept).commands, [C::RestorePayment]);
    assert_eq!(world.tell(E::PaymentRestored).events, [E::RevisionRefused]);
    assert_eq!(stands(&world), refused("store_timeout"));
}

#[test]
fn a_deadline_of_the_order_ends_a_change_that_is_not_decided() {
    let mut world = World::after(&[E::PaymentAuthorized]);
    world.pass(Duration::from_secs(290));
    world.revise(pieces(3));
    world.pass(Duration::from_secs(11));
    assert_eq!(world.view()["status"], "cancelling");
    assert_eq!(last(&world, C::RestorePayment).kind(), C::RestorePayment);
    world.tell(E::PaymentRestored);
    world.tell(E::TicketCancelled);
    world.tell(E::PaymentVoided);
    assert_eq!(stands(&world), refused("order_cancelled"));
    assert_eq!(world.view()["reason"], "store_timeout");
}

#[test]
fn facts_of_a_change_that_is_over_do_not_touch_the_next() {
    let mut world = asked_for_three();
    let first = world.happen(E::PaymentRevised);
    world.hear(&first);
    let kept = world.happen(E::TicketRevised);
    world.hear(&kept);
    let settled = world.happen(E::PaymentAdjusted);
    world.hear(&settled);
    assert_eq!(status(&world.revise(pieces(5)).reply), 202);
    // The same facts again, under other messages, and late ones.
    for late in [first, kept, settled] {
        let heard = world.hear(&late);
        assert!(heard.commands.is_empty() && heard.events.is_empty(), "{heard:?}");
    }
    for source in [ServiceName::Payment, ServiceName::Store] {
        let again = world.again(source);
        assert!(world.hear(&again).commands.is_empty());
    }
    assert_eq!(stands(&world).0, "pending");
    match last(&world, C::RevisePayment) {
        Command::RevisePayment(it) => assert_eq!((it.revision, it.amount.amount), (2, 47_500)),
        other => panic!("{other:?}"),
    }
    world.tell(E::PaymentRevised);
    world.tell(E::TicketRevised);
    assert_eq!(stands(&world), made(5));
}

#[test]
fn a_command_of_a_change_is_sent_again_until_it_is_answered() {
    let mut world = asked_for_three();
    world.pass(Duration::from_secs(10));
    let sent: Vec<_> =
        world.commands().into_iter().filter(|(kind, ..)| *kind == C::RevisePayment).collect();
    assert!(sent.len() > 2, "{sent:?}");
    assert!(sent.iter().all(|(_, id, _)| *id == sent[0].1), "one command, one identity");
}

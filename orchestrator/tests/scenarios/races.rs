//! What meets on its way: each race of the saga, both ways.

use std::time::Duration;

use contracts::{CommandType as C, EventType as E, ServiceName};

use crate::world::{World, refusal, status};

const COOKING: [E; 3] = [E::PaymentAuthorized, E::OrderAccepted, E::CookStarted];

#[test]
fn a_cancellation_that_meets_cook_start_is_decided_by_the_cook_who_had_started() {
    let mut world = World::after(&COOKING[..2]);
    let started = world.happen(E::CookStarted);
    let cancelled = world.cancel();
    assert_eq!(status(&cancelled.reply), 202);
    assert_eq!(cancelled.commands, [C::CancelCooking], "nothing else before the cook has decided");
    assert_eq!(world.view()["status"], "cancelling");
    assert_eq!(world.view()["cancellation"], "requested");

    let decided = world.hear(&started);
    assert_eq!(decided.events, [E::CancellationRefused]);
    assert_eq!(decided.commands, [C::CapturePayment, C::DispatchDelivery]);
    let view = world.view();
    assert_eq!((&view["status"], &view["cancellation"]), (&"cooking".into(), &"refused".into()));
    assert!(view["reason"].is_null(), "an order that goes on has no reason");

    // The refusal of the undo says `cook-started` again: the same fact, another message.
    let again = world.again(ServiceName::Cook);
    let heard = world.hear(&again);
    assert!(heard.commands.is_empty() && heard.events.is_empty(), "{heard:?}");
    for fact in [E::PaymentCaptured, E::CookFinished, E::RiderAssigned, E::FoodPicked] {
        world.tell(fact);
    }
    world.tell(E::DeliveryConfirmed);
    world.tell(E::StockSettled);
    assert_eq!(world.view()["status"], "delivered");
    assert_eq!(world.events(), [E::OrderPlaced, E::CancellationRefused, E::OrderCompleted]);
}

#[test]
fn a_cancellation_that_meets_cook_start_is_decided_by_the_cook_who_had_not() {
    let mut world = World::after(&COOKING[..2]);
    world.cancel();
    // The cook's undo got there first; a start is refused there, so only this fact can come.
    let undone = world.tell(E::CookingCancelled);
    assert_eq!(undone.commands, [C::CancelTicket], "in reverse order of dependency");
    let undone = world.tell(E::TicketCancelled);
    assert_eq!(undone.commands, [C::VoidPayment]);
    let undone = world.tell(E::PaymentVoided);
    assert_eq!(undone.events, [E::OrderCancelled]);
    let view = world.view();
    assert_eq!(
        (&view["status"], &view["cancellation"]),
        (&"cancelled".into(), &"requested".into())
    );
    assert_eq!(view["reason"], "customer_cancelled");
}

#[test]
fn a_cancellation_after_cook_start_is_refused_and_told_once() {
    let mut world = World::after(&COOKING);
    let first = world.cancel();
    assert_eq!((status(&first.reply), refusal(&first.reply).slug()), (409, "cooking-started"));
    assert_eq!(first.events, [E::CancellationRefused]);
    let second = world.cancel();
    assert_eq!(refusal(&second.reply).slug(), "cooking-started");
    assert!(second.events.is_empty() && !second.saved, "told once is told");
    assert_eq!(world.view()["cancellation"], "refused");
}

#[test]
fn a_deadline_that_meets_cook_start_is_decided_by_the_cook() {
    let mut world = World::after(&COOKING[..2]);
    world.pass(Duration::from_secs(901));
    assert_eq!(world.view()["status"], "cancelling");
    let started = world.tell(E::CookStarted);
    assert!(started.events.is_empty(), "nobody asked for it, so nobody is told of a refusal");
    assert!(world.view()["cancellation"].is_null());
    assert_eq!(started.commands, [C::CapturePayment, C::DispatchDelivery]);
    assert_eq!(world.view()["status"], "cooking");
    assert!(world.view()["reason"].is_null());
}

#[test]
fn an_acceptance_that_meets_a_cancellation_is_undone() {
    let mut world = World::after(&COOKING[..1]);
    let accepted = world.happen(E::OrderAccepted);
    world.cancel();
    let heard = world.hear(&accepted);
    assert!(heard.commands.is_empty(), "the undo is under way already: {heard:?}");
    assert_eq!(world.tell(E::TicketCancelled).commands, [C::VoidPayment]);
    world.tell(E::PaymentVoided);
    assert_eq!(world.view()["status"], "cancelled");
}

#[test]
fn a_refusal_while_it_is_undone_counts_as_undone() {
    let mut world = World::after(&COOKING[..1]);
    let rejected = world.happen(E::OrderRejected);
    world.cancel();
    assert_eq!(world.hear(&rejected).commands, [C::VoidPayment]);
    world.tell(E::PaymentVoided);
    assert_eq!(world.view()["status"], "cancelled");
    assert_eq!(world.view()["reason"], "customer_cancelled");
}

#[test]
fn a_fact_before_its_step_takes_effect_when_its_turn_comes() {
    // The rider's pickup is heard before the cook's finish.
    let mut world = World::after(&COOKING);
    world.tell(E::PaymentCaptured);
    world.tell(E::RiderAssigned);
    world.tell(E::FoodPicked);
    assert_eq!(world.view()["status"], "on_the_way");
    let confirmed = world.tell(E::DeliveryConfirmed);
    assert!(confirmed.commands.is_empty(), "cook-finish is still awaited: {confirmed:?}");
    assert_eq!(world.tell(E::CookFinished).commands, [C::SettleStock]);
    world.tell(E::StockSettled);
    assert_eq!(world.view()["status"], "delivered");
}

#[test]
fn facts_that_are_doubled_reordered_or_lost_lead_to_the_same_end() {
    let mut world = World::after(&COOKING);
    world.tell(E::PaymentCaptured);
    world.tell(E::CookFinished);
    let assigned = world.happen(E::RiderAssigned);
    let picked = world.happen(E::FoodPicked);
    let confirmed = world.happen(E::DeliveryConfirmed);
    // The last one is first: it carries what the others said.
    assert_eq!(world.hear(&confirmed).commands, [C::SettleStock]);
    for (late, label) in [(&assigned, "stale"), (&picked, "stale"), (&confirmed, "duplicate")] {
        let version = world.order().version;
        let heard = world.hear(late);
        assert_eq!(heard.ignored, Some(label));
        assert!(!heard.saved && world.order().version == version);
    }
    world.tell(E::StockSettled);
    assert_eq!(world.view()["status"], "delivered");
    assert_eq!(world.view()["rider_id"], "r1");
    assert_eq!(world.hear(&picked).ignored, Some("late"), "terminal is final");
}

#[test]
fn a_rider_who_gives_the_delivery_back_is_replaced() {
    let mut world = World::after(&COOKING);
    world.tell(E::PaymentCaptured);
    world.tell(E::CookFinished);
    world.tell(E::RiderAssigned);
    assert_eq!(world.view()["rider_id"], "r1");
    let before: Vec<_> =
        world.commands().into_iter().filter(|(kind, ..)| *kind == C::DispatchDelivery).collect();
    world.pass(Duration::from_secs(60));

    let released = world.tell(E::RiderReleased);
    assert_eq!(released.commands, [C::DispatchDelivery]);
    assert!(world.view()["rider_id"].is_null());
    let (_, again, _) = world.commands().pop().unwrap();
    assert!(before.iter().all(|(_, id, _)| *id != again), "a new generation, a new command");
    let step = world.order().latest().unwrap().step("assign").unwrap();
    assert_eq!(step.generation, 2);
    assert_eq!(step.deadline.unwrap().0, world.now.as_millis() + 600_000, "its deadline is anew");

    world.tell(E::RiderAssigned);
    world.tell(E::FoodPicked);
    world.tell(E::DeliveryConfirmed);
    world.tell(E::StockSettled);
    assert_eq!(world.view()["status"], "delivered");
}

#[test]
fn a_release_after_the_pickup_is_void() {
    let mut world = World::after(&COOKING);
    world.tell(E::PaymentCaptured);
    world.tell(E::CookFinished);
    world.tell(E::RiderAssigned);
    world.tell(E::FoodPicked);
    assert!(world.tell(E::RiderReleased).commands.is_empty());
    assert_eq!(
        (&world.view()["status"], &world.view()["rider_id"]),
        (&"on_the_way".into(), &"r1".into())
    );
}

#[test]
fn a_search_that_finds_nobody_is_widened_and_then_flagged() {
    let mut world = World::after(&COOKING);
    world.tell(E::PaymentCaptured);
    world.pass(Duration::from_secs(601));
    let widened = |world: &World| {
        world.commands().iter().filter(|(kind, ..)| *kind == C::WidenSearch).count()
    };
    assert_eq!(widened(&world), 1);
    assert!(!world.rows[&world.saga_id.0].stalled);
    world.pass(Duration::from_secs(601));
    assert_eq!(widened(&world), 1);
    let row = &world.rows[&world.saga_id.0];
    assert_eq!((row.stalled, row.waiting_on.as_deref()), (true, Some("assign")));
    world.tell(E::RiderAssigned);
    let row = &world.rows[&world.saga_id.0];
    assert!(!row.stalled, "a rider was found");
    assert_eq!(row.waiting_on.as_deref(), Some("cook-finish"), "it was waited for all the time");
}

#[test]
fn a_return_during_the_capture_hands_over_at_once() {
    let mut world = World::after(&COOKING);
    world.tell(E::CookFinished);
    world.tell(E::RiderAssigned);
    world.tell(E::FoodPicked);
    let captured = world.happen(E::PaymentCaptured);
    let returned = world.tell(E::DeliveryReturned);
    assert_eq!(returned.commands, [C::RefundPayment, C::Restock], "in parallel, at once");
    assert_eq!(world.view()["status"], "returning");
    assert_eq!(world.view()["reason"], "delivery_returned");
    assert_eq!(world.order().sagas.len(), 2);
    assert_eq!(world.rows[&world.saga_id.0].status, "returned");

    // The capture is heard by the return saga, to which it means nothing.
    let heard = world.hear(&captured);
    assert!(heard.commands.is_empty() && heard.events.is_empty());
    world.tell(E::StockRestocked);
    assert_eq!(world.tell(E::PaymentRefunded).events, [E::OrderReturned]);
    assert_eq!(world.view()["status"], "returned");
    assert!(world.order().is_finished());
}

#[test]
fn a_delivery_that_comes_back_before_it_was_picked_up_hands_over_too() {
    // A recall: the rider service agrees to it before the pickup.
    let mut world = World::after(&COOKING);
    world.tell(E::PaymentCaptured);
    let returned = world.tell(E::DeliveryReturned);
    assert_eq!(returned.commands, [C::RefundPayment, C::Restock]);
    world.tell(E::PaymentRefunded);
    world.tell(E::StockRestocked);
    assert_eq!(world.view()["status"], "returned");
    let late = world.tell(E::CookFinished);
    assert_eq!(late.ignored, Some("late"));
}

#[test]
fn the_return_saga_goes_on_from_what_was_heard() {
    let mut world = World::after(&COOKING);
    world.tell(E::PaymentCaptured);
    world.tell(E::DeliveryReturned);
    let heard: Vec<_> = world
        .order()
        .latest()
        .unwrap()
        .cursors()
        .iter()
        .map(|(s, c)| (s.as_str(), c.sequence))
        .collect();
    assert_eq!(heard, [("cook", 1), ("payment", 2), ("rider", 1), ("store", 1)]);
    // What the payment service had said before is an answer to nobody now.
    let again = world.again(ServiceName::Payment);
    assert!(world.hear(&again).commands.is_empty());
    let ids: Vec<_> = world.order().sagas.iter().map(saga::Instance::saga_id).collect();
    assert_eq!(ids[1].get_version_num(), 5, "the second saga's id follows from the first's");
}

#[test]
fn two_cancellations_are_one() {
    let mut world = World::after(&COOKING[..1]);
    assert_eq!(status(&world.cancel().reply), 202);
    let again = world.cancel();
    assert_eq!((status(&again.reply), again.saved), (202, false));
    world.tell(E::TicketCancelled);
    world.tell(E::PaymentVoided);
    let late = world.cancel();
    assert_eq!((status(&late.reply), late.saved), (200, false));
}

#[test]
fn a_cancellation_after_the_end_is_refused() {
    let delivered = [
        E::PaymentCaptured,
        E::CookFinished,
        E::RiderAssigned,
        E::FoodPicked,
        E::DeliveryConfirmed,
        E::StockSettled,
    ];
    let returned = [E::DeliveryReturned, E::PaymentRefunded, E::StockRestocked];
    for rest in [&delivered[..], &returned[..]] {
        let mut world = World::after(&COOKING);
        for fact in rest {
            world.tell(*fact);
        }
        assert!(world.order().is_finished());
        let refused = world.cancel();
        assert_eq!(refusal(&refused.reply).slug(), "cooking-started");
        assert!(!refused.saved, "terminal is final");
    }
}

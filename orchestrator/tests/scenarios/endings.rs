//! Every way in which an order ends, from the request to the last word.

use std::time::Duration;

use contracts::{CommandType as C, EventType as E};

use crate::world::World;

/// One thing that happens.
enum Then {
    /// A participant tells this fact.
    Tell(E),
    /// The customer cancels.
    Cancel,
    /// So many seconds go by.
    Pass(u64),
}
use Then::{Cancel, Pass, Tell};

/// Given a placed order, when these things happen, then it ends like this.
fn check(
    name: &str,
    happens: &[Then],
    commands: &[C],
    events: &[E],
    status: &str,
    reason: Option<&str>,
) {
    let mut world = World::placed();
    for then in happens {
        match then {
            Tell(fact) => {
                let outcome = world.tell(*fact);
                assert_eq!(outcome.dead_letter, None, "{name}: {fact}");
            }
            Cancel => {
                world.cancel();
            }
            Pass(seconds) => {
                world.pass(Duration::from_secs(*seconds));
            }
        }
    }
    // Sent again is sent once: by its identity a command counts once.
    let mut seen = Vec::new();
    let sent: Vec<C> = world
        .commands()
        .into_iter()
        .filter(|(_, id, _)| {
            let new = !seen.contains(id);
            seen.push(*id);
            new
        })
        .map(|(kind, ..)| kind)
        .collect();
    assert_eq!(sent, commands, "{name}: commands");
    assert_eq!(world.events(), events, "{name}: events");
    let view = world.view();
    assert_eq!(view["status"], status, "{name}");
    assert_eq!(view["reason"].as_str(), reason, "{name}");
    assert_eq!(view["cancellable"], false, "{name}: what has ended cannot be cancelled");
    assert_eq!(world.wakes_at(), None, "{name}: what has ended wants no waking");
}

/// Everything up to a rider under way.
const ON_THE_WAY: [Then; 7] = [
    Tell(E::PaymentAuthorized),
    Tell(E::OrderAccepted),
    Tell(E::CookStarted),
    Tell(E::PaymentCaptured),
    Tell(E::CookFinished),
    Tell(E::RiderAssigned),
    Tell(E::FoodPicked),
];

fn on_the_way(then: impl IntoIterator<Item = Then>) -> Vec<Then> {
    ON_THE_WAY.into_iter().chain(then).collect()
}

#[test]
fn delivered() {
    check(
        "delivered",
        &on_the_way([Tell(E::DeliveryConfirmed), Tell(E::StockSettled)]),
        &[
            C::AuthorizePayment,
            C::RequestAcceptance,
            C::PrepareFood,
            C::CapturePayment,
            C::DispatchDelivery,
            C::SettleStock,
        ],
        &[E::OrderPlaced, E::OrderCompleted],
        "delivered",
        None,
    );
}

#[test]
fn a_delivered_order_costs_eighteen_messages() {
    let mut world = World::placed();
    let facts = [
        E::PaymentAuthorized,
        E::OrderAccepted,
        E::CookStarted,
        E::PaymentCaptured,
        E::CookFinished,
        E::RiderAssigned,
        E::FoodPicked,
        E::DeliveryConfirmed,
        E::StockSettled,
    ];
    for fact in facts {
        world.tell(fact);
    }
    assert_eq!(world.view()["status"], "delivered");
    // The rider service says `delivery-offered` of its own accord; the rest is counted here.
    let delivery_offered = 1;
    assert_eq!(world.sent.len() + facts.len() + delivery_offered, 18);
}

#[test]
fn the_status_word_follows_the_facts() {
    let mut world = World::placed();
    assert_eq!(world.view()["status"], "placed");
    for (fact, status, cancellable) in [
        (E::PaymentAuthorized, "paid", true),
        (E::OrderAccepted, "accepted", true),
        (E::CookStarted, "cooking", false),
        (E::PaymentCaptured, "cooking", false),
        (E::CookFinished, "cooked", false),
        (E::RiderAssigned, "cooked", false),
        (E::FoodPicked, "on_the_way", false),
        (E::DeliveryConfirmed, "delivered", false),
        (E::StockSettled, "delivered", false),
    ] {
        world.tell(fact);
        let view = world.view();
        assert_eq!(view["status"], status, "after {fact}");
        assert_eq!(view["cancellable"], cancellable, "after {fact}");
    }
    assert_eq!(world.view()["rider_id"], "r1");
}

#[test]
fn payment_declined() {
    check(
        "declined",
        &[Tell(E::PaymentDeclined)],
        &[C::AuthorizePayment],
        &[E::OrderPlaced, E::OrderCancelled],
        "cancelled",
        Some("payment_declined"),
    );
}

#[test]
fn store_rejected() {
    check(
        "rejected",
        &[Tell(E::PaymentAuthorized), Tell(E::OrderRejected), Tell(E::PaymentVoided)],
        &[C::AuthorizePayment, C::RequestAcceptance, C::VoidPayment],
        &[E::OrderPlaced, E::OrderCancelled],
        "cancelled",
        Some("store_rejected"),
    );
}

#[test]
fn kitchen_declined() {
    check(
        "kitchen declined",
        &[
            Tell(E::PaymentAuthorized),
            Tell(E::OrderAccepted),
            Tell(E::CookingDeclined),
            Tell(E::TicketCancelled),
            Tell(E::PaymentVoided),
        ],
        &[
            C::AuthorizePayment,
            C::RequestAcceptance,
            C::PrepareFood,
            C::CancelTicket,
            C::VoidPayment,
        ],
        &[E::OrderPlaced, E::OrderCancelled],
        "cancelled",
        Some("kitchen_declined"),
    );
}

#[test]
fn cancelled_in_time() {
    let events = &[E::OrderPlaced, E::OrderCancelled];
    let reason = Some("customer_cancelled");
    check(
        "while the payment is asked for",
        &[Cancel, Tell(E::PaymentVoided)],
        &[C::AuthorizePayment, C::VoidPayment],
        events,
        "cancelled",
        reason,
    );
    check(
        "while the store is asked",
        &[Tell(E::PaymentAuthorized), Cancel, Tell(E::TicketCancelled), Tell(E::PaymentVoided)],
        &[C::AuthorizePayment, C::RequestAcceptance, C::CancelTicket, C::VoidPayment],
        events,
        "cancelled",
        reason,
    );
    check(
        "while the cook is asked",
        &[
            Tell(E::PaymentAuthorized),
            Tell(E::OrderAccepted),
            Cancel,
            Tell(E::CookingCancelled),
            Tell(E::TicketCancelled),
            Tell(E::PaymentVoided),
        ],
        &[
            C::AuthorizePayment,
            C::RequestAcceptance,
            C::PrepareFood,
            C::CancelCooking,
            C::CancelTicket,
            C::VoidPayment,
        ],
        events,
        "cancelled",
        reason,
    );
}

#[test]
fn timed_out() {
    let events = &[E::OrderPlaced, E::OrderCancelled];
    check(
        "the gateway",
        &[Pass(31), Tell(E::PaymentVoided)],
        &[C::AuthorizePayment, C::VoidPayment],
        events,
        "cancelled",
        Some("payment_timeout"),
    );
    check(
        "the store",
        &[Tell(E::PaymentAuthorized), Pass(301), Tell(E::TicketCancelled), Tell(E::PaymentVoided)],
        &[C::AuthorizePayment, C::RequestAcceptance, C::CancelTicket, C::VoidPayment],
        events,
        "cancelled",
        Some("store_timeout"),
    );
    check(
        "the kitchen",
        &[
            Tell(E::PaymentAuthorized),
            Tell(E::OrderAccepted),
            Pass(901),
            Tell(E::CookingCancelled),
            Tell(E::TicketCancelled),
            Tell(E::PaymentVoided),
        ],
        &[
            C::AuthorizePayment,
            C::RequestAcceptance,
            C::PrepareFood,
            C::CancelCooking,
            C::CancelTicket,
            C::VoidPayment,
        ],
        events,
        "cancelled",
        Some("kitchen_timeout"),
    );
}

#[test]
fn returned() {
    check(
        "from the customer's door",
        &on_the_way([Tell(E::DeliveryReturned), Tell(E::PaymentRefunded), Tell(E::StockRestocked)]),
        &[
            C::AuthorizePayment,
            C::RequestAcceptance,
            C::PrepareFood,
            C::CapturePayment,
            C::DispatchDelivery,
            C::RefundPayment,
            C::Restock,
        ],
        &[E::OrderPlaced, E::OrderReturned],
        "returned",
        Some("delivery_returned"),
    );
}

#[test]
fn a_step_after_the_pivot_that_takes_too_long_is_flagged_and_goes_on() {
    for (given, wait, waits_on) in [
        (
            &[E::PaymentAuthorized, E::OrderAccepted, E::CookStarted, E::RiderAssigned][..],
            3_601,
            "cook-finish",
        ),
        (
            &[
                E::PaymentAuthorized,
                E::OrderAccepted,
                E::CookStarted,
                E::CookFinished,
                E::RiderAssigned,
            ],
            1_801,
            "pickup",
        ),
        (
            &[
                E::PaymentAuthorized,
                E::OrderAccepted,
                E::CookStarted,
                E::CookFinished,
                E::RiderAssigned,
                E::FoodPicked,
            ],
            5_401,
            "deliver",
        ),
    ] {
        let mut world = World::after(given);
        world.tell(E::PaymentCaptured);
        world.pass(Duration::from_secs(wait));
        let row = &world.rows[&world.saga_id.0];
        assert!(row.stalled, "{waits_on}");
        assert_eq!((row.status.as_str(), row.waiting_on.as_deref()), ("running", Some(waits_on)));
        for rest in [E::CookFinished, E::FoodPicked, E::DeliveryConfirmed, E::StockSettled] {
            let told = world.records[&rest.source()].has(rest);
            if !told {
                world.tell(rest);
            }
        }
        assert_eq!(world.view()["status"], "delivered", "{waits_on}");
        assert!(!world.rows[&world.saga_id.0].stalled, "{waits_on}: an end is not stalled");
    }
}

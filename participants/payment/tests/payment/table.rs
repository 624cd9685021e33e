//! Every state and every command, as one table; then the particulars of each fact.

use contracts::{
    Command, Detail, EventType, OrderId,
    command::{AuthorizePayment, OrderOnly},
};

use crate::rig::{Act, Rig, command, foreign_fact, order, won};

const OK: Act = Act::Authorize("tok-ok");
const SLOW: Act = Act::Authorize("tok-slow");
const DECLINED: Act = Act::Authorize("tok-declined");

/// The acts of a row are tried on: authorize, void, capture, refund, and the timer when 44 and
/// when 45 seconds have passed.
fn check(given: &[Act], state: &str, expected: [&str; 6]) {
    assert_eq!(Rig::given(given).state(), state, "{given:?}");
    let due: &[Act] = &[Act::Pass(45), Act::Wake];
    let early: &[Act] = &[Act::Pass(44), Act::Wake];
    let columns = [&[OK][..], &[Act::Void], &[Act::Capture], &[Act::Refund], early, due];
    for (acts, expected) in columns.into_iter().zip(expected) {
        let mut rig = Rig::given(given);
        let words: Vec<String> = acts.iter().map(|act| rig.act(*act)).collect();
        let last = words.last().map(String::as_str);
        assert_eq!(last, Some(expected), "{state}: {given:?} then {acts:?}");
    }
}

#[test]
fn every_command_in_every_state() {
    let stale = "stale-timer";
    let wait = "answer-pending";
    check(
        &[],
        "none",
        [
            "-> authorized, payment-authorized",
            "-> voided, payment-voided",
            "unknown-order",
            "-> refunded, payment-refunded",
            stale,
            stale,
        ],
    );
    check(
        &[SLOW],
        "pending",
        [
            wait,
            "-> voiding",
            wait,
            "-> refunding",
            "early-timer",
            "-> authorized, payment-authorized",
        ],
    );
    check(
        &[SLOW, Act::Void],
        "voiding",
        [wait, wait, wait, wait, "early-timer", "-> voided, payment-voided"],
    );
    check(
        &[SLOW, Act::Refund],
        "refunding",
        [wait, wait, wait, wait, "early-timer", "-> refunded, payment-refunded"],
    );
    for given in [&[OK][..], &[SLOW, Act::Pass(45), Act::Wake]] {
        let again = "again payment-authorized";
        check(
            given,
            "authorized",
            [
                again,
                "-> voided, payment-voided",
                "-> captured, payment-captured",
                "-> refunded, payment-refunded",
                stale,
                stale,
            ],
        );
    }
    let again = "again payment-declined";
    check(
        &[DECLINED],
        "declined",
        [again, "-> voided, payment-voided", again, "-> refunded, payment-refunded", stale, stale],
    );
    let again = "again payment-voided";
    for given in [
        &[Act::Void][..],
        &[OK, Act::Void],
        &[DECLINED, Act::Void],
        &[SLOW, Act::Void, Act::Pass(60), Act::Wake],
    ] {
        check(
            given,
            "voided",
            [again, again, again, "-> refunded, payment-refunded", stale, stale],
        );
    }
    let again = "again payment-captured";
    check(
        &[OK, Act::Capture],
        "captured",
        [again, again, again, "-> refunded, payment-refunded", stale, stale],
    );
    let again = "again payment-refunded";
    for given in [
        &[Act::Refund][..],
        &[OK, Act::Refund],
        &[OK, Act::Capture, Act::Refund],
        &[DECLINED, Act::Refund],
        &[OK, Act::Void, Act::Refund],
        &[SLOW, Act::Refund, Act::Pass(45), Act::Wake],
    ] {
        check(given, "refunded", [again, again, again, again, stale, stale]);
    }
}

#[test]
fn each_fact_says_how_much_and_why() {
    let held = Detail { amount: Some(won(19_000)), ..Detail::default() };
    let declined = Detail { reason: Some("payment_declined".to_owned()), ..held.clone() };
    let nothing = Detail::default();
    for (given, expected) in [
        (&[DECLINED][..], &[(EventType::PaymentDeclined, &declined)][..]),
        (
            &[DECLINED, Act::Void],
            &[(EventType::PaymentDeclined, &declined), (EventType::PaymentVoided, &nothing)],
        ),
        (&[Act::Void, OK], &[(EventType::PaymentVoided, &nothing)]),
        (&[SLOW, Act::Void, Act::Pass(45), Act::Wake], &[(EventType::PaymentVoided, &held)]),
        (
            &[OK, Act::Refund],
            &[(EventType::PaymentAuthorized, &held), (EventType::PaymentRefunded, &held)],
        ),
        (
            &[OK, Act::Capture, Act::Refund],
            &[
                (EventType::PaymentAuthorized, &held),
                (EventType::PaymentCaptured, &held),
                (EventType::PaymentRefunded, &held),
            ],
        ),
    ] {
        let rig = Rig::given(given);
        let milestones = &rig.payment().unwrap().record.milestones;
        let said: Vec<_> = milestones.iter().map(|it| (it.kind, &it.data)).collect();
        assert_eq!(&said[..], expected, "{given:?}");
    }
}

#[test]
fn the_timer_stands_only_while_the_gateway_is_silent() {
    use runtime::Aggregate as _;
    let armed = |given: &[Act]| Rig::given(given).payment().unwrap().wake_at().is_some();
    assert!(armed(&[SLOW]));
    assert!(armed(&[SLOW, Act::Void]));
    assert!(!armed(&[SLOW, Act::Pass(45), Act::Wake]));
    assert!(!armed(&[OK]));
}

#[test]
fn what_is_shown_tells_every_part_and_keeps_the_token_out() {
    let rig = Rig::given(&[OK, Act::Capture, Act::Refund]);
    let payment = rig.payment().unwrap();
    let shown = serde_json::to_value(payment::holding(payment)).unwrap();
    for (pointer, expected) in [
        ("/order_id", "order-1"),
        ("/state", "refunded"),
        ("/customer_id", "customer-1"),
        ("/authorization/state", "captured"),
        ("/capture/state", "refunded"),
        ("/refund/state", "refunded"),
        ("/milestones/2/type", "payment-refunded"),
    ] {
        assert_eq!(shown.pointer(pointer).and_then(|it| it.as_str()), Some(expected), "{pointer}");
    }
    assert_eq!(shown["active"], false);
    assert_eq!(shown["version"], 3);
    assert!(!shown.to_string().contains("tok-"));
}

#[test]
fn a_message_that_can_never_be_obeyed_is_a_dead_letter() {
    let order_id: OrderId = order();
    let negative = Command::AuthorizePayment(AuthorizePayment {
        order_id: order_id.clone(),
        customer_id: contracts::CustomerId::new("customer-1").unwrap(),
        amount: won(-1),
        token: "tok-ok".to_owned(),
    });
    let foreign = Command::CancelTicket(OrderOnly { order_id });
    for (input, reason) in [
        (command(negative), "impossible-amount: an amount to hold cannot be negative"),
        (command(foreign), "misrouted: payment has no command cancel-ticket"),
        (foreign_fact(order()), "misrouted: payment does not listen to cook-finished"),
    ] {
        let mut rig = Rig::new();
        let decision = rig.take(&input);
        assert_eq!(decision.dead_letter.as_deref(), Some(reason));
        assert!(rig.payment().is_none());
    }
}

//! Every state and every command and answer, as one table, with where the pieces are afterwards.

use contracts::{
    Command,
    EventType::{OrderAccepted, OrderRejected, StockRestocked, TicketCancelled},
    command::OrderOnly,
};

use crate::rig::{
    Act::{self, Accept, Cancel, Reject, Request, Restock, Settle},
    Rig, answer, command, foreign_fact, order, put, request,
};

type Stock = (u64, u64, u64);

const FREE: Stock = (10, 0, 0);
const HELD: Stock = (8, 2, 0);
const SOLD: Stock = (8, 0, 2);

fn check(given: &[Act], state: &str, expected: [(&str, Stock); 6]) {
    assert_eq!(Rig::given(given).state("order-1"), state, "{given:?}");
    let acts = [Request, Accept, Reject, Cancel, Settle, Restock];
    for (act, expected) in acts.into_iter().zip(expected) {
        let mut rig = Rig::given(given);
        let words = rig.act(act);
        let found = (words.as_str(), rig.stock("gimbap"));
        assert_eq!(found, expected, "{state}: {given:?} then {act:?}");
    }
}

#[test]
fn every_command_in_every_state() {
    check(
        &[],
        "none",
        [
            ("-> pending", FREE),
            ("404 not-found", FREE),
            ("404 not-found", FREE),
            ("-> cancelled, ticket-cancelled", FREE),
            ("unknown-order", FREE),
            ("-> restocked, stock-restocked", FREE),
        ],
    );
    check(
        &[Request],
        "pending",
        [
            ("answer-pending", FREE),
            ("-> accepted, order-accepted", HELD),
            ("-> rejected, order-rejected", FREE),
            ("-> cancelled, ticket-cancelled", FREE),
            ("answer-pending", FREE),
            ("-> restocked, stock-restocked", FREE),
        ],
    );
    let again = "again order-accepted";
    check(
        &[Request, Accept],
        "accepted",
        [
            (again, HELD),
            ("heard-before", HELD),
            ("409 already-accepted", HELD),
            ("-> cancelled, ticket-cancelled", FREE),
            ("-> settled, stock-settled", SOLD),
            ("-> restocked, stock-restocked", FREE),
        ],
    );
    let again = "again order-rejected";
    check(
        &[Request, Reject],
        "rejected",
        [
            (again, FREE),
            ("409 already-rejected", FREE),
            ("heard-before", FREE),
            ("-> cancelled, ticket-cancelled", FREE),
            (again, FREE),
            ("-> restocked, stock-restocked", FREE),
        ],
    );
    let again = ("again ticket-cancelled", FREE);
    let void = ("409 ticket-cancelled", FREE);
    for given in [
        &[Cancel][..],
        &[Cancel, Request],
        &[Request, Cancel],
        &[Request, Accept, Cancel],
        &[Request, Reject, Cancel],
    ] {
        let restocked = ("-> restocked, stock-restocked", FREE);
        check(given, "cancelled", [again, void, void, again, again, restocked]);
    }
    let again = ("again stock-settled", SOLD);
    check(
        &[Request, Accept, Settle],
        "settled",
        [again, ("heard-before", SOLD), ("409 already-accepted", SOLD), again, again, again],
    );
    let again = ("again stock-restocked", FREE);
    for given in [&[Restock][..], &[Request, Restock]] {
        check(given, "restocked", [again, void, void, again, again, again]);
    }
    check(
        &[Request, Accept, Restock],
        "restocked",
        [again, ("heard-before", FREE), ("409 already-accepted", FREE), again, again, again],
    );
    check(
        &[Request, Reject, Restock],
        "restocked",
        [again, ("409 already-rejected", FREE), ("heard-before", FREE), again, again, again],
    );
}

#[test]
fn each_fact_says_why() {
    for (accepted, words, kind, reason) in [
        (true, None, OrderAccepted, None),
        (true, Some("10 minutes more"), OrderAccepted, Some("10 minutes more")),
        (false, None, OrderRejected, Some("store_rejected")),
        (false, Some("closed today"), OrderRejected, Some("closed today")),
        (false, Some("out_of_stock"), OrderRejected, Some("out_of_stock")),
    ] {
        let mut rig = Rig::given(&[Request]);
        rig.hear("order-1", &answer("order-1", accepted, words));
        let milestone = rig.ticket("order-1").unwrap().record.latest().unwrap();
        assert_eq!((milestone.kind, milestone.data.reason.as_deref()), (kind, reason));
    }
}

#[test]
fn milestones_keep_the_whole_story() {
    for (given, expected) in [
        (&[Request, Accept, Cancel][..], &[OrderAccepted, TicketCancelled][..]),
        (&[Request, Reject, Cancel, Restock], &[OrderRejected, TicketCancelled, StockRestocked]),
        (&[Cancel, Request, Cancel], &[TicketCancelled]),
    ] {
        let rig = Rig::given(given);
        let milestones = &rig.ticket("order-1").unwrap().record.milestones;
        let kinds: Vec<_> = milestones.iter().map(|milestone| milestone.kind).collect();
        assert_eq!(kinds, expected, "{given:?}");
    }
}

#[test]
fn an_acceptance_reserves_every_line_or_nothing() {
    for (lines, words, gimbap, ramen) in [
        (&[("gimbap", 10), ("ramen", 3)][..], "-> accepted, order-accepted", (0, 10), (0, 3)),
        (
            &[("gimbap", 4), ("ramen", 1), ("gimbap", 6)],
            "-> accepted, order-accepted",
            (0, 10),
            (2, 1),
        ),
        (&[("gimbap", 1), ("ramen", 4)], "409 out-of-stock", (10, 0), (3, 0)),
        (&[("gimbap", 6), ("gimbap", 5)], "409 out-of-stock", (10, 0), (3, 0)),
        (&[("gimbap", 1), ("not-on-the-menu", 1)], "409 out-of-stock", (10, 0), (3, 0)),
        (&[("gimbap", u32::MAX), ("gimbap", u32::MAX)], "409 out-of-stock", (10, 0), (3, 0)),
    ] {
        let mut rig = Rig::given(&[]);
        rig.take(&put("ramen", "Ramen", 4_000, 3));
        rig.act_on("o", lines, Request);
        assert_eq!(rig.act_on("o", lines, Accept), words, "{lines:?}");
        let free_and_held = |rig: &Rig, id| (rig.stock(id).0, rig.stock(id).1);
        let found = (free_and_held(&rig, "gimbap"), free_and_held(&rig, "ramen"));
        assert_eq!(found, (gimbap, ramen), "{lines:?}");
        if words.starts_with("409") {
            assert_eq!(rig.state("o"), "pending");
            assert_eq!(rig.act_on("o", lines, Reject), "-> rejected, order-rejected");
        }
    }
}

#[test]
fn when_nobody_is_to_be_waited_for_tickets_answer_themselves() {
    let mut rig = Rig::new(true);
    rig.take(&put("gimbap", "Gimbap", 9_500, 3));
    let words =
        |rig: &mut Rig, id: &str, quantity| rig.hear(id, &request(id, &[("gimbap", quantity)]));
    assert_eq!(words(&mut rig, "o1", 2), "-> accepted, order-accepted");
    assert_eq!(words(&mut rig, "o1", 2), "again order-accepted");
    assert_eq!(words(&mut rig, "o2", 2), "-> rejected, order-rejected");
    assert_eq!(rig.stock("gimbap"), (1, 2, 0));
    let rejection = rig.ticket("o2").unwrap().record.latest().unwrap();
    assert_eq!(rejection.data.reason.as_deref(), Some("out_of_stock"));
}

#[test]
fn what_is_held_is_reserved_or_sold_as_the_state_says() {
    let pieces = |quantity| serde_json::json!([{"menu_id": "gimbap", "quantity": quantity}]);
    let none = || serde_json::json!([]);
    for (given, active, reserved, sold) in [
        (&[Request][..], true, none(), none()),
        (&[Request, Accept], true, pieces(2), none()),
        (&[Request, Accept, Settle], false, none(), pieces(2)),
        (&[Request, Accept, Cancel], false, none(), none()),
        (&[Cancel], false, none(), none()),
    ] {
        let rig = Rig::given(given);
        let held = serde_json::to_value(store::holding(rig.ticket("order-1").unwrap())).unwrap();
        let found = (&held["active"], &held["reserved"], &held["sold"]);
        assert_eq!(found, (&active.into(), &reserved, &sold), "{given:?}");
        assert_eq!(held["order_id"], "order-1");
    }
}

#[test]
fn what_is_for_somebody_else_is_a_dead_letter() {
    let only = OrderOnly { order_id: order("order-1") };
    for (foreign, reason) in [
        (command(Command::VoidPayment(only)), "misrouted: store has no command void-payment"),
        (foreign_fact(order("order-1")), "misrouted: store does not listen to cook-finished"),
    ] {
        let words = Rig::given(&[]).hear("order-1", &foreign);
        assert_eq!(words, format!("dead letter: {reason}"));
    }
}

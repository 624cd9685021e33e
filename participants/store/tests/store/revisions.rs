//! Changes of a ticket: every command in every state, with what the ticket is about afterwards.

use crate::rig::{
    Act::{self, Accept, Cancel, Keep, Reject, Request, Restock, Revise, Settle},
    Rig,
};

/// How many pieces the ticket is about.
fn pieces(rig: &Rig) -> u64 {
    rig.ticket("order-1").map_or(0, |ticket| ticket.quantities().into_values().sum())
}

fn check(given: &[Act], acts: &[(Act, &str, u64)]) {
    let mut rig = Rig::given(given);
    for (act, words, about) in acts {
        let found = rig.act(*act);
        assert_eq!((found.as_str(), pieces(&rig)), (*words, *about), "{given:?} then {act:?}");
    }
}

#[test]
fn a_ticket_is_changed_until_it_is_answered() {
    check(
        &[Request],
        &[
            (Revise(1, 5), "ticket-revised", 5),
            (Revise(1, 7), "again ticket-revised", 5),
            (Revise(2, 3), "ticket-revised", 3),
            (Accept, "-> accepted, order-accepted", 3),
            (Revise(3, 4), "ticket-revision-refused", 3),
        ],
    );
    let rig = Rig::given(&[Request, Revise(1, 5), Accept]);
    assert_eq!(rig.stock("gimbap"), (5, 5, 0), "what it was changed to is reserved");
    let rig = Rig::given(&[Request, Revise(1, 5), Accept, Settle]);
    assert_eq!(rig.stock("gimbap"), (5, 0, 5));
    let rig = Rig::given(&[Request, Revise(1, 5), Accept, Cancel]);
    assert_eq!(rig.stock("gimbap"), (10, 0, 0));
}

#[test]
fn an_answered_or_void_ticket_is_not_changed_and_says_why() {
    for (given, reason) in [
        (&[Request, Accept][..], "already_accepted"),
        (&[Request, Accept, Settle], "already_accepted"),
        (&[Request, Reject], "already_rejected"),
        (&[Request, Cancel], "ticket_cancelled"),
        (&[Cancel], "ticket_cancelled"),
    ] {
        let mut rig = Rig::given(given);
        let before = pieces(&rig);
        assert_eq!(rig.act(Revise(1, 5)), "ticket-revision-refused", "{given:?}");
        let told = rig.ticket("order-1").unwrap().record.latest().unwrap();
        assert_eq!(told.data.reason.as_deref(), Some(reason));
        assert_eq!(pieces(&rig), before);
        // Its undo has nothing to undo: the refusal stands.
        assert_eq!(rig.act(Keep(1)), "again ticket-revision-refused");
    }
}

#[test]
fn an_undo_is_refused_once_it_is_changed_and_is_a_tombstone_before() {
    check(&[Request, Revise(1, 5)], &[(Keep(1), "again ticket-revised", 5)]);
    check(
        &[Request],
        &[
            (Keep(1), "ticket-kept", 2),
            (Revise(1, 5), "again ticket-kept", 2),
            (Keep(1), "again ticket-kept", 2),
            (Revise(2, 5), "ticket-revised", 5),
            (Keep(1), "again ticket-revised", 5),
        ],
    );
    for given in [&[Request, Accept][..], &[Request, Reject], &[Cancel], &[Request, Restock]] {
        let about = pieces(&Rig::given(given));
        check(
            given,
            &[(Keep(1), "ticket-kept", about), (Revise(1, 5), "again ticket-kept", about)],
        );
    }
}

#[test]
fn a_change_that_comes_before_its_ticket_waits_for_it() {
    check(
        &[],
        &[
            (Revise(1, 5), "unknown-order", 0),
            (Keep(1), "unknown-order", 0),
            (Request, "-> pending", 2),
            (Revise(1, 5), "ticket-revised", 5),
            // The request that made the ticket, sent again: it is the same ticket.
            (Request, "again ticket-revised", 5),
        ],
    );
}

//! Changes of the sum: every command in every state, with what is held afterwards.

use crate::rig::{
    Act::{self, Adjust, Authorize, Capture, Pass, Refund, Restore, Revise, Take, Void, Wake},
    Rig,
};

const PAID: Act = Authorize("tok-ok");
const MORE: Act = Revise(1, 28_500, "tok-ok");
const LESS: Act = Revise(1, 9_500, "tok-ok");
const TOO_MUCH: Act = Revise(1, 28_500, "tok-limit");
const SLOWLY: Act = Revise(1, 28_500, "tok-slow-raise");

fn check(given: &[Act], acts: &[(Act, &str, i64)]) {
    let mut rig = Rig::given(given);
    for (act, words, held) in acts {
        let found = rig.act(*act);
        assert_eq!((found.as_str(), rig.hold()), (*words, *held), "{given:?} then {act:?}");
    }
}

#[test]
fn more_is_held_at_once_and_less_only_once_it_is_sure() {
    check(&[PAID], &[(MORE, "payment-revised", 28_500), (Adjust(1), "payment-adjusted", 28_500)]);
    check(&[PAID], &[(LESS, "payment-revised", 19_000), (Adjust(1), "payment-adjusted", 9_500)]);
    check(
        &[PAID],
        &[
            (Revise(1, 19_000, "tok-limit"), "payment-revised", 19_000),
            (Adjust(1), "payment-adjusted", 19_000),
        ],
    );
}

#[test]
fn an_undo_holds_what_was_held() {
    for change in [MORE, LESS] {
        check(&[PAID, change], &[(Restore(1), "payment-restored", 19_000)]);
    }
    check(&[PAID, TOO_MUCH], &[(Restore(1), "again payment-revision-declined", 19_000)]);
    check(&[PAID, MORE, Adjust(1)], &[(Restore(1), "again payment-adjusted", 28_500)]);
}

#[test]
fn a_higher_sum_that_is_declined_changes_nothing() {
    check(&[PAID], &[(TOO_MUCH, "payment-revision-declined", 19_000)]);
    check(&[PAID, TOO_MUCH], &[(MORE, "again payment-revision-declined", 19_000)]);
}

#[test]
fn an_undo_that_comes_first_is_a_tombstone() {
    check(
        &[PAID],
        &[
            (Restore(1), "payment-restored", 19_000),
            (MORE, "again payment-restored", 19_000),
            (Restore(1), "again payment-restored", 19_000),
            (Adjust(1), "again payment-restored", 19_000),
            (Revise(2, 28_500, "tok-ok"), "payment-revised", 28_500),
        ],
    );
}

#[test]
fn what_is_late_from_a_change_that_is_over_touches_nothing() {
    let second = Revise(2, 38_000, "tok-ok");
    for over in [&[PAID, MORE, Adjust(1)][..], &[PAID, MORE, Restore(1)], &[PAID, TOO_MUCH]] {
        let given: Vec<Act> = over.iter().copied().chain([second]).collect();
        let again = "again payment-revised";
        check(
            &given,
            &[
                (MORE, again, 38_000),
                (LESS, again, 38_000),
                (Restore(1), again, 38_000),
                (Adjust(1), again, 38_000),
                (Adjust(2), "payment-adjusted", 38_000),
            ],
        );
    }
}

#[test]
fn a_slow_gateway_is_waited_for_and_its_answer_reversed_where_it_was_undone() {
    let given = &[PAID, SLOWLY][..];
    let wait = "answer-pending";
    check(
        given,
        &[
            (SLOWLY, wait, 19_000),
            (Pass(45), "", 19_000),
            (Wake, "payment-revised", 28_500),
            (SLOWLY, "again payment-revised", 28_500),
        ],
    );
    check(
        given,
        &[
            (Restore(1), "", 19_000),
            (Restore(1), wait, 19_000),
            (Pass(45), "", 19_000),
            (Wake, "payment-restored", 19_000),
        ],
    );
    // Everything is undone, or taken, before it has answered.
    check(
        given,
        &[
            (Void, "-> voiding", 19_000),
            (Pass(45), "", 19_000),
            (Wake, "-> voided, payment-voided", 19_000),
        ],
    );
    check(
        given,
        &[
            (Refund, "-> refunding", 19_000),
            (Pass(45), "", 19_000),
            (Wake, "-> refunded, payment-refunded", 19_000),
        ],
    );
    check(
        given,
        &[
            (Take(19_000), "-> captured, payment-captured", 19_000),
            (Pass(45), "", 19_000),
            (Wake, "payment-revision-declined", 19_000),
        ],
    );
    let rig = Rig::given(&[PAID, SLOWLY, Void, Pass(45), Wake]);
    let told: Vec<_> =
        rig.payment().unwrap().record.milestones.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(told, ["payment-authorized", "payment-revision-declined", "payment-voided"]);
}

#[test]
fn so_much_is_taken_as_the_order_costs_whatever_is_held() {
    let captured = "-> captured, payment-captured";
    check(
        &[PAID, MORE],
        &[(Take(19_000), captured, 19_000), (Restore(1), "payment-restored", 19_000)],
    );
    check(&[PAID, LESS], &[(Take(9_500), captured, 9_500), (Adjust(1), "payment-adjusted", 9_500)]);
    check(&[PAID], &[(Capture, captured, 19_000)]);
    // Nobody takes what is not held.
    check(&[PAID], &[(Take(20_000), captured, 19_000)]);
}

#[test]
fn a_change_of_what_is_not_held_is_declined_and_its_undo_answered() {
    for given in [
        &[PAID, Void][..],
        &[PAID, Refund],
        &[PAID, Capture],
        &[Authorize("tok-declined")],
        &[Authorize("tok-slow")],
    ] {
        let held = Rig::given(given).hold();
        check(
            given,
            &[
                (MORE, "payment-revision-declined", held),
                (Restore(1), "again payment-revision-declined", held),
            ],
        );
        check(
            given,
            &[(Restore(1), "payment-restored", held), (MORE, "again payment-restored", held)],
        );
    }
}

#[test]
fn an_undo_of_everything_undoes_a_change_too() {
    for change in [MORE, LESS] {
        let held = Rig::given(&[PAID, change]).hold();
        for (undo, words) in
            [(Void, "-> voided, payment-voided"), (Refund, "-> refunded, payment-refunded")]
        {
            check(&[PAID, change], &[(undo, words, held), (Restore(1), "payment-restored", held)]);
            check(&[PAID, change], &[(undo, words, held), (Adjust(1), "payment-adjusted", held)]);
        }
    }
}

#[test]
fn of_an_order_that_is_not_known_nothing_is_changed() {
    check(
        &[],
        &[
            (MORE, "unknown-order", 0),
            (Restore(1), "unknown-order", 0),
            (Adjust(1), "unknown-order", 0),
        ],
    );
    check(&[PAID], &[(Adjust(1), "nothing-to-adjust", 19_000)]);
}

//! What must hold after any sequence of inputs, repeated and reordered as may be.

use contracts::{EventType, Milestone};
use payment::{
    domain::{AuthorizationState, State},
    revision::RevisionState,
};
use proptest::{collection::vec, prelude::*};

use crate::rig::{AUTHORIZED, Act, Rig};

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        Just(Act::Authorize("tok-ok")),
        Just(Act::Authorize("tok-slow")),
        Just(Act::Authorize("tok-declined")),
        Just(Act::Void),
        Just(Act::Capture),
        Just(Act::Refund),
        (18_000_i64..30_000).prop_map(Act::Take),
        any_change(),
        any_change(),
        Just(Act::Wake),
        (0_u64..50).prop_map(Act::Pass),
    ]
}

fn any_change() -> impl Strategy<Value = Act> {
    let token = prop::sample::select(vec!["tok-ok", "tok-limit", "tok-slow-raise"]);
    prop_oneof![
        (1..4_u32, 10_000_i64..30_000, token)
            .prop_map(|(n, amount, by)| Act::Revise(n, amount, by)),
        (1..4_u32).prop_map(Act::Restore),
        (1..4_u32).prop_map(Act::Adjust),
    ]
}

fn count(milestones: &[Milestone], kind: EventType) -> usize {
    milestones.iter().filter(|milestone| milestone.kind == kind).count()
}

fn assert_sound(rig: &Rig) {
    let Some(payment) = rig.payment() else { return };
    let milestones = &payment.record.milestones;
    for kind in [
        EventType::PaymentAuthorized,
        EventType::PaymentDeclined,
        EventType::PaymentVoided,
        EventType::PaymentCaptured,
        EventType::PaymentRefunded,
    ] {
        assert!(count(milestones, kind) <= 1, "{kind} twice");
    }
    let has = |kind| payment.record.has(kind);
    assert!(!(has(EventType::PaymentVoided) && has(EventType::PaymentCaptured)));
    assert!(!has(EventType::PaymentCaptured) || has(EventType::PaymentAuthorized));
    assert_eq!(payment.capture.is_some(), has(EventType::PaymentCaptured));
    assert_eq!(payment.refund.is_some(), has(EventType::PaymentRefunded));
    let held = payment
        .authorization
        .as_ref()
        .is_some_and(|authorization| authorization.state == AuthorizationState::Authorized);
    let raising = payment
        .revision
        .is_some_and(|it| matches!(it.state, RevisionState::Pending | RevisionState::Restoring));
    let undoing = matches!(payment.state, State::Voiding | State::Refunding);
    let holds = payment.state == State::Authorized || (undoing && raising);
    assert_eq!(held, holds, "money is held only where we say so");
    let waiting = payment.state == State::Pending || undoing;
    assert_eq!(payment.awaited.is_some(), waiting || raising);
    if let (Some(capture), Some(hold)) = (&payment.capture, &payment.authorization) {
        assert_eq!(capture.amount, hold.amount, "what was not taken is released");
    }
    // As long as a change is not sure, the larger sum is held; then exactly one of the two.
    let Some(revision) = payment.revision.filter(|_| held) else { return };
    // A change that came before the gateway had answered found nothing that was held.
    let from = revision.from.map_or(AUTHORIZED, |it| it.amount);
    let to = revision.to.map_or(0, |it| it.amount);
    let expected = match revision.state {
        RevisionState::Held => from.max(to),
        RevisionState::Adjusted => to,
        RevisionState::Pending
        | RevisionState::Restoring
        | RevisionState::Declined
        | RevisionState::Restored => from,
    };
    // A change that nobody undid or settled before the next is the saga's to avoid; here the hold
    // goes on from where it was.
    assert_eq!(rig.hold(), expected, "{revision:?}");
}

proptest! {
    #[test]
    fn no_effect_happens_twice_and_nothing_follows_an_undo(acts in vec(any_act(), 0..25)) {
        let mut rig = Rig::new();
        for act in acts {
            let before = rig.payment().cloned();
            rig.act(act);
            assert_sound(&rig);
            let (Some(before), Some(after)) = (before, rig.payment()) else { continue };
            prop_assert!(after.record.milestones.starts_with(&before.record.milestones));
            if before.record.has(EventType::PaymentVoided)
                || before.record.has(EventType::PaymentRefunded)
            {
                prop_assert!(!after.is_active());
                prop_assert_eq!(&after.capture, &before.capture);
            }
        }
    }

    #[test]
    fn a_change_is_decided_once_and_every_undo_of_one_is_answered(
        acts in vec(any_act(), 0..15),
        number in 1..4_u32,
    ) {
        let mut rig = Rig::given(&[Act::Authorize("tok-ok")]);
        for act in acts {
            rig.act(act);
        }
        rig.act(Act::Restore(number));
        rig.act(Act::Pass(60));
        rig.act(Act::Wake);
        rig.act(Act::Restore(number));
        let answer = rig.act(Act::Restore(number));
        prop_assert!(answer.starts_with("again "), "{}", answer);
        // It is over: nothing that names it, or an earlier one, changes anything.
        let before = rig.payment().cloned();
        for late in 1..=number {
            for act in [Act::Revise(late, 29_000, "tok-ok"), Act::Restore(late)] {
                rig.act(act);
            }
        }
        prop_assert_eq!(before, rig.payment().cloned());
    }

    #[test]
    fn an_undo_that_is_sent_until_answered_is_answered(acts in vec(any_act(), 0..15)) {
        for (undo, words) in [(Act::Void, "payment-voided"), (Act::Refund, "payment-refunded")] {
            let mut rig = Rig::given(&acts);
            rig.act(undo);
            rig.act(Act::Pass(60));
            rig.act(Act::Wake);
            let answer = rig.act(undo);
            // What else has happened since is told in the same fact.
            let payment = rig.payment().unwrap();
            let undone = [
                EventType::PaymentVoided,
                EventType::PaymentCaptured,
                EventType::PaymentRefunded,
            ];
            let over = undone.iter().any(|it| payment.record.has(*it));
            if over && payment.revision.is_some() && answer.starts_with("again ") {
                continue;
            }
            // A void never undoes a capture or a refund: those answer with themselves.
            let told = [words, "again payment-captured", "again payment-refunded"];
            prop_assert!(told.iter().any(|it| answer.ends_with(it)), "{:?}: {}", undo, answer);
            if undo == Act::Refund {
                prop_assert!(answer.ends_with("payment-refunded"), "{}", answer);
            }
        }
    }
}

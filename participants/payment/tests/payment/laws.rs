//! What must hold after any sequence of inputs, repeated and reordered as may be.

use contracts::{EventType, Milestone};
use payment::domain::{AuthorizationState, State};
use proptest::{collection::vec, prelude::*};

use crate::rig::{Act, Rig};

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        Just(Act::Authorize("tok-ok")),
        Just(Act::Authorize("tok-slow")),
        Just(Act::Authorize("tok-declined")),
        Just(Act::Void),
        Just(Act::Capture),
        Just(Act::Refund),
        Just(Act::Wake),
        (0_u64..50).prop_map(Act::Pass),
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
    assert_eq!(held, payment.state == State::Authorized, "money is held only where we say so");
    let waiting = matches!(payment.state, State::Pending | State::Voiding | State::Refunding);
    assert_eq!(payment.awaited.is_some(), waiting);
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
    fn an_undo_that_is_sent_until_answered_is_answered(acts in vec(any_act(), 0..15)) {
        for (undo, words) in [(Act::Void, "payment-voided"), (Act::Refund, "payment-refunded")] {
            let mut rig = Rig::given(&acts);
            rig.act(undo);
            rig.act(Act::Pass(60));
            rig.act(Act::Wake);
            let answer = rig.act(undo);
            // A void never undoes a capture or a refund: those answer with themselves.
            let told = [words, "again payment-captured", "again payment-refunded"];
            prop_assert!(told.iter().any(|it| answer.ends_with(it)), "{:?}: {}", undo, answer);
            if undo == Act::Refund {
                prop_assert!(answer.ends_with("payment-refunded"), "{}", answer);
            }
        }
    }
}

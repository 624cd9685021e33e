//! What holds for any sequence of inputs.

use contracts::EventType as E;
use proptest::prelude::*;

use super::builders::{decline, prepare, when};
use crate::domain::{Ask, Outcome, State, Ticket};

fn any_ask() -> impl Strategy<Value = Ask> {
    prop::sample::select(vec![
        prepare(),
        Ask::Cancel,
        Ask::Start,
        Ask::Finish,
        decline("busy"),
        decline("other"),
    ])
}

proptest! {
    #[test]
    fn one_winner_one_version_a_change_and_milestones_only_grow(
        asks in prop::collection::vec(any_ask(), 1..30),
        auto in any::<bool>(),
    ) {
        let mut ticket: Option<Ticket> = None;
        for ask in &asks {
            let before = ticket.clone().map(|t| t.record).unwrap_or_default();
            if let Outcome::Changed { ticket: after, news } = when(ticket.as_ref(), ask, auto) {
                prop_assert_eq!(after.record.sequence, before.sequence + 1);
                prop_assert!(after.record.milestones.starts_with(&before.milestones));
                prop_assert_eq!(news, after.record.milestones.len() > before.milestones.len());
                ticket = Some(*after);
            }
            let Some(ticket) = &ticket else { continue };
            let times = |kind| ticket.record.milestones.iter().filter(|m| m.kind == kind).count();
            let (started, cancelled) = (times(E::CookStarted), times(E::CookingCancelled));
            prop_assert!(started + cancelled <= 1, "started and cancelled: {:?}", ticket.record);
            prop_assert!(times(E::CookFinished) <= started);
            prop_assert!(times(E::CookingDeclined) + started <= 1);
            prop_assert_eq!(cancelled == 1, ticket.state == State::Cancelled);
        }
    }

    #[test]
    fn what_is_told_twice_changes_nothing(
        asks in prop::collection::vec(any_ask(), 0..10),
        last in any_ask(),
    ) {
        let mut ticket: Option<Ticket> = None;
        for ask in asks.iter().chain([&last]) {
            if let Outcome::Changed { ticket: after, .. } = when(ticket.as_ref(), ask, false) {
                ticket = Some(*after);
            }
        }
        let again = when(ticket.as_ref(), &last, false);
        prop_assert!(!matches!(again, Outcome::Changed { .. }), "{again:?}");
    }
}

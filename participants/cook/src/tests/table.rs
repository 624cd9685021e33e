//! Every state against every input.

use contracts::EventType as E;

use super::builders::{decline, items, order, prepare, store, tickets, when, word};
use crate::domain::{Ask, Outcome, Refusal as R, State as S};

/// What is expected of one pair.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// Into that state, telling that milestone, if any.
    To(S, Option<E>),
    /// Nothing changes.
    Same,
    No(R),
}
use Then::{No, Same, To};

fn check(given: &str, ask: &Ask, then: Then) {
    let (_, ticket) = tickets().into_iter().find(|(name, _)| *name == given).unwrap();
    let case = format!("{given} (really {}) when {ask:?}", word(ticket.as_ref()));
    let outcome = when(ticket.as_ref(), ask, false);
    match (outcome, then) {
        (Outcome::Changed { ticket: after, news }, To(state, milestone)) => {
            let before = ticket.map(|ticket| ticket.record).unwrap_or_default();
            assert_eq!(after.state, state, "{case}");
            assert_eq!(news, milestone.is_some(), "{case}");
            assert_eq!(after.record.sequence, before.sequence + 1, "{case}");
            assert!(after.record.milestones.starts_with(&before.milestones), "{case}");
            let new = &after.record.milestones[before.milestones.len()..];
            assert_eq!(new.iter().map(|m| m.kind).collect::<Vec<_>>(), Vec::from_iter(milestone));
        }
        (Outcome::Unchanged, Same) => {}
        (Outcome::Refused(refusal), No(expected)) => assert_eq!(refusal, expected, "{case}"),
        (outcome, then) => panic!("{case}: {outcome:?}, not {then:?}"),
    }
}

#[test]
fn every_input_in_every_state() {
    let cancelled = To(S::Cancelled, Some(E::CookingCancelled));
    let asks = [prepare(), Ask::Cancel, Ask::Start, Ask::Finish, decline("busy"), decline("other")];
    #[rustfmt::skip]
    let table: [(&str, [Then; 6]); 8] = [
        ("unknown", [To(S::Queued, None), cancelled, No(R::NoTicket), No(R::NoTicket),
            No(R::NoTicket), No(R::NoTicket)]),
        ("queued", [Same, cancelled, To(S::Cooking, Some(E::CookStarted)), No(R::NotStarted),
            To(S::Declined, Some(E::CookingDeclined)), To(S::Declined, Some(E::CookingDeclined))]),
        ("cooking", [Same, Same, Same, To(S::Finished, Some(E::CookFinished)),
            No(R::AlreadyStarted), No(R::AlreadyStarted)]),
        ("finished", [Same, Same, Same, Same, No(R::AlreadyStarted), No(R::AlreadyStarted)]),
        ("declined", [Same, cancelled, No(R::CookingDeclined), No(R::CookingDeclined),
            Same, No(R::AlreadyDeclined)]),
        ("cancelled", [Same, Same, No(R::CookingCancelled), No(R::CookingCancelled),
            No(R::CookingCancelled), No(R::CookingCancelled)]),
        ("declined, then cancelled", [Same, Same, No(R::CookingCancelled),
            No(R::CookingCancelled), No(R::CookingCancelled), No(R::CookingCancelled)]),
        ("tombstone", [Same, Same, No(R::CookingCancelled), No(R::CookingCancelled),
            No(R::CookingCancelled), No(R::CookingCancelled)]),
    ];
    assert_eq!(table.map(|(given, _)| given).to_vec(), {
        tickets().into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    });
    for (given, row) in table {
        for (ask, then) in asks.iter().zip(row) {
            check(given, ask, then);
        }
    }
}

#[test]
fn a_ticket_keeps_what_it_was_asked_with() {
    let Outcome::Changed { ticket, .. } = when(None, &prepare(), false) else { panic!() };
    assert_eq!((&ticket.order_id, ticket.store_id.as_ref()), (&order(), Some(&store())));
    assert_eq!(ticket.items, items());
}

#[test]
fn a_refusal_says_why_and_its_undo_does_not() {
    let declined = tickets().remove(4).1.unwrap();
    assert_eq!(declined.record.latest().unwrap().data.reason.as_deref(), Some("busy"));
    let undone = tickets().remove(6).1.unwrap();
    assert_eq!(undone.record.latest().unwrap().data.reason, None);
}

#[test]
fn without_people_a_ticket_is_started_and_finished_in_one_version() {
    let Outcome::Changed { ticket, news: true } = when(None, &prepare(), true) else { panic!() };
    let kinds: Vec<E> = ticket.record.milestones.iter().map(|m| m.kind).collect();
    assert_eq!((ticket.state, ticket.record.sequence), (S::Finished, 1));
    assert_eq!(kinds, [E::CookStarted, E::CookFinished]);
    // A tombstone is a tombstone also then.
    let tombstone = tickets().remove(7).1;
    assert_eq!(when(tombstone.as_ref(), &prepare(), true), Outcome::Unchanged);
}

//! What scenarios are built from.

use contracts::{Currency, Line, MenuId, Money, OrderId, SagaId, StoreId, Timestamp};

use crate::domain::{Ask, Outcome, State, Ticket, decide};

pub(super) fn order() -> OrderId {
    OrderId::new("o1").unwrap()
}

pub(super) fn store() -> StoreId {
    StoreId::new("s1").unwrap()
}

pub(super) fn saga() -> SagaId {
    SagaId(serde_json::from_str("\"0197a000-0000-7000-8000-000000000001\"").unwrap())
}

pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) fn items() -> Vec<Line> {
    vec![Line {
        menu_id: MenuId::new("kimbap").unwrap(),
        name: "Kimbap".to_owned(),
        unit_price: Money { amount: 4500, currency: Currency::new("KRW").unwrap() },
        quantity: 2,
    }]
}

pub(super) fn prepare() -> Ask {
    Ask::Prepare { store_id: store(), items: items() }
}

pub(super) fn decline(reason: &str) -> Ask {
    Ask::Decline { reason: reason.to_owned() }
}

/// What one ask does to a ticket.
pub(super) fn when(ticket: Option<&Ticket>, ask: &Ask, auto: bool) -> Outcome {
    decide(ticket, &order(), Some(saga()), ask, auto, at(5))
}

/// The ticket after asks, each of which must have done something.
pub(super) fn given(asks: &[Ask]) -> Option<Ticket> {
    asks.iter().fold(None, |ticket, ask| match when(ticket.as_ref(), ask, false) {
        Outcome::Changed { ticket, .. } => Some(*ticket),
        other => panic!("{ask:?} was to change {ticket:?}: {other:?}"),
    })
}

/// A ticket in every state by every way that leads there.
pub(super) fn tickets() -> Vec<(&'static str, Option<Ticket>)> {
    let finished = [prepare(), Ask::Start, Ask::Finish];
    let undone = [prepare(), decline("busy"), Ask::Cancel];
    vec![
        ("unknown", None),
        ("queued", given(&finished[..1])),
        ("cooking", given(&finished[..2])),
        ("finished", given(&finished)),
        ("declined", given(&undone[..2])),
        ("cancelled", given(&[prepare(), Ask::Cancel])),
        ("declined, then cancelled", given(&undone)),
        ("tombstone", given(&[Ask::Cancel])),
    ]
}

pub(super) fn word(ticket: Option<&Ticket>) -> &'static str {
    ticket.map_or("unknown", |ticket| ticket.state.as_str())
}

/// That the states are all met by [`tickets`].
#[test]
fn every_state_is_built() {
    for state in State::ALL {
        assert!(tickets().iter().any(|(_, t)| t.as_ref().is_some_and(|t| t.state == state)));
        assert_eq!(State::parse(state.as_str()), Some(state));
    }
}

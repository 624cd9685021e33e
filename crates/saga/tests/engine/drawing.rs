//! The drawings and the stored forms, held against what they were: a change of either is seen.

use saga::{EventKind, mermaid};

use crate::common::{SagaUnderTest, order, return_order};
use crate::table::PICKED;

#[test]
fn the_order_saga_is_drawn() {
    insta::assert_snapshot!(mermaid(&order()));
}

#[test]
fn the_return_saga_is_drawn() {
    insta::assert_snapshot!(mermaid(&return_order()));
}

#[test]
fn a_history_reads_as_it_was_written() {
    let saga = SagaUnderTest::order(&["payment-authorized", "order-rejected", "payment-voided"]);
    let lines: Vec<String> =
        saga.history.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    insta::assert_snapshot!(lines.join("\n"));
    let read: Vec<saga::Event> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, saga.history);
    assert!(matches!(read.last().unwrap().kind, EventKind::SagaCancelled { .. }));
}

#[test]
fn a_saga_is_stored_and_read() {
    let saga = SagaUnderTest::order(PICKED);
    let stored = serde_json::to_string(&saga.state).unwrap();
    assert_eq!(serde_json::from_str::<saga::Instance>(&stored).unwrap(), saga.state);
}

#[test]
fn words_outside_are_those_of_the_stored_form() {
    let word = |value: serde_json::Value| value.as_str().unwrap().to_string();
    for refusal in saga::Refusal::ALL {
        assert_eq!(word(serde_json::to_value(refusal).unwrap()), refusal.as_str());
        assert!(!refusal.text().is_empty());
    }
    for ignored in saga::Ignored::ALL {
        assert_eq!(word(serde_json::to_value(ignored).unwrap()), ignored.as_str());
    }
    let saga = SagaUnderTest::order(PICKED);
    for step in saga.state.steps() {
        assert_eq!(word(serde_json::to_value(step.status).unwrap()), step.status.as_str());
    }
    assert_eq!(word(serde_json::to_value(saga.status()).unwrap()), saga.status().as_str());
}

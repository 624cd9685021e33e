//! Pauses: doubling, capped, jittered by a hash and never nothing.

use proptest::prelude::*;
use saga::{Direction, Millis, Retry, command_id};
use uuid::Uuid;

#[test]
fn jitter_spreads_commands_and_attempts() {
    let retry = Retry::default();
    let pauses: std::collections::BTreeSet<_> =
        (0..100).map(|n| retry.pause(Uuid::from_u128(n), 7)).collect();
    assert!(pauses.len() > 90, "{}", pauses.len());
    let whole = Retry { jitter_percent: 0, ..retry };
    assert_eq!(whole.pause(Uuid::nil(), 1), Millis::seconds(1));
    assert_eq!(whole.pause(Uuid::nil(), 4), Millis::seconds(8));
    assert_eq!(whole.pause(Uuid::nil(), 40), Millis::seconds(60));
    assert_eq!(whole.cap(Uuid::nil(), 1), Millis::seconds(60));
}

#[test]
fn a_command_is_itself_by_saga_step_direction_and_generation() {
    let saga = Uuid::from_u128(1);
    let id = command_id(saga, "pay", Direction::Do, 1);
    assert_eq!(id, command_id(saga, "pay", Direction::Do, 1));
    assert_eq!(id, Uuid::new_v5(&saga, b"pay|do|1"));
    for other in [
        command_id(Uuid::from_u128(2), "pay", Direction::Do, 1),
        command_id(saga, "accept", Direction::Do, 1),
        command_id(saga, "pay", Direction::Undo, 1),
        command_id(saga, "pay", Direction::Do, 2),
    ] {
        assert_ne!(id, other);
    }
}

proptest! {
    #[test]
    fn a_pause_is_positive_and_not_above_the_cap(
        first in any::<i64>(), cap in any::<i64>(), jitter_percent in any::<u8>(),
        id in any::<u128>(), attempt in any::<u32>(),
    ) {
        let retry = Retry { first_pause: Millis(first), cap: Millis(cap), jitter_percent, limit: 1 };
        let pause = retry.pause(Uuid::from_u128(id), attempt);
        prop_assert!(pause.0 >= 1 && pause.0 <= cap.max(1));
    }
}

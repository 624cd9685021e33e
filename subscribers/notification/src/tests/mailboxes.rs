//! Mailboxes: who may send, and until when.

use std::time::Duration;

use contracts::Timestamp;
use uuid::Uuid;

use crate::{
    mailbox::Mailbox,
    recipient::{Kind, Recipient},
};

const LEASE: Duration = Duration::from_secs(30);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn full() -> Mailbox {
    let mut mailbox = Mailbox::unknown(Recipient { kind: Kind::Customer, id: "c1".to_owned() });
    assert_eq!((mailbox.state(), mailbox.wake_at()), ("idle", None));
    for message in ["a", "b"] {
        mailbox.add(message.to_owned());
    }
    mailbox
}

const ONE: Uuid = Uuid::from_u128(1);
const OTHER: Uuid = Uuid::from_u128(2);

#[test]
fn one_sends_at_a_time_and_goes_on_in_order() {
    let mut mailbox = full();
    assert_eq!(mailbox.state(), "ready");
    assert_eq!(mailbox.claim(ONE, LEASE, at(0)).as_deref(), Some("a"));
    assert_eq!((mailbox.state(), mailbox.wake_at()), ("sending", Some(at(30))));
    assert_eq!(mailbox.claim(OTHER, LEASE, at(1)), None);
    assert!(mailbox.is_claimed(ONE, "a"));
    assert!(!mailbox.is_claimed(OTHER, "a") && !mailbox.is_claimed(ONE, "b"));
    assert_eq!(mailbox.next(Some(LEASE), at(10)).as_deref(), Some("b"));
    assert_eq!(mailbox.wake_at(), Some(at(40)));
    assert_eq!(mailbox.next(Some(LEASE), at(11)), None);
    assert_eq!((mailbox.state(), mailbox.wake_at()), ("idle", None));
}

#[test]
fn a_claim_ends_by_itself_and_is_lost_then() {
    let mut mailbox = full();
    mailbox.claim(ONE, LEASE, at(0)).unwrap();
    assert_eq!(mailbox.claim(OTHER, LEASE, at(29)), None);
    assert!(!mailbox.wake(at(29)));
    assert_eq!(mailbox.claim(OTHER, LEASE, at(30)).as_deref(), Some("a"), "the same again");
    assert!(!mailbox.is_claimed(ONE, "a"));
    assert!(mailbox.wake(at(60)));
    assert_eq!(mailbox.state(), "ready");
}

#[test]
fn a_failure_is_followed_by_a_pause() {
    let mut mailbox = full();
    mailbox.claim(ONE, LEASE, at(0)).unwrap();
    mailbox.give_back(Some(Duration::from_secs(5)), at(1));
    assert_eq!((mailbox.state(), mailbox.wake_at()), ("waiting", Some(at(6))));
    assert_eq!(mailbox.claim(ONE, LEASE, at(5)), None);
    assert_eq!(mailbox.claim(ONE, LEASE, at(6)).as_deref(), Some("a"));
    assert_eq!(mailbox.next(None, at(7)), None, "whoever stops gives it back");
    assert_eq!(mailbox.state(), "ready");
}

//! The point of no return may be told of: once, when it is known to have been passed, and before what
//! follows from it.

use saga::{Status, Time};

use crate::common::{SagaUnderTest, revise};

fn asked() -> SagaUnderTest {
    let mut saga = SagaUnderTest::start(revise());
    saga.hears("payment-revised");
    saga
}

#[test]
fn it_is_told_of_when_its_step_is_done() {
    let mut saga = asked();
    assert!(saga.published().is_empty());
    saga.hears("ticket-revised");
    assert_eq!(saga.published(), ["order-revised"]);
    assert_eq!(saga.sent(), ["adjust-payment"]);
    saga.repeats("store");
    assert!(saga.published().is_empty(), "once");
    saga.hears("payment-adjusted");
    assert!(saga.published().is_empty(), "that all is done is another matter");
    assert_eq!(saga.status(), Status::Completed);
}

#[test]
fn it_is_told_of_when_it_turns_out_to_have_been_passed_while_it_was_revoked() {
    let mut saga = asked();
    saga.cancel();
    assert_eq!(saga.sent(), ["keep-ticket"]);
    saga.hears("ticket-revised");
    assert_eq!(saga.published(), ["order-revised"]);
    assert_eq!(saga.status(), Status::Running);

    let mut saga = asked();
    saga.now = Time(60_000);
    saga.wake();
    saga.hears("ticket-revised");
    assert_eq!(saga.published(), ["order-revised"]);
}

#[test]
fn it_is_not_told_of_where_it_was_never_passed() {
    for refused in ["ticket-revision-refused", "ticket-kept"] {
        let mut saga = asked();
        saga.hears(refused);
        assert!(saga.published().is_empty());
        saga.hears("payment-restored");
        assert_eq!(saga.published(), ["revision-refused"]);
        assert_eq!(saga.status(), Status::Cancelled);
    }
}

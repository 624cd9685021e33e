//! Orders, explored within bounds that grow: every state that there is, counted, and every law in
//! every one of them. What ends are met is pinned too: a law about an end that nothing reaches says
//! nothing.

use contracts::ServiceName;
use model::{Bounds, Faults, Left, PIECES, explore};

const ALL: &[&str] = &["cancelled", "delivered", "returned"];

fn check(bounds: Bounds, ends: &[&str], states: usize) {
    let found = explore(bounds, Faults::default(), 2);
    let (orders, decisions) = found.orders;
    println!(
        "{} states, {} steps, {} deep; {orders} orders, {decisions} decisions about them; {:?}: {bounds:?}",
        found.states, found.steps, found.depth, found.ends
    );
    assert!(found.broken.is_empty(), "{}", found.report());
    assert_eq!(found.ends, ends, "the ends that are met");
    assert_eq!(found.states, states, "as many states as before; a change is to be understood");
}

mod one_order {
    use super::*;

    #[test]
    fn all_goes_well() {
        check(Bounds::default(), &["delivered"], 590);
    }

    #[test]
    fn people_refuse_and_bring_back() {
        check(Bounds { refusals: true, returns: true, ..Bounds::default() }, ALL, 3_007);
    }

    #[test]
    fn the_customer_cancels() {
        let left = Left { cancels: 1, ..Left::default() };
        check(Bounds { refusals: true, returns: true, left, ..Bounds::default() }, ALL, 20_269);
    }

    #[test]
    fn a_deadline_passes_and_the_customer_cancels() {
        let left = Left { cancels: 1, deadlines: 1, ..Left::default() };
        check(Bounds { refusals: true, left, ..Bounds::default() }, &ALL[..2], 26_616);
    }

    #[test]
    fn commands_and_messages_come_again() {
        let left = Left { resends: 1, repeats: 1, ..Left::default() };
        check(Bounds { left, ..Bounds::default() }, &ALL[1..2], 68_855);
    }

    #[test]
    fn a_gateway_answers_late_and_everybody_is_impatient() {
        let left = Left { cancels: 1, deadlines: 1, resends: 1, ..Left::default() };
        let bounds = Bounds { token: "tok-slow", refusals: true, left, ..Bounds::default() };
        check(bounds, &ALL[..2], 488_119);
    }

    #[test]
    fn nobody_answers_and_the_saga_is_stuck() {
        let left = Left { cancels: 1, resends: 2, ..Left::default() };
        check(Bounds { retry_limit: 1, left, ..Bounds::default() }, &ALL[..2], 275_453);
    }

    #[test]
    fn a_rider_releases_beside_refusals_returns_and_a_deadline() {
        let left = Left { deadlines: 1, releases: 1, ..Left::default() };
        check(Bounds { refusals: true, returns: true, left, ..Bounds::default() }, ALL, 851_273);
    }
}

mod operators {
    use super::*;

    #[test]
    fn act_once_at_any_time() {
        let left = Left { operations: 1, ..Left::default() };
        check(Bounds { refusals: true, returns: true, left, ..Bounds::default() }, ALL, 178_565);
    }

    #[test]
    fn act_beside_a_late_gateway_a_cancellation_and_a_release() {
        let left = Left { operations: 1, cancels: 1, releases: 1, ..Left::default() };
        let bounds = Bounds { token: "tok-slow", left, ..Bounds::default() };
        check(bounds, ALL, 2_496_947);
    }

    #[test]
    fn end_what_a_lost_message_has_stopped() {
        let left = Left { operations: 1, losses: 1, ..Left::default() };
        check(Bounds { left, ..Bounds::default() }, ALL, 116_298);
    }
}

mod two_orders {
    use super::*;

    #[test]
    fn want_the_last_portion() {
        check(Bounds { orders: 2, ..Bounds::default() }, &["delivered"], 9_376);
    }

    #[test]
    fn want_the_last_portion_and_one_may_be_refused_or_cancelled() {
        let left = Left { cancels: 1, ..Left::default() };
        let bounds = Bounds { orders: 2, refusals: true, left, ..Bounds::default() };
        check(bounds, &ALL[..2], 386_912);
    }

    #[test]
    fn want_the_one_rider() {
        let bounds = Bounds { orders: 2, stock: 2 * PIECES, ..Bounds::default() };
        check(bounds, &["delivered"], 318_859);
    }
}

mod subscribers {
    use super::*;

    #[test]
    fn mypage_shows_what_is() {
        let listener = Some(ServiceName::Mypage);
        check(Bounds { listener, refusals: true, ..Bounds::default() }, &ALL[..2], 915_132);
    }

    #[test]
    fn notification_tells_each_moment_once_and_never_back() {
        let bounds = Bounds { listener: Some(ServiceName::Notification), ..Bounds::default() };
        check(bounds, &["delivered"], 2_676_513);
    }
}

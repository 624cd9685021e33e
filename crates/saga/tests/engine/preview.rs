//! A preview shows what would be sent and where it may lead, and changes nothing.

use saga::Refusal::PastPivot;
use saga::Status::{Cancelled, Completed, Returned};
use saga::{Action, Effect, Outcome, Status, Time, preview, reachable_ends};

use crate::common::{SagaUnderTest, order, return_order};
use crate::table::{ACCEPTED, COOKING, PAID, PICKED};

fn check(saga: &SagaUnderTest, action: Action, outcome: Outcome, sent: &[&str], ends: &[Status]) {
    let preview = preview(&saga.definition, &saga.state, action.clone(), saga.now);
    assert_eq!(preview.outcome, outcome);
    assert_eq!(preview.reachable_ends, ends);
    let mut real = saga.clone();
    assert_eq!(real.act(action), outcome);
    assert_eq!(real.effects, preview.commands, "the preview shows exactly what is done");
    let commands: Vec<&str> = preview
        .commands
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send { command, .. } => Some(command.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(commands, sent);
}

#[test]
fn actions_show_their_commands_and_ends() {
    let (accepted, all) = (Outcome::Accepted, [Completed, Cancelled, Returned]);
    let saga = SagaUnderTest::order(PAID);
    check(&saga, Action::Suspend, accepted, &[], &all);
    check(&saga, Action::Compensate, accepted, &["cancel-ticket"], &[Cancelled]);
    let retry = Action::Retry { step: None };
    check(&saga, retry, accepted, &["request-acceptance"], &all);
    let saga = SagaUnderTest::order(ACCEPTED);
    check(&saga, Action::Compensate, accepted, &["cancel-cooking"], &all);
    let saga = SagaUnderTest::order(COOKING);
    let forward = [Completed, Returned];
    check(&saga, Action::Compensate, Outcome::Refused(PastPivot), &[], &forward);
    let skip = Action::Skip { step: "pickup".into() };
    check(&saga, skip, accepted, &[], &forward);
    let resolve = Action::Resolve { step: "deliver".into(), fact: "delivery-confirmed".into() };
    let saga = SagaUnderTest::order(PICKED);
    check(&saga, resolve, accepted, &["settle-stock"], &[Completed]);
}

#[test]
fn an_end_reaches_itself_only() {
    let saga = SagaUnderTest::order(&["payment-declined"]);
    assert_eq!(reachable_ends(&order(), &saga.state, Time(0)), [Cancelled]);
    let saga = SagaUnderTest::start(return_order());
    assert_eq!(reachable_ends(&return_order(), &saga.state, Time(0)), [Completed]);
}

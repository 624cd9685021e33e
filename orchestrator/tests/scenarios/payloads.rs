//! Every command says what it must, and the means of payment goes to the payment service alone.

use contracts::{Command, CommandType, ServiceName};
use orchestrator::sagas::{self, payload};

use crate::world::World;

#[test]
fn every_command_is_rendered_for_its_order() {
    let world = World::placed();
    for kind in CommandType::ALL {
        let command = payload(world.order(), *kind);
        assert_eq!(command.kind(), *kind);
        assert_eq!(command.order_id(), &world.order_id);
        let has_token = format!("{command:?}").contains("tok-ok");
        let pays = [CommandType::AuthorizePayment, CommandType::RevisePayment];
        assert_eq!(has_token, pays.contains(kind), "{kind:?}");
    }
}

#[test]
fn commands_carry_what_the_order_was_priced_at() {
    let world = World::placed();
    match payload(world.order(), CommandType::AuthorizePayment) {
        Command::AuthorizePayment(pay) => assert_eq!(pay.amount.amount, 19_000),
        other => panic!("{other:?}"),
    }
    match payload(world.order(), CommandType::RequestAcceptance) {
        Command::RequestAcceptance(ask) => {
            assert_eq!((ask.items.len(), ask.total.amount), (1, 19_000));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_command_that_there_is_belongs_to_a_saga() {
    let sent: Vec<&str> =
        sagas::all().iter().flat_map(saga::Definition::commands).map(|it| it.command).collect();
    for kind in CommandType::ALL {
        assert!(sent.contains(&kind.as_str()), "{kind:?}");
        assert_ne!(kind.destination(), ServiceName::Orchestrator);
    }
}

#[test]
fn the_means_of_payment_is_stored_with_the_order_and_shown_nowhere() {
    let world = World::placed();
    let views = [
        world.view().to_string(),
        serde_json::to_string(&orchestrator::views::saga_views(world.order())).unwrap(),
        serde_json::to_string(&orchestrator::views::Holding::of(world.order())).unwrap(),
        serde_json::to_string(&world.rows[&world.saga_id.0]).unwrap(),
        format!("{:?}", world.order()),
    ];
    for view in views {
        assert!(!view.contains("tok-"), "{view}");
    }
    assert!(world.history.values().flatten().all(|entry| !entry.body.contains("tok-")));
}

//! What holds whatever comes, in whatever order: the world checks after every input that versions
//! and histories have no gaps and that each history replays to what is stored; here is the rest.

use std::time::Duration;

use contracts::{CommandType as C, EventType as E, ServiceName};
use orchestrator::revision::RevisionState;
use proptest::prelude::*;

use crate::world::{World, pieces};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A participant says something new.
    Tell(E),
    /// A participant says something new, but it is lost.
    Lose(E),
    /// A participant says its latest fact again.
    Again(ServiceName),
    Cancel,
    /// The customer wants so many pieces.
    Revise(u32),
    /// Seconds go by.
    Pass(u64),
    /// The timer fires for nothing.
    Wake,
}

fn fact() -> impl Strategy<Value = E> {
    let facts: Vec<E> = E::ALL.iter().copied().filter(|kind| kind.is_fact()).collect();
    prop::sample::select(facts)
}

fn step() -> impl Strategy<Value = Step> {
    // The way forward is the likeliest, so that every depth of the table is reached.
    prop_oneof![
        8 => fact().prop_map(Step::Tell),
        1 => fact().prop_map(Step::Lose),
        2 => prop::sample::select(ServiceName::ALL.to_vec()).prop_map(Step::Again),
        1 => Just(Step::Cancel),
        2 => (1..6_u32).prop_map(Step::Revise),
        1 => (1_u64..2_000).prop_map(Step::Pass),
        1 => Just(Step::Wake),
    ]
}

/// How far the order has come before chance takes over.
fn head_start() -> impl Strategy<Value = usize> {
    0..=FORWARD.len()
}

const FORWARD: [E; 7] = [
    E::PaymentAuthorized,
    E::OrderAccepted,
    E::CookStarted,
    E::PaymentCaptured,
    E::CookFinished,
    E::RiderAssigned,
    E::FoodPicked,
];

fn run(world: &mut World, step: Step) {
    match step {
        Step::Tell(kind) => drop(world.tell(kind)),
        Step::Lose(kind) => drop(world.happen(kind)),
        Step::Again(source) if world.records.contains_key(&source) => {
            let fact = world.again(source);
            drop(world.hear(&fact));
        }
        Step::Again(_) => {}
        Step::Cancel => drop(world.cancel()),
        Step::Revise(quantity) => drop(world.revise(pieces(quantity))),
        Step::Pass(seconds) => drop(world.pass(Duration::from_secs(seconds))),
        Step::Wake => drop(world.wake()),
    }
}

fn sent(world: &World, kind: C) -> bool {
    world.commands().iter().any(|(sent, ..)| *sent == kind)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn terminal_is_final_and_nothing_follows_its_undo(
        head_start in head_start(),
        steps in prop::collection::vec(step(), 1..25),
    ) {
        let mut world = World::after(&FORWARD[..head_start]);
        for step in steps {
            let finished = world.order().is_finished();
            let (before, sent_before) = (world.order().clone(), world.sent.len());
            run(&mut world, step);
            if finished {
                prop_assert_eq!(&before, world.order());
                prop_assert_eq!(sent_before, world.sent.len());
            }
        }
        let view = world.view();
        let ends: Vec<E> = world
            .events()
            .into_iter()
            .filter(|kind| matches!(kind, E::OrderCancelled | E::OrderCompleted | E::OrderReturned))
            .collect();
        let expected: &[E] = match view["status"].as_str().unwrap() {
            "cancelled" => &[E::OrderCancelled],
            "returned" => &[E::OrderReturned],
            "delivered" if world.order().is_finished() => &[E::OrderCompleted],
            _ => &[],
        };
        prop_assert_eq!(&ends[..], expected, "an end is told once, and only where there is one");
        let refused = world.events().iter().filter(|kind| **kind == E::CancellationRefused).count();
        prop_assert!(refused <= 1);
        for (one, other) in [
            (C::CapturePayment, C::VoidPayment),
            (C::DispatchDelivery, C::CancelTicket),
            (C::SettleStock, C::VoidPayment),
            (C::SettleStock, C::RefundPayment),
            (C::SettleStock, C::Restock),
        ] {
            prop_assert!(!(sent(&world, one) && sent(&world, other)), "{one:?} and {other:?}");
        }
    }

    #[test]
    fn an_order_is_what_its_changes_made_it_and_one_is_under_way_at_a_time(
        head_start in 0..3_usize,
        steps in prop::collection::vec(step(), 1..25),
    ) {
        let mut world = World::after(&FORWARD[..head_start]);
        let mut content = world.order().content();
        for step in steps {
            let changes = world.order().revisions.len();
            run(&mut world, step);
            let order = world.order();
            let (last, earlier) = match order.revisions.split_last() {
                Some((last, earlier)) => (Some(last), earlier),
                None => (None, &[][..]),
            };
            prop_assert!(earlier.iter().all(|it| it.state != RevisionState::Pending));
            let running = order.sagas.iter().filter(|saga| {
                saga.definition() == "revise" && !saga.is_terminal()
            });
            prop_assert!(running.count() <= 1);
            if let Some(last) = last {
                prop_assert_eq!(last.number as usize, order.revisions.len());
                if order.revisions.len() > changes {
                    prop_assert_eq!(&last.before, &content);
                }
                content = if last.state == RevisionState::Made {
                    last.wanted.clone()
                } else {
                    last.before.clone()
                };
            }
            prop_assert_eq!(&order.content(), &content);
        }
        let made = world.order().revisions.iter().filter(|it| it.state == RevisionState::Made);
        let told = world.events().into_iter().filter(|kind| *kind == E::OrderRevised).count();
        prop_assert!(told <= made.count());
    }

    #[test]
    fn facts_after_the_pivot_lead_to_the_same_end_in_any_order_and_number(
        order in Just((0..5_usize).collect::<Vec<_>>()).prop_shuffle(),
        doubled in prop::collection::vec(0..5_usize, 0..6),
    ) {
        let mut world = World::after(&FORWARD[..3]);
        let rest = [
            E::PaymentCaptured,
            E::CookFinished,
            E::RiderAssigned,
            E::FoodPicked,
            E::DeliveryConfirmed,
        ];
        let facts: Vec<_> = rest.into_iter().map(|kind| world.happen(kind)).collect();
        for index in order.into_iter().chain(doubled) {
            world.hear(&facts[index]);
        }
        let settled = world.commands().iter().filter(|(it, ..)| *it == C::SettleStock).count();
        prop_assert_eq!(settled, 1);
        prop_assert_eq!(world.tell(E::StockSettled).events, [E::OrderCompleted]);
        prop_assert_eq!(&world.view()["rider_id"], "r1");
    }
}

//! What must hold in every state, however it was reached. The numbers are those of the laws that
//! the auditor checks over databases.

use contracts::EventType;
use cook::domain::State as Kitchen;
use orchestrator::status::OrderStatus;
use payment::domain::State as Money;
use rider::domain::State as Delivery;
use stateright::Property;
use store::domain::State as Ticket;

use crate::{
    node::Breach,
    readers::up_to_date,
    scene::Model,
    stands::{OrderStands, Stands},
    world::World,
};

/// The ends that an order can have. Which of them were seen is told of every exploration.
pub(crate) const ENDS: [(&str, OrderStatus); 3] = [
    ("delivered", OrderStatus::Delivered),
    ("cancelled", OrderStatus::Cancelled),
    ("returned", OrderStatus::Returned),
];

pub(crate) fn all() -> Vec<Property<Model>> {
    let mut laws = vec![
        Property::always("I2: each effect is had once at most", once),
        Property::always("I3: an end can be reached", |model: &Model, world: &World| {
            world.breach.is_some() || model.reaches_an_end(world)
        }),
        Property::always("I4: an order that has ended has the effects of its end", ended),
        Property::always("I4: what cooks is not undone", not_undone),
        Property::always(
            "I5: histories lead to what is stored and end with their saga",
            |_, it: &World| {
                !matches!(it.breach, Some(Breach::History | Breach::AfterTheEnd | Breach::Version))
            },
        ),
        Property::always("I6: nothing is active for an order that is finished", nothing_active),
        Property::always("I7: a read model that has heard all shows how things are", up_to_date),
        Property::always("I8: facts take effect in the order of their sequence", in_order),
        Property::always("what is decided can be carried out", |_, world: &World| {
            !matches!(
                world.breach,
                Some(
                    Breach::Unnamed
                        | Breach::AnotherOrder
                        | Breach::DeadLetter
                        | Breach::Telling
                        | Breach::Hasty
                )
            )
        }),
    ];
    laws.push(Property::sometimes(ENDS[0].0, |model: &Model, world| has(model, world, 0)));
    laws.push(Property::sometimes(ENDS[1].0, |model: &Model, world| has(model, world, 1)));
    laws.push(Property::sometimes(ENDS[2].0, |model: &Model, world| has(model, world, 2)));
    laws
}

/// Whether one of the orders has ended so.
fn has(model: &Model, world: &World, end: usize) -> bool {
    model.orders().any(|place| {
        let order = model.orchestrator.stands(world.apart(place).orchestrator);
        order.is_some_and(|order| order.finished && order.status == ENDS[end].1)
    })
}

/// How everything stands about one order.
pub(crate) struct Stand {
    pub(crate) order: OrderStands,
    pub(crate) payment: Stands<Money>,
    pub(crate) store: Stands<Ticket>,
    pub(crate) cook: Stands<Kitchen>,
    pub(crate) rider: Stands<Delivery>,
}

pub(crate) fn stand(model: &Model, world: &World, order: u8) -> Option<Stand> {
    let apart = world.apart(order);
    Some(Stand {
        order: model.orchestrator.stands(apart.orchestrator)?,
        payment: model.payment.stands(apart.payment),
        store: model.store.stands(world.store).of(order),
        cook: model.cook.stands(apart.cook),
        rider: model.rider.stands(world.rider).of(order),
    })
}

/// Whether it holds of every order.
fn each(model: &Model, world: &World, holds: impl Fn(&Stand) -> bool) -> bool {
    model.orders().all(|order| stand(model, world, order).is_some_and(|it| holds(&it)))
}

fn once(model: &Model, world: &World) -> bool {
    let shared = model.store.stands(world.store).sound && model.rider.stands(world.rider).sound;
    shared
        && each(model, world, |it| {
            it.payment.sound && it.store.sound && it.cook.sound && it.rider.sound && !it.order.torn
        })
}

fn ended(model: &Model, world: &World) -> bool {
    each(model, world, |it| !it.order.finished || has_effects_of_its_end(it))
}

fn has_effects_of_its_end(it: &Stand) -> bool {
    match it.order.status {
        OrderStatus::Delivered => {
            it.payment.state == Some(Money::Captured)
                && it.store.state == Some(Ticket::Settled)
                && it.rider.state == Some(Delivery::Delivered)
        }
        OrderStatus::Cancelled => {
            !it.cook.flag
                && matches!(it.payment.state, None | Some(Money::Declined | Money::Voided))
                && matches!(it.store.state, None | Some(Ticket::Rejected | Ticket::Cancelled))
        }
        OrderStatus::Returned => {
            it.payment.state == Some(Money::Refunded)
                && it.store.state == Some(Ticket::Restocked)
                && it.rider.state == Some(Delivery::Returned)
        }
        _ => false,
    }
}

/// Cooking is the point of no return: once it has started nothing that is needed is undone, and a
/// saga that knows of it does not go back.
fn not_undone(model: &Model, world: &World) -> bool {
    each(model, world, |it| {
        let undone =
            it.payment.state == Some(Money::Voided) || it.store.state == Some(Ticket::Cancelled);
        let goes_back = it.order.past_pivot && it.order.compensating && !it.order.suspended;
        !(goes_back || it.cook.flag && undone)
    })
}

fn nothing_active(model: &Model, world: &World) -> bool {
    each(model, world, |it| !it.order.finished || is_inactive(it))
}

fn is_inactive(it: &Stand) -> bool {
    let delivered = it.order.status == OrderStatus::Delivered;
    let money =
        matches!(it.payment.state, None | Some(Money::Declined | Money::Voided | Money::Refunded))
            || (delivered && it.payment.state == Some(Money::Captured));
    let ticket = !matches!(it.store.state, Some(Ticket::Pending | Ticket::Accepted));
    // As the auditor has it.
    let kitchen =
        !matches!(it.cook.state, Some(Kitchen::Queued | Kitchen::Cooking)) || was_recalled(it);
    let delivery = matches!(
        it.rider.state,
        None | Some(Delivery::Known | Delivery::Delivered | Delivery::Returned)
    );
    money && !it.payment.flag && ticket && kitchen && delivery
}

/// Whether its delivery was called back before the food had left: nobody waits for the cook then, who
/// may still finish.
fn was_recalled(it: &Stand) -> bool {
    it.rider.facts.confirm(EventType::DeliveryReturned)
        && !it.rider.facts.confirm(EventType::FoodPicked)
}

fn in_order(model: &Model, world: &World) -> bool {
    let heard_at_most_what_was_said = each(model, world, |it| {
        let said = [it.payment.sequence, it.store.sequence, it.cook.sequence, it.rider.sequence];
        it.order.heard.iter().zip(&said).all(|(heard, said)| heard <= said)
    });
    heard_at_most_what_was_said
        && !matches!(world.breach, Some(Breach::OutOfOrder | Breach::WentBack))
}

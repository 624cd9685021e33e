//! What must hold in every state, however it was reached. The numbers are those of the laws that
//! the auditor checks over databases.

use cook::domain::State as Kitchen;
use orchestrator::status::OrderStatus;
use payment::domain::State as Money;
use rider::domain::State as Delivery;
use stateright::Property;
use store::domain::State as Ticket;

use crate::{
    node::Breach,
    scene::Model,
    stands::{OrderStands, Stands},
    world::World,
};

pub(crate) fn all() -> Vec<Property<Model>> {
    vec![
        Property::always("I2: each effect is had once at most", once),
        Property::always("I3: an end can be reached", |model: &Model, world: &World| {
            world.breach.is_some() || model.reaches_an_end(world)
        }),
        Property::always("I4: an order that has ended has the effects of its end", ended),
        Property::always(
            "I5: histories lead to what is stored and end with their saga",
            |_, it: &World| {
                !matches!(it.breach, Some(Breach::History | Breach::AfterTheEnd | Breach::Version))
            },
        ),
        Property::always("I6: nothing is active for an order that is finished", nothing_active),
        Property::always("I8: facts take effect in the order of their sequence", in_order),
        Property::always("what is decided can be carried out", |_, world: &World| {
            !matches!(world.breach, Some(Breach::Unnamed | Breach::DeadLetter | Breach::Telling))
        }),
    ]
}

/// How everything stands.
struct Stand {
    order: OrderStands,
    payment: Stands<Money>,
    store: Stands<Ticket>,
    cook: Stands<Kitchen>,
    rider: Stands<Delivery>,
}

fn stand(model: &Model, world: &World) -> Option<Stand> {
    Some(Stand {
        order: model.orchestrator.stands(world.orchestrator)?,
        payment: model.payment.stands(world.payment),
        store: model.store.stands(world.store),
        cook: model.cook.stands(world.cook),
        rider: model.rider.stands(world.rider),
    })
}

fn once(model: &Model, world: &World) -> bool {
    stand(model, world).is_some_and(|it| {
        it.payment.sound && it.store.sound && it.cook.sound && it.rider.sound && !it.order.torn
    })
}

fn ended(model: &Model, world: &World) -> bool {
    let Some(it) = stand(model, world) else { return false };
    if !it.order.finished {
        return true;
    }
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

fn nothing_active(model: &Model, world: &World) -> bool {
    let Some(it) = stand(model, world) else { return false };
    let delivered = it.order.status == OrderStatus::Delivered;
    let money =
        matches!(it.payment.state, None | Some(Money::Declined | Money::Voided | Money::Refunded))
            || (delivered && it.payment.state == Some(Money::Captured));
    let ticket = !matches!(it.store.state, Some(Ticket::Pending | Ticket::Accepted));
    let kitchen = !matches!(it.cook.state, Some(Kitchen::Queued | Kitchen::Cooking));
    let delivery = matches!(
        it.rider.state,
        None | Some(Delivery::Known | Delivery::Delivered | Delivery::Returned)
    );
    !it.order.finished || (money && !it.payment.flag && ticket && kitchen && delivery)
}

fn in_order(model: &Model, world: &World) -> bool {
    let Some(it) = stand(model, world) else { return false };
    let said = [it.payment.sequence, it.store.sequence, it.cook.sequence, it.rider.sequence];
    let heard = it.order.heard;
    world.breach != Some(Breach::OutOfOrder) && heard.iter().zip(&said).all(|(h, s)| h <= s)
}

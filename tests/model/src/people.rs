//! What people do, as the requests that they send.

use contracts::{OrderId, RiderId};
use cook::domain::Ask;
use orchestrator::{Request, service::Operating};
use rider::domain::Act;

use crate::operations::Operation;

/// What people do about an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    /// The customer cancels.
    Cancel,
    /// The store's owner accepts.
    Accept,
    /// The store's owner rejects.
    Reject,
    /// The cook starts.
    Start,
    /// The cook declines.
    Decline,
    /// The cook has finished.
    Finish,
    /// The rider claims the delivery.
    Claim,
    /// The rider gives it back.
    Release,
    /// The rider has the food.
    Pickup,
    /// The customer has the food.
    Confirm,
    /// The rider brings the food back.
    Return,
    /// An operator acts.
    Operate(Operation),
}

/// To which service a deed goes.
pub(crate) enum Asked {
    Orchestrator(Request),
    Store(store::Request),
    Cook(cook::Request),
    Rider(rider::Request),
}

impl Deed {
    /// Everything that people do but operators.
    pub const ALL: [Self; 11] = [
        Self::Cancel,
        Self::Accept,
        Self::Reject,
        Self::Start,
        Self::Decline,
        Self::Finish,
        Self::Claim,
        Self::Release,
        Self::Pickup,
        Self::Confirm,
        Self::Return,
    ];

    /// What brings an order forward, in its order.
    pub(crate) const FORWARD: [Self; 6] =
        [Self::Accept, Self::Start, Self::Finish, Self::Claim, Self::Pickup, Self::Confirm];

    /// In words.
    pub fn words(self) -> String {
        let words = match self {
            Self::Cancel => "the customer cancels",
            Self::Accept => "the store's owner accepts",
            Self::Reject => "the store's owner rejects",
            Self::Start => "the cook starts",
            Self::Decline => "the cook declines",
            Self::Finish => "the cook has finished",
            Self::Claim => "the rider claims the delivery",
            Self::Release => "the rider gives the delivery back",
            Self::Pickup => "the rider has the food",
            Self::Confirm => "the customer has the food",
            Self::Return => "the rider brings the food back",
            Self::Operate(operation) => return operation.words(),
        };
        words.to_owned()
    }

    pub(crate) fn asked(self, order_id: &OrderId, rider_id: &RiderId) -> Asked {
        let answer = |accepted| {
            Asked::Store(store::Request::Answer {
                order_id: order_id.clone(),
                accepted,
                reason: None,
            })
        };
        let kitchen = |ask| Asked::Cook(cook::Request { order_id: order_id.clone(), ask });
        let act = |act| {
            Asked::Rider(rider::Request::Act {
                order_id: order_id.clone(),
                rider_id: rider_id.clone(),
                act,
                reason: None,
            })
        };
        match self {
            Self::Cancel => Asked::Orchestrator(Request::Cancel(order_id.clone())),
            Self::Accept => answer(true),
            Self::Reject => answer(false),
            Self::Start => kitchen(Ask::Start),
            Self::Decline => kitchen(Ask::Decline { reason: "no".to_owned() }),
            Self::Finish => kitchen(Ask::Finish),
            Self::Claim => act(Act::Claim),
            Self::Release => act(Act::Release),
            Self::Pickup => act(Act::Pickup),
            Self::Confirm => act(Act::Confirm),
            Self::Return => act(Act::Return),
            Self::Operate(operation) => {
                Asked::Orchestrator(Request::Operate(Box::new(Operating {
                    order_id: order_id.clone(),
                    action: operation.action(),
                    by: "operator-1".to_owned(),
                    reason: "it is time".to_owned(),
                })))
            }
        }
    }
}

//! The words in which a customer sees an order, folded from the steps of its sagas.

use saga::{Cancellation, Instance, Status};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{order::Order, sagas::return_order};

/// How an order stands, as its customer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Asked for, for later.
    Scheduled,
    /// Asked for.
    Placed,
    /// The payment is authorized.
    Paid,
    /// The store has accepted.
    Accepted,
    /// The food is on the fire.
    Cooking,
    /// The food is ready.
    Cooked,
    /// A rider has the food.
    OnTheWay,
    /// The customer has the food.
    Delivered,
    /// What was done is being undone, or a cancellation waits to be decided.
    Cancelling,
    /// Everything is undone.
    Cancelled,
    /// The delivery comes back; money and stock are on their way.
    Returning,
    /// Money and stock are back.
    Returned,
}

impl OrderStatus {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Placed => "placed",
            Self::Paid => "paid",
            Self::Accepted => "accepted",
            Self::Cooking => "cooking",
            Self::Cooked => "cooked",
            Self::OnTheWay => "on_the_way",
            Self::Delivered => "delivered",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
            Self::Returning => "returning",
            Self::Returned => "returned",
        }
    }

    /// How that order stands.
    pub fn of(order: &Order) -> Self {
        let Some(saga) = order.latest() else {
            return if order.is_scheduled() { Self::Scheduled } else { Self::Cancelled };
        };
        if saga.definition() == return_order::NAME {
            return if saga.is_terminal() { Self::Returned } else { Self::Returning };
        }
        match saga.status() {
            Status::Completed => Self::Delivered,
            Status::Cancelled => Self::Cancelled,
            Status::Returned => Self::Returning,
            _ if saga.is_compensating() || awaits_decision(saga) => Self::Cancelling,
            Status::Running | Status::Compensating | Status::Suspended | Status::Stuck => {
                Self::forward(saga)
            }
        }
    }

    /// The word of a saga that goes forward: that of the furthest step that is over. Facts may
    /// come out of step, so the furthest is looked for from the end.
    fn forward(saga: &Instance) -> Self {
        const WORDS: [(&str, OrderStatus); 6] = [
            ("deliver", OrderStatus::Delivered),
            ("pickup", OrderStatus::OnTheWay),
            ("cook-finish", OrderStatus::Cooked),
            ("cook-start", OrderStatus::Cooking),
            ("accept", OrderStatus::Accepted),
            ("pay", OrderStatus::Paid),
        ];
        let over = |name| saga.step(name).is_some_and(|step| step.status.is_over());
        WORDS.into_iter().find(|(step, _)| over(step)).map_or(Self::Placed, |(_, word)| word)
    }
}

/// A cancellation was asked for while the saga was halted: it is decided when it goes on.
fn awaits_decision(saga: &Instance) -> bool {
    saga.cancellation() == Some(Cancellation::Requested) && !saga.past_pivot()
}

//! The words in which a customer sees an order, as the orchestrator has them, found here from what
//! has happened.

use contracts::EventType as E;
use schemars::JsonSchema;
use serde::Serialize;

use crate::fold::Order;

/// How an order stands, as its customer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "MypageOrderStatus")]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Asked for, for a later time.
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
    /// What was done is being undone.
    Cancelling,
    /// Everything is undone.
    Cancelled,
    /// The delivery comes back; money and stock are on their way.
    Returning,
    /// Money and stock are back.
    Returned,
}

/// What tells that an order comes back.
const COMES_BACK: [E; 3] = [E::DeliveryReturned, E::PaymentRefunded, E::StockRestocked];
/// What tells that an order is given up, where cooking has not started.
const GIVEN_UP: [E; 6] = [
    E::PaymentDeclined,
    E::PaymentVoided,
    E::OrderRejected,
    E::TicketCancelled,
    E::CookingDeclined,
    E::CookingCancelled,
];
/// How far an order is, the furthest first: facts may come out of step.
const FORWARD: [(E, Status); 6] = [
    (E::DeliveryConfirmed, Status::Delivered),
    (E::FoodPicked, Status::OnTheWay),
    (E::CookFinished, Status::Cooked),
    (E::CookStarted, Status::Cooking),
    (E::OrderAccepted, Status::Accepted),
    (E::PaymentAuthorized, Status::Paid),
];

impl Status {
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

    /// How that order stands. An end is final, whatever comes late.
    pub fn of(order: &Order) -> Self {
        let any = |kinds: &[E]| kinds.iter().any(|kind| order.has(*kind));
        match order.ended.as_ref().map(|ended| ended.kind) {
            Some(E::OrderCancelled) => Self::Cancelled,
            Some(E::OrderReturned) => Self::Returned,
            Some(_) => Self::Delivered,
            None if any(&COMES_BACK) => Self::Returning,
            None if !order.has(E::CookStarted) && any(&GIVEN_UP) => Self::Cancelling,
            None => {
                let furthest = FORWARD.iter().find(|(kind, _)| order.has(*kind));
                let first = match (&order.placed, &order.scheduled) {
                    (None, Some(_)) => Self::Scheduled,
                    _ => Self::Placed,
                };
                furthest.map_or(first, |(_, status)| *status)
            }
        }
    }
}

//! Which event leads to which message: a table over everything that is published.

use contracts::EventType as E;
use serde::{Deserialize, Serialize};

/// How an order stands, in the words in which MyPage and the orchestrator show it. A later one is
/// greater: what is passed is not told any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
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
    /// The delivery comes back.
    Returning,
    /// Everything is undone.
    Cancelled,
    /// Money and stock are back.
    Returned,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 12] = [
        Self::Scheduled,
        Self::Placed,
        Self::Paid,
        Self::Accepted,
        Self::Cooking,
        Self::Cooked,
        Self::OnTheWay,
        Self::Delivered,
        Self::Cancelling,
        Self::Returning,
        Self::Cancelled,
        Self::Returned,
    ];

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
            Self::Returning => "returning",
            Self::Cancelled => "cancelled",
            Self::Returned => "returned",
        }
    }

    /// Whether nothing that a customer did not know can follow but the way back.
    pub const fn is_last(self) -> bool {
        matches!(self, Self::Delivered | Self::Cancelled | Self::Returned)
    }
}

/// What an event leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leads {
    /// The customer is told how the order stands.
    Status(Stage),
    /// The customer is told what became of a change that was asked for.
    Revision,
    /// The customer is told that a cancellation came too late.
    TooLate,
    /// Riders are told of a delivery.
    Offer,
    /// To no message; it tells whether an offer still holds.
    Hands,
    /// To nothing: no status changes by it.
    Nothing,
}

/// What an event of that type leads to. Closed: a new one does not compile until somebody has
/// decided.
pub const fn leads(event: E) -> Leads {
    use Leads::{Hands, Nothing, Offer, Revision, Status, TooLate};
    match event {
        E::OrderScheduled => Status(Stage::Scheduled),
        E::OrderPlaced => Status(Stage::Placed),
        // With it the store is told as well: only now it can accept.
        E::PaymentAuthorized => Status(Stage::Paid),
        E::OrderAccepted => Status(Stage::Accepted),
        E::CookStarted => Status(Stage::Cooking),
        E::CookFinished => Status(Stage::Cooked),
        E::FoodPicked => Status(Stage::OnTheWay),
        E::DeliveryConfirmed | E::OrderCompleted => Status(Stage::Delivered),
        E::PaymentDeclined
        | E::PaymentVoided
        | E::OrderRejected
        | E::TicketCancelled
        | E::CookingDeclined
        | E::CookingCancelled => Status(Stage::Cancelling),
        E::DeliveryReturned | E::PaymentRefunded | E::StockRestocked => Status(Stage::Returning),
        E::OrderCancelled => Status(Stage::Cancelled),
        E::OrderReturned => Status(Stage::Returned),
        E::OrderRevised | E::RevisionRefused => Revision,
        E::CancellationRefused => TooLate,
        E::DeliveryOffered => Offer,
        E::RiderAssigned | E::RiderReleased => Hands,
        // What is between services, or of no order.
        E::PaymentCaptured
        | E::PaymentRevised
        | E::PaymentRevisionDeclined
        | E::PaymentRestored
        | E::PaymentAdjusted
        | E::TicketRevised
        | E::TicketRevisionRefused
        | E::TicketKept
        | E::StockSettled
        | E::MenuItemChanged
        | E::Unknown => Nothing,
    }
}

#[cfg(test)]
mod tests {
    use contracts::{ServiceName, routes::subscriptions};

    use super::*;

    #[test]
    fn what_leads_to_something_is_listened_to_and_nothing_else() {
        let mut told = Vec::new();
        for &event in E::ALL {
            let listens = subscriptions(ServiceName::Notification).contains(&event);
            assert_eq!(listens, leads(event) != Leads::Nothing, "{event:?}");
            if let Leads::Status(stage) = leads(event) {
                told.push(stage);
            }
        }
        told.sort_unstable();
        told.dedup();
        assert_eq!(
            told,
            Stage::ALL,
            "each status has an event that leads to it, and stands in order"
        );
    }
}

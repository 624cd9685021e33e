//! How far an event reaches and how much it says: three kinds, told apart by type.
//!
//! The kind says what a listener may expect, and what a change of the event would break.

use crate::EventType;

/// How far an event reaches.
///
/// What is private is no [`Event`](crate::Event), so that it cannot get into an
/// [`Envelope`](crate::Envelope): a saga's history is made of a type of the engine's own, which
/// this crate does not know. Neither crate knows the other, so that no conversion between the two
/// types can be declared anywhere.
///
/// ```compile_fail,E0308
/// # use contracts::{Envelope, MessageId, Timestamp};
/// /// What a saga keeps of itself.
/// struct StepRequested { step: String }
///
/// fn publish(id: MessageId, now: Timestamp, private: &StepRequested) {
///     Envelope::of_event(id, now, private, 1); // expected `&Event`
/// }
/// ```
///
/// An [`Event`](crate::Event) can be published:
///
/// ```
/// # use contracts::{Envelope, Event, MessageId, Timestamp};
/// fn publish(id: MessageId, now: Timestamp, public: &Event) {
///     Envelope::of_event(id, now, public, 1).expect("a public event encodes");
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// Never leaves its service. No event of [`EventType::ALL`] is: it only says what becomes of
    /// a name that this build does not know.
    Private,
    /// Thin: tells that something has happened, to whom. Who wants to know more asks.
    Notification,
    /// Carries the state that listeners need to work without asking.
    StateTransfer,
}

impl Reach {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Private, Self::Notification, Self::StateTransfer];

    /// The name as in documents: `state-transfer`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Notification => "notification",
            Self::StateTransfer => "state-transfer",
        }
    }
}

impl EventType {
    /// How far it reaches. Closed: a new event does not compile until somebody has decided.
    pub const fn reach(self) -> Reach {
        match self {
            Self::OrderCancelled
            | Self::OrderCompleted
            | Self::OrderReturned
            | Self::RevisionRefused
            | Self::CancellationRefused => Reach::Notification,
            // Facts repeat everything that has happened to their aggregate; see `fact`.
            Self::OrderPlaced
            | Self::OrderScheduled
            | Self::OrderRevised
            | Self::PaymentRevised
            | Self::PaymentRevisionDeclined
            | Self::PaymentRestored
            | Self::PaymentAdjusted
            | Self::TicketRevised
            | Self::TicketRevisionRefused
            | Self::TicketKept
            | Self::PaymentAuthorized
            | Self::PaymentDeclined
            | Self::PaymentVoided
            | Self::PaymentCaptured
            | Self::PaymentRefunded
            | Self::OrderAccepted
            | Self::OrderRejected
            | Self::TicketCancelled
            | Self::StockSettled
            | Self::StockRestocked
            | Self::MenuItemChanged
            | Self::CookStarted
            | Self::CookingDeclined
            | Self::CookingCancelled
            | Self::CookFinished
            | Self::DeliveryOffered
            | Self::RiderAssigned
            | Self::RiderReleased
            | Self::FoodPicked
            | Self::DeliveryConfirmed
            | Self::DeliveryReturned => Reach::StateTransfer,
            Self::Unknown => Reach::Private,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Envelope, Event, Fact, MessageId, OrderId, Timestamp};

    #[test]
    fn whatever_has_a_name_on_the_wire_is_public_and_nothing_else_is() {
        for event in EventType::ALL {
            assert_ne!(event.reach(), Reach::Private, "{event}");
        }
        assert_eq!(EventType::Unknown.reach(), Reach::Private);
        assert_eq!(EventType::parse("unknown"), None);
    }

    #[test]
    fn what_is_private_is_not_wrapped() {
        let order_id = OrderId::new("o1").unwrap();
        let fact = Fact { order_id, state: "x".to_owned(), milestones: Vec::new() };
        let (id, time) = (MessageId(uuid::Uuid::nil()), Timestamp::from_millis(0));
        for (kind, wrapped) in [(EventType::Unknown, false), (EventType::CookStarted, true)] {
            let envelope = Envelope::of_event(id, time, &Event::Fact(kind, fact.clone()), 1);
            assert_eq!(envelope.is_ok(), wrapped, "{kind}");
        }
    }
}

//! How messages find their way: exchanges, routing keys, queues and bindings.

use crate::{CommandType, EventType, QueueKind, ServiceName};

/// Direct exchange; the routing key is the service's name. Publishing to it is mandatory: a
/// command that no queue takes is a fault.
pub const COMMANDS_EXCHANGE: &str = "expeditor.commands";
/// Topic exchange; the routing key is `<source>.<type>`. An event that nobody hears is no fault.
pub const EVENTS_EXCHANGE: &str = "expeditor.events";
/// Where a broker puts what it could not deliver.
pub const DEAD_EXCHANGE: &str = "expeditor.dead";
/// Alternate exchange of the events exchange, with one bounded queue of the same name.
pub const UNHEARD_EXCHANGE: &str = "expeditor.unheard";
/// Topic exchange by which events are sent again to one subscriber that is being rebuilt; the
/// routing key is `<subscriber>.<source>.<type>`, by which a broker can hold everybody to their own
/// name. Publishing to it is mandatory.
pub const REPLAY_EXCHANGE: &str = "expeditor.replay";

/// After so many deliveries that were not acknowledged a queue gives a message up to
/// [`DEAD_EXCHANGE`].
pub const DELIVERY_LIMIT: i32 = 50;

/// `<service>.commands` or `<service>.events`.
pub fn queue(service: ServiceName, kind: QueueKind) -> String {
    format!("{service}.{}", kind.as_str())
}

/// The routing key of an event: `<source>.<type>`.
pub fn event_key(event: EventType) -> String {
    format!("{}.{}", event.source(), event.as_str())
}

/// The routing key of an event that is sent again to one subscriber.
pub fn replay_key(subscriber: ServiceName, event: EventType) -> String {
    format!("{subscriber}.{}", event_key(event))
}

/// What binds a read model's queue of events to the exchange of those that are sent again.
pub fn replay_binding(subscriber: ServiceName) -> String {
    format!("{subscriber}.#")
}

/// The read model whom such a routing key means.
pub fn replay_subscriber(routing_key: &str) -> Option<ServiceName> {
    let (name, _) = routing_key.split_once('.')?;
    ServiceName::parse(name).filter(|service| service.is_read_model())
}

/// The events that a service listens to.
pub const fn subscriptions(service: ServiceName) -> &'static [EventType] {
    use EventType as E;
    match service {
        ServiceName::Orchestrator => &[
            E::PaymentAuthorized,
            E::PaymentDeclined,
            E::PaymentVoided,
            E::PaymentCaptured,
            E::PaymentRefunded,
            E::PaymentRevised,
            E::PaymentRevisionDeclined,
            E::PaymentRestored,
            E::PaymentAdjusted,
            E::OrderAccepted,
            E::OrderRejected,
            E::TicketCancelled,
            E::TicketRevised,
            E::TicketRevisionRefused,
            E::TicketKept,
            E::StockSettled,
            E::StockRestocked,
            E::MenuItemChanged,
            E::CookStarted,
            E::CookingDeclined,
            E::CookingCancelled,
            E::CookFinished,
            E::RiderAssigned,
            E::RiderReleased,
            E::FoodPicked,
            E::DeliveryConfirmed,
            E::DeliveryReturned,
        ],
        ServiceName::Rider => &[E::OrderPlaced, E::OrderRevised, E::CookFinished],
        ServiceName::Payment | ServiceName::Store | ServiceName::Cook => &[],
        // All that is told about an order.
        ServiceName::Mypage => &[
            E::OrderPlaced,
            E::OrderScheduled,
            E::OrderRevised,
            E::RevisionRefused,
            E::OrderCancelled,
            E::OrderCompleted,
            E::OrderReturned,
            E::CancellationRefused,
            E::PaymentAuthorized,
            E::PaymentDeclined,
            E::PaymentVoided,
            E::PaymentCaptured,
            E::PaymentRefunded,
            E::PaymentRevised,
            E::PaymentRevisionDeclined,
            E::PaymentRestored,
            E::PaymentAdjusted,
            E::OrderAccepted,
            E::OrderRejected,
            E::TicketCancelled,
            E::TicketRevised,
            E::TicketRevisionRefused,
            E::TicketKept,
            E::StockSettled,
            E::StockRestocked,
            E::CookStarted,
            E::CookingDeclined,
            E::CookingCancelled,
            E::CookFinished,
            E::DeliveryOffered,
            E::RiderAssigned,
            E::RiderReleased,
            E::FoodPicked,
            E::DeliveryConfirmed,
            E::DeliveryReturned,
        ],
        // What leads to a message, and what tells that an offer is over.
        ServiceName::Notification => &[
            E::OrderPlaced,
            E::OrderScheduled,
            E::OrderRevised,
            E::RevisionRefused,
            E::OrderCancelled,
            E::OrderCompleted,
            E::OrderReturned,
            E::CancellationRefused,
            E::PaymentAuthorized,
            E::PaymentDeclined,
            E::PaymentVoided,
            E::PaymentRefunded,
            E::OrderAccepted,
            E::OrderRejected,
            E::TicketCancelled,
            E::StockRestocked,
            E::CookStarted,
            E::CookingDeclined,
            E::CookingCancelled,
            E::CookFinished,
            E::DeliveryOffered,
            E::RiderAssigned,
            E::RiderReleased,
            E::FoodPicked,
            E::DeliveryConfirmed,
            E::DeliveryReturned,
        ],
    }
}

/// The service that a command is for.
pub const fn destination(command: CommandType) -> ServiceName {
    use CommandType as C;
    match command {
        C::AuthorizePayment
        | C::VoidPayment
        | C::CapturePayment
        | C::RefundPayment
        | C::RevisePayment
        | C::RestorePayment
        | C::AdjustPayment => ServiceName::Payment,
        C::RequestAcceptance
        | C::CancelTicket
        | C::ReviseTicket
        | C::KeepTicket
        | C::SettleStock
        | C::Restock => ServiceName::Store,
        C::PrepareFood | C::CancelCooking => ServiceName::Cook,
        C::DispatchDelivery | C::WidenSearch | C::RecallDelivery => ServiceName::Rider,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_subscribes_to_what_they_publish_themselves() {
        for service in ServiceName::ALL {
            for event in subscriptions(service) {
                assert_ne!(event.source(), service, "{event:?}");
            }
        }
    }

    #[test]
    fn mypage_listens_to_all_that_is_told_about_an_order() {
        for &event in EventType::ALL {
            let listens = subscriptions(ServiceName::Mypage).contains(&event);
            assert_eq!(listens, event != EventType::MenuItemChanged, "{event:?}");
        }
    }

    #[test]
    fn what_is_sent_again_means_one_subscriber_and_names_its_source() {
        let key = replay_key(ServiceName::Mypage, EventType::CookStarted);
        assert_eq!(key, "mypage.cook.cook-started");
        assert_eq!(replay_subscriber(&key), Some(ServiceName::Mypage));
        let never = replay_key(ServiceName::Notification, EventType::CookStarted);
        for other in ["cook.cook-started", "store.cook.cook-started", "mypage", "", &never] {
            assert_eq!(replay_subscriber(other), None, "{other}");
        }
    }

    #[test]
    fn nothing_is_asked_of_a_subscriber_and_it_tells_nothing() {
        for subscriber in ServiceName::SUBSCRIBERS {
            assert!(CommandType::ALL.iter().all(|it| destination(*it) != subscriber));
            assert!(EventType::ALL.iter().all(|it| it.source() != subscriber));
        }
    }
}

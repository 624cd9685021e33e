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
}

//! Consumer contracts: which fields each service reads of each message that it hears.
//!
//! A field that stands here may not go away, whoever publishes it: a test holds every message
//! against it. Whoever starts to read a field, or stops, changes this table beside the code that
//! does. A path begins in `data`; `[*]` is every element of a list. A path that ends in `?` is read
//! where it is given; all others must always be there.

use crate::{CommandType, EventType, ServiceName, routes::subscriptions, schema::MessageType};

/// What every service reads of every envelope: whether it knows the message, whether it has seen
/// it, and whom it is about.
pub const ENVELOPE: &[&str] = &[
    "specversion",
    "id",
    "type",
    "source",
    "subject",
    "time",
    "dataschema",
    "correlationid?",
    "traceparent?",
    "data",
];

/// What is read of an event's envelope besides.
pub const EVENT_ENVELOPE: &[&str] = &["sequence"];

/// What is read of a command's envelope besides.
pub const COMMAND_ENVELOPE: &[&str] = &["commandid"];

/// The fields of `data` that the service reads of such a message; none where it does not hear it.
pub fn reads(consumer: ServiceName, message: MessageType) -> &'static [&'static str] {
    match message {
        MessageType::Command(command) if command.destination() == consumer => of_command(command),
        MessageType::Event(event) if subscriptions(consumer).contains(&event) => {
            of_event(consumer, event)
        }
        MessageType::Command(_) | MessageType::Event(_) => &[],
    }
}

/// What the one service that it is for reads of a command.
const fn of_command(command: CommandType) -> &'static [&'static str] {
    use CommandType as C;
    match command {
        C::AuthorizePayment => {
            &["order_id", "customer_id", "amount.amount", "amount.currency", "token"]
        }
        C::RequestAcceptance => &[
            "order_id",
            "store_id",
            "items[*].menu_id",
            "items[*].name",
            "items[*].unit_price.amount",
            "items[*].unit_price.currency",
            "items[*].quantity",
            "total.amount",
            "total.currency",
        ],
        // A ticket shows its lines whole.
        C::PrepareFood => &[
            "order_id",
            "store_id",
            "items[*].menu_id",
            "items[*].name",
            "items[*].unit_price.amount",
            "items[*].unit_price.currency",
            "items[*].quantity",
        ],
        C::DispatchDelivery => &["order_id", "store_id", "revision?"],
        C::CapturePayment => &["order_id", "amount.amount?", "amount.currency?"],
        C::RevisePayment => &["order_id", "revision", "amount.amount", "amount.currency", "token"],
        C::ReviseTicket => &[
            "order_id",
            "revision",
            "items[*].menu_id",
            "items[*].name",
            "items[*].unit_price.amount",
            "items[*].unit_price.currency",
            "items[*].quantity",
            "total.amount",
            "total.currency",
        ],
        C::RestorePayment | C::AdjustPayment | C::KeepTicket => &["order_id", "revision"],
        C::VoidPayment
        | C::RefundPayment
        | C::CancelTicket
        | C::SettleStock
        | C::Restock
        | C::CancelCooking
        | C::WidenSearch
        | C::RecallDelivery => &["order_id"],
    }
}

/// What a service reads of an event that it has subscribed to.
const fn of_event(consumer: ServiceName, event: EventType) -> &'static [&'static str] {
    use EventType as E;
    match (consumer, event) {
        (ServiceName::Rider, E::OrderPlaced) => {
            &["order_id", "store_id", "address.district", "address.line", "revision?"]
        }
        (ServiceName::Rider, E::OrderRevised) => {
            &["order_id", "store_id", "revision", "address.district", "address.line"]
        }
        (ServiceName::Rider, _) => &["order_id"],
        (ServiceName::Mypage, event) => by_mypage(event),
        (ServiceName::Notification, event) => by_notification(event),
        // The catalog.
        (_, E::MenuItemChanged) => {
            &["store_id", "menu_id", "name", "price.amount", "price.currency"]
        }
        // Why a store said no is told to the customer.
        (_, E::OrderRejected | E::TicketCancelled) => {
            &["order_id", "milestones[*].type", "milestones[*].data.reason?"]
        }
        // Who has the food is shown with the order.
        (
            _,
            E::RiderAssigned
            | E::RiderReleased
            | E::FoodPicked
            | E::DeliveryConfirmed
            | E::DeliveryReturned,
        ) => &["order_id", "milestones[*].type", "milestones[*].data.rider_id?"],
        // The saga follows what has happened, and nothing else.
        _ => &["order_id", "milestones[*].type"],
    }
}

/// What a customer is shown of it. Not a participant's own word for how things stand: an answer
/// given again may say another one, and is not among what a read model is rebuilt from.
const fn by_mypage(event: EventType) -> &'static [&'static str] {
    use EventType as E;
    match event {
        E::OrderPlaced => &[
            "order_id",
            "customer_id",
            "store_id",
            "items[*].menu_id",
            "items[*].name",
            "items[*].unit_price.amount",
            "items[*].unit_price.currency",
            "items[*].quantity",
            "total.amount",
            "total.currency",
            "address.district",
            "address.line",
            "placed_at",
            "scheduled_for?",
            "revision?",
        ],
        E::OrderScheduled => &[
            "order_id",
            "customer_id",
            "store_id",
            "items[*].menu_id",
            "items[*].name",
            "items[*].unit_price.amount",
            "items[*].unit_price.currency",
            "items[*].quantity",
            "total.amount",
            "total.currency",
            "address.district",
            "address.line",
            "placed_at",
            "scheduled_for",
        ],
        E::OrderRevised => &[
            "order_id",
            "revision",
            "items[*].menu_id",
            "items[*].name",
            "items[*].unit_price.amount",
            "items[*].unit_price.currency",
            "items[*].quantity",
            "total.amount",
            "total.currency",
            "address.district",
            "address.line",
            "at",
        ],
        E::RevisionRefused => &["order_id", "revision", "reason", "at"],
        E::OrderCancelled | E::OrderCompleted | E::OrderReturned => &["order_id", "reason?", "at"],
        E::CancellationRefused => &["order_id", "at"],
        // When it was is in the envelope.
        E::DeliveryOffered => &["order_id"],
        _ => &[
            "order_id",
            "milestones[*].type",
            "milestones[*].at",
            "milestones[*].data.amount?",
            "milestones[*].data.rider_id?",
            "milestones[*].data.reason?",
        ],
    }
}

/// What a message says, and to whom it goes.
const fn by_notification(event: EventType) -> &'static [&'static str] {
    use EventType as E;
    match event {
        E::OrderPlaced => &[
            "order_id",
            "customer_id",
            "store_id",
            "items[*].name",
            "items[*].quantity",
            "total.amount",
            "total.currency",
            "revision?",
        ],
        E::OrderScheduled => &[
            "order_id",
            "customer_id",
            "store_id",
            "items[*].name",
            "items[*].quantity",
            "total.amount",
            "total.currency",
            "scheduled_for",
        ],
        E::OrderRevised => &[
            "order_id",
            "revision",
            "items[*].name",
            "items[*].quantity",
            "total.amount",
            "total.currency",
        ],
        E::RevisionRefused => &["order_id", "revision", "reason"],
        E::OrderCancelled | E::OrderReturned => &["order_id", "reason?"],
        E::OrderCompleted | E::CancellationRefused => &["order_id"],
        E::DeliveryOffered => {
            &["order_id", "store_id", "address.district", "address.line", "riders"]
        }
        _ => &["order_id", "milestones[*].type"],
    }
}

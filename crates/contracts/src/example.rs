//! An example of every message, the same each time: for documents, and to be kept with a released
//! version, so that later builds can be held against what was written then.

use serde_json::Value;
use uuid::Uuid;

use crate::{
    Address, Command, CommandId, CommandType, Currency, CustomerId, Detail, District, Envelope,
    Event, EventType, Fact, Line, MenuId, MessageId, Milestone, Money, OrderId, RiderId, SagaId,
    ServiceName, StoreId, Timestamp,
    command::{
        AuthorizePayment, CapturePayment, DispatchDelivery, OrderOnly, OrderRevision, PrepareFood,
        RequestAcceptance, RevisePayment, ReviseTicket,
    },
    event::{
        DeliveryOffered, MenuItemChanged, OrderEnded, OrderPlaced, OrderRevised, OrderScheduled,
        RevisionRefused,
    },
    schema::MessageType,
};

/// 2026-05-28T20:26:40Z, when the order of the examples was placed.
const PLACED: i64 = 1_780_000_000_000;
/// A minute in milliseconds: the examples' milestones are so far apart.
const MINUTE: i64 = 60_000;
/// The change of the order that the examples are about.
const REVISION: u32 = 1;

/// A message as it goes over the wire.
pub fn message(kind: MessageType) -> Value {
    serde_json::to_value(envelope(kind)).expect("an envelope is a plain struct with text keys")
}

/// A message in its envelope, with every attribute that a service writes.
pub fn envelope(kind: MessageType) -> Envelope {
    let id = MessageId(Uuid::from_u128(0x019e_7044_8800_7000_8000_0000_0000_0001));
    let saga = SagaId(Uuid::from_u128(0x019e_7044_8800_7000_8000_0000_0000_00a1));
    let wrapped = match kind {
        MessageType::Command(kind) => {
            let command_id = CommandId(Uuid::from_u128(0x5c37_0c30_9d21_5c0e_8d5d_84a0_52e5_b0c1));
            let source = ServiceName::Orchestrator;
            Envelope::of_command(id, at(0), source, &command(kind), command_id, Some(saga))
        }
        MessageType::Event(kind) => {
            let told = i64::try_from(history(kind).len()).expect("a history is short");
            Envelope::of_event(id, at(told), &event(kind), told.unsigned_abs().max(1))
        }
    };
    let mut envelope = wrapped.expect("examples are public and encode");
    // A menu's item belongs to no saga.
    if kind != MessageType::Event(EventType::MenuItemChanged) {
        envelope.correlationid = Some(saga.0);
        let cause = Uuid::from_u128(0x019e_7044_8800_7000_8000_0000_0000_0000);
        envelope.causationid = Some(cause);
    }
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    envelope.traceparent = Some(trace.to_owned());
    envelope
}

/// A command with its payload.
pub fn command(kind: CommandType) -> Command {
    let only = || OrderOnly { order_id: order() };
    let revision = || OrderRevision { order_id: order(), revision: REVISION };
    match kind {
        CommandType::AuthorizePayment => Command::AuthorizePayment(AuthorizePayment {
            order_id: order(),
            customer_id: customer(),
            amount: total(),
            token: "tok-ok".to_owned(),
        }),
        CommandType::VoidPayment => Command::VoidPayment(only()),
        CommandType::CapturePayment => {
            Command::CapturePayment(CapturePayment { order_id: order(), amount: Some(total()) })
        }
        CommandType::RevisePayment => Command::RevisePayment(RevisePayment {
            order_id: order(),
            revision: REVISION,
            amount: total(),
            token: "tok-ok".to_owned(),
        }),
        CommandType::RestorePayment => Command::RestorePayment(revision()),
        CommandType::AdjustPayment => Command::AdjustPayment(revision()),
        CommandType::ReviseTicket => Command::ReviseTicket(ReviseTicket {
            order_id: order(),
            revision: REVISION,
            items: items(),
            total: total(),
        }),
        CommandType::KeepTicket => Command::KeepTicket(revision()),
        CommandType::RefundPayment => Command::RefundPayment(only()),
        CommandType::RequestAcceptance => Command::RequestAcceptance(RequestAcceptance {
            order_id: order(),
            store_id: store(),
            items: items(),
            total: total(),
        }),
        CommandType::CancelTicket => Command::CancelTicket(only()),
        CommandType::SettleStock => Command::SettleStock(only()),
        CommandType::Restock => Command::Restock(only()),
        CommandType::PrepareFood => Command::PrepareFood(PrepareFood {
            order_id: order(),
            store_id: store(),
            items: items(),
        }),
        CommandType::CancelCooking => Command::CancelCooking(only()),
        CommandType::DispatchDelivery => Command::DispatchDelivery(DispatchDelivery {
            order_id: order(),
            store_id: store(),
            revision: Some(REVISION),
        }),
        CommandType::WidenSearch => Command::WidenSearch(only()),
        CommandType::RecallDelivery => Command::RecallDelivery(only()),
    }
}

/// An event with its payload.
pub fn event(kind: EventType) -> Event {
    match kind {
        EventType::OrderPlaced => Event::OrderPlaced(OrderPlaced {
            order_id: order(),
            customer_id: customer(),
            store_id: store(),
            items: items(),
            total: total(),
            address: address(),
            placed_at: at(0),
            scheduled_for: Some(at(60)),
            revision: Some(REVISION),
        }),
        EventType::OrderScheduled => Event::OrderScheduled(OrderScheduled {
            order_id: order(),
            customer_id: customer(),
            store_id: store(),
            items: items(),
            total: total(),
            address: address(),
            placed_at: at(0),
            scheduled_for: at(60),
        }),
        EventType::OrderRevised => Event::OrderRevised(OrderRevised {
            order_id: order(),
            customer_id: customer(),
            store_id: store(),
            revision: REVISION,
            items: items(),
            total: total(),
            address: address(),
            at: at(2),
        }),
        EventType::RevisionRefused => Event::RevisionRefused(RevisionRefused {
            order_id: order(),
            customer_id: customer(),
            store_id: store(),
            revision: REVISION,
            reason: "payment_declined".to_owned(),
            at: at(2),
        }),
        EventType::OrderCancelled => {
            Event::OrderCancelled(ended("cancelled", Some("customer_cancelled")))
        }
        EventType::OrderCompleted => Event::OrderCompleted(ended("delivered", None)),
        EventType::OrderReturned => {
            Event::OrderReturned(ended("returned", Some("delivery_returned")))
        }
        EventType::CancellationRefused => Event::CancellationRefused(ended("cooking", None)),
        EventType::MenuItemChanged => Event::MenuItemChanged(MenuItemChanged {
            store_id: store(),
            menu_id: menu(),
            name: "Cold noodles".to_owned(),
            price: price(),
        }),
        EventType::DeliveryOffered => Event::DeliveryOffered(DeliveryOffered {
            order_id: order(),
            store_id: store(),
            address: address(),
            districts: vec![district()],
            riders: vec![rider()],
        }),
        fact => Event::Fact(
            fact,
            Fact { order_id: order(), state: state(fact).to_owned(), milestones: told(fact) },
        ),
    }
}

/// What has happened to an aggregate when it tells this fact; of other events, nothing.
fn history(kind: EventType) -> &'static [EventType] {
    use EventType as E;
    match kind {
        E::PaymentAuthorized => &[E::PaymentAuthorized],
        E::PaymentDeclined => &[E::PaymentDeclined],
        E::PaymentVoided => &[E::PaymentAuthorized, E::PaymentVoided],
        E::PaymentCaptured => &[E::PaymentAuthorized, E::PaymentCaptured],
        E::PaymentRefunded => &[E::PaymentAuthorized, E::PaymentCaptured, E::PaymentRefunded],
        E::PaymentRevised => &[E::PaymentAuthorized, E::PaymentRevised],
        E::PaymentRevisionDeclined => &[E::PaymentAuthorized, E::PaymentRevisionDeclined],
        E::PaymentRestored => &[E::PaymentAuthorized, E::PaymentRevised, E::PaymentRestored],
        E::PaymentAdjusted => &[E::PaymentAuthorized, E::PaymentRevised, E::PaymentAdjusted],
        E::TicketRevised => &[E::TicketRevised],
        E::TicketRevisionRefused => &[E::OrderAccepted, E::TicketRevisionRefused],
        E::TicketKept => &[E::TicketKept],
        E::OrderAccepted => &[E::OrderAccepted],
        E::OrderRejected => &[E::OrderRejected],
        E::TicketCancelled => &[E::OrderAccepted, E::TicketCancelled],
        E::StockSettled => &[E::OrderAccepted, E::StockSettled],
        E::StockRestocked => &[E::OrderAccepted, E::StockRestocked],
        E::CookStarted => &[E::CookStarted],
        E::CookingDeclined => &[E::CookingDeclined],
        E::CookingCancelled => &[E::CookingCancelled],
        E::CookFinished => &[E::CookStarted, E::CookFinished],
        E::RiderAssigned => &[E::RiderAssigned],
        E::RiderReleased => &[E::RiderAssigned, E::RiderReleased],
        E::FoodPicked => &[E::RiderAssigned, E::FoodPicked],
        E::DeliveryConfirmed => &[E::RiderAssigned, E::FoodPicked, E::DeliveryConfirmed],
        E::DeliveryReturned => &[E::RiderAssigned, E::FoodPicked, E::DeliveryReturned],
        _ => &[],
    }
}

/// The participant's own word for how things stand then.
fn state(kind: EventType) -> &'static str {
    use EventType as E;
    match kind {
        E::PaymentAuthorized
        | E::PaymentRevised
        | E::PaymentRevisionDeclined
        | E::PaymentRestored
        | E::PaymentAdjusted => "authorized",
        E::TicketRevised | E::TicketKept => "pending",
        E::PaymentDeclined | E::CookingDeclined => "declined",
        E::PaymentVoided => "voided",
        E::PaymentCaptured => "captured",
        E::PaymentRefunded => "refunded",
        E::OrderAccepted | E::TicketRevisionRefused => "accepted",
        E::OrderRejected => "rejected",
        E::TicketCancelled | E::CookingCancelled => "cancelled",
        E::StockSettled => "settled",
        E::StockRestocked => "restocked",
        E::CookStarted => "cooking",
        E::CookFinished => "finished",
        E::RiderAssigned => "claimed",
        E::RiderReleased => "offered",
        E::FoodPicked => "picked",
        E::DeliveryConfirmed => "delivered",
        E::DeliveryReturned => "returned",
        _ => "",
    }
}

fn told(fact: EventType) -> Vec<Milestone> {
    let minutes = 1_i64..;
    let milestones = history(fact).iter().zip(minutes);
    milestones
        .map(|(&kind, minute)| Milestone { kind, at: at(minute), data: detail(kind) })
        .collect()
}

fn detail(kind: EventType) -> Detail {
    use EventType as E;
    let reason = match kind {
        E::PaymentDeclined | E::PaymentRevisionDeclined => Some("payment_declined"),
        E::TicketRevisionRefused => Some("already_accepted"),
        E::OrderRejected => Some("out_of_stock"),
        E::CookingDeclined => Some("out of rice"),
        E::RiderReleased => Some("flat tyre"),
        E::DeliveryReturned => Some("nobody at home"),
        _ => None,
    };
    let amount = (kind.source() == ServiceName::Payment).then(total);
    let rider_id = (kind.source() == ServiceName::Rider).then(rider);
    Detail { amount, rider_id, reason: reason.map(str::to_owned) }
}

fn ended(status: &str, reason: Option<&str>) -> OrderEnded {
    OrderEnded {
        order_id: order(),
        customer_id: customer(),
        store_id: store(),
        status: status.to_owned(),
        reason: reason.map(str::to_owned),
        at: at(30),
    }
}

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(PLACED + minutes * MINUTE)
}

const FINE: &str = "the examples' ids are short and plain";

fn order() -> OrderId {
    OrderId::new("019e7044-8800-7000-8000-0000000000b1").expect(FINE)
}

fn customer() -> CustomerId {
    CustomerId::new("mina").expect(FINE)
}

fn store() -> StoreId {
    StoreId::new("noodle-house").expect(FINE)
}

fn menu() -> MenuId {
    MenuId::new("naengmyeon").expect(FINE)
}

fn rider() -> RiderId {
    RiderId::new("jun").expect(FINE)
}

fn district() -> District {
    District::new("mapo").expect(FINE)
}

fn address() -> Address {
    Address { district: district(), line: "12 Wausan-ro".to_owned() }
}

fn price() -> Money {
    Money { amount: 9_500, currency: Currency::KRW }
}

fn total() -> Money {
    Money { amount: 19_000, currency: Currency::KRW }
}

fn items() -> Vec<Line> {
    let name = "Cold noodles".to_owned();
    vec![Line { menu_id: menu(), name, unit_price: price(), quantity: 2 }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    #[test]
    fn every_example_is_the_message_that_it_is_an_example_of() {
        for kind in MessageType::all() {
            let envelope = envelope(kind);
            let said = envelope.message().unwrap();
            let found = match &said {
                Message::Command(command) => MessageType::Command(command.kind()),
                Message::Event(event) => MessageType::Event(event.kind()),
            };
            assert_eq!(found, kind);
            if let Message::Event(Event::Fact(_, fact)) = said {
                assert!(!fact.state.is_empty(), "{kind:?}");
                assert_eq!(fact.milestones.last().map(|last| last.kind), Some(found_event(kind)));
            }
        }
    }

    fn found_event(kind: MessageType) -> EventType {
        match kind {
            MessageType::Event(kind) => kind,
            MessageType::Command(kind) => panic!("{kind:?} is no event"),
        }
    }
}

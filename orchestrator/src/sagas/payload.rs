//! What each command says, rendered from the order: one exhaustive, pure function. The engine
//! never sees a payload; it names the command, and the preview of an operator's action renders it
//! through here as well.

use contracts::{
    Command, CommandType,
    command::{
        AuthorizePayment, CapturePayment, DispatchDelivery, OrderOnly, OrderRevision, PrepareFood,
        RequestAcceptance, RevisePayment, ReviseTicket,
    },
};

use crate::order::Order;

/// The command of that type for that order.
pub fn payload(order: &Order, command: CommandType) -> Command {
    let only = || OrderOnly { order_id: order.order_id.clone() };
    // Only a revision's saga asks for these, and one begins when the last has ended.
    let (number, wanted) = order.wanted();
    let revision = || OrderRevision { order_id: order.order_id.clone(), revision: number };
    match command {
        CommandType::AuthorizePayment => Command::AuthorizePayment(AuthorizePayment {
            order_id: order.order_id.clone(),
            customer_id: order.customer_id.clone(),
            amount: order.total,
            token: order.token.expose().to_owned(),
        }),
        CommandType::VoidPayment => Command::VoidPayment(only()),
        CommandType::CapturePayment => Command::CapturePayment(CapturePayment {
            order_id: order.order_id.clone(),
            amount: Some(order.total),
        }),
        CommandType::RevisePayment => Command::RevisePayment(RevisePayment {
            order_id: order.order_id.clone(),
            revision: number,
            amount: wanted.total,
            token: order.token.expose().to_owned(),
        }),
        CommandType::RestorePayment => Command::RestorePayment(revision()),
        CommandType::AdjustPayment => Command::AdjustPayment(revision()),
        CommandType::ReviseTicket => Command::ReviseTicket(ReviseTicket {
            order_id: order.order_id.clone(),
            revision: number,
            items: wanted.items,
            total: wanted.total,
        }),
        CommandType::KeepTicket => Command::KeepTicket(revision()),
        CommandType::RefundPayment => Command::RefundPayment(only()),
        CommandType::RequestAcceptance => Command::RequestAcceptance(RequestAcceptance {
            order_id: order.order_id.clone(),
            store_id: order.store_id.clone(),
            items: order.items.clone(),
            total: order.total,
        }),
        CommandType::CancelTicket => Command::CancelTicket(only()),
        CommandType::SettleStock => Command::SettleStock(only()),
        CommandType::Restock => Command::Restock(only()),
        CommandType::PrepareFood => Command::PrepareFood(PrepareFood {
            order_id: order.order_id.clone(),
            store_id: order.store_id.clone(),
            items: order.items.clone(),
        }),
        CommandType::CancelCooking => Command::CancelCooking(only()),
        CommandType::DispatchDelivery => Command::DispatchDelivery(DispatchDelivery {
            order_id: order.order_id.clone(),
            store_id: order.store_id.clone(),
            revision: order.revised(),
        }),
        CommandType::WidenSearch => Command::WidenSearch(only()),
        CommandType::RecallDelivery => Command::RecallDelivery(only()),
    }
}

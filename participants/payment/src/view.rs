//! What is shown of a payment over HTTP: everything but who asked.

use contracts::{CustomerId, OrderId, Timestamp};
use runtime::participant;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    OrderPayment,
    domain::{Authorization, Capture, Refund, State},
    revision::Revision,
};

/// A payment as `GET /payment/orders/{order_id}` shows it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Payment", description = "What was paid for an order.")]
pub struct PaymentView<'a> {
    /// The order.
    order_id: &'a OrderId,
    /// How the payment stands.
    #[schemars(with = "State")]
    state: &'static str,
    #[serde(flatten)]
    money: MoneyView<'a>,
    /// When it last changed.
    updated_at: Timestamp,
    /// Counts its changes.
    version: u64,
}

/// Whose money is held, taken and given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Payment")]
pub struct MoneyView<'a> {
    /// Whose money.
    customer_id: Option<&'a CustomerId>,
    /// The hold on it.
    authorization: Option<&'a Authorization>,
    /// What was taken.
    capture: Option<&'a Capture>,
    /// What was given back.
    refund: Option<&'a Refund>,
    /// The last change of the order's sum.
    revision: Option<&'a Revision>,
}

/// A payment as people see it.
pub fn payment_view(payment: &OrderPayment) -> PaymentView<'_> {
    PaymentView {
        order_id: &payment.order_id,
        state: payment.state.as_str(),
        money: money_view(payment),
        updated_at: payment.updated_at,
        version: payment.record.sequence,
    }
}

fn money_view(payment: &OrderPayment) -> MoneyView<'_> {
    MoneyView {
        customer_id: payment.authorization.as_ref().map(|it| &it.customer_id),
        authorization: payment.authorization.as_ref(),
        capture: payment.capture.as_ref(),
        refund: payment.refund.as_ref(),
        revision: payment.revision.as_ref(),
    }
}

/// What the service holds for an order, as the auditor reads it.
pub type Holding<'a> = participant::Holding<'a, MoneyView<'a>>;

/// What is held for an order: the payment with every milestone. It is active where money is held,
/// taken, or may come to be held.
pub fn holding(payment: &OrderPayment) -> Holding<'_> {
    Holding {
        order_id: &payment.order_id,
        state: payment.state.as_str(),
        active: payment.is_active(),
        own: money_view(payment),
        milestones: &payment.record.milestones,
        updated_at: payment.updated_at,
        version: payment.record.sequence,
    }
}

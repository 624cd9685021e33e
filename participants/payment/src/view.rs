//! What is shown of a payment over HTTP: everything but who asked.

use contracts::{CustomerId, Milestone, OrderId, Timestamp};
use serde::Serialize;

use crate::{
    OrderPayment,
    domain::{Authorization, Capture, Refund},
};

/// A payment as `GET /payment/orders/{order_id}` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentView<'a> {
    order_id: &'a OrderId,
    state: &'static str,
    customer_id: Option<&'a CustomerId>,
    authorization: Option<&'a Authorization>,
    capture: Option<&'a Capture>,
    refund: Option<&'a Refund>,
    updated_at: Timestamp,
    version: u64,
}

/// A payment as people see it.
pub fn payment_view(payment: &OrderPayment) -> PaymentView<'_> {
    PaymentView {
        order_id: &payment.order_id,
        state: payment.state.as_str(),
        customer_id: payment.authorization.as_ref().map(|it| &it.customer_id),
        authorization: payment.authorization.as_ref(),
        capture: payment.capture.as_ref(),
        refund: payment.refund.as_ref(),
        updated_at: payment.updated_at,
        version: payment.record.sequence,
    }
}

/// What the service holds for an order, as the auditor reads it.
#[derive(Clone, Debug, Serialize)]
pub struct Holding<'a> {
    #[serde(flatten)]
    payment: PaymentView<'a>,
    /// Whether money is held, taken, or may come to be held.
    active: bool,
    milestones: &'a [Milestone],
}

/// What is held for an order: the payment with every milestone.
pub fn holding(payment: &OrderPayment) -> Holding<'_> {
    Holding {
        payment: payment_view(payment),
        active: payment.is_active(),
        milestones: &payment.record.milestones,
    }
}

impl Holding<'_> {
    /// For which order.
    pub const fn order_id(&self) -> &OrderId {
        self.payment.order_id
    }
}

//! Payment over HTTP: it is only read here, since nobody but the saga asks for anything.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use contracts::{OrderId, ServiceName};
use runtime::{
    Problem,
    auth::Role,
    http::{Guarded, Handle, Operation, Page, Who, list_response, path_id},
    participant::list,
};

use crate::{
    Payment,
    aggregates::{PAYMENT, payment_key},
    view::{Holding, PaymentView, holding, payment_view},
};

/// Who looks at what was paid for an order.
const READERS: Who = Who::Only(&[Role::Customer, Role::Operator, Role::Auditor]);

/// The routes of the payment service.
pub fn routes() -> Guarded<Handle<Payment>> {
    let show = Operation::new("show_payment", "Shows what was paid for an order.")
        .path::<OrderId>("order_id")
        .answer::<PaymentView<'_>>(200, "The payment.")
        .not_found();
    let list =
        Operation::new("payment_holdings", "Lists what is held for each order, by order id.")
            .list::<Holding<'_>>("What is held.");
    Guarded::new()
        .get("/payment/orders/{order_id}", READERS, show, order)
        .get("/payment/holdings", Who::AUDIT, list, holdings)
        .of(ServiceName::Payment)
}

async fn order(
    State(handle): State<Handle<Payment>>,
    Path(order_id): Path<String>,
) -> Result<Response, Problem> {
    let order_id = path_id::<OrderId>(&order_id, "order_id")?;
    let payment = handle.get(&payment_key(&order_id)).await?;
    let payment = payment.ok_or_else(|| Problem::not_found("payment"))?;
    Ok(Json(payment_view(&payment)).into_response())
}

async fn holdings(State(handle): State<Handle<Payment>>, page: Page) -> Result<Response, Problem> {
    let payments = handle.list(&list(PAYMENT, None, Vec::new(), &page)).await?;
    let items = payments.iter().map(|(_, payment)| holding(payment)).collect();
    Ok(list_response(items, page.limit, |last| last.order_id.to_string()))
}

//! MyPage's HTTP: orders are read from what was committed.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use contracts::{CustomerId, OrderId, ServiceName};
use runtime::{
    Problem,
    auth::Role,
    db::ListQuery,
    http::{Guarded, Handle, Operation, Page, Who, list_response, path_id},
    participant::list,
};

use crate::{
    Mypage,
    aggregates::{ORDER, order_key},
    views::OrderView,
};

const READERS: Who = Who::Only(&[Role::Customer, Role::Operator, Role::Auditor]);

/// The routes of MyPage, under its prefix.
pub fn routes() -> Guarded<Handle<Mypage>> {
    let of_customer = Operation::new(
        "mypage_orders",
        "Lists a customer's orders with their progress, the newest first.",
    )
    .path::<CustomerId>("customer_id")
    .list::<OrderView>("Orders.");
    let one =
        Operation::new("mypage_order", "Shows an order with the progress of each part of it.")
            .path::<OrderId>("order_id")
            .answer::<OrderView>(200, "The order.")
            .not_found();
    Guarded::new()
        .get("/mypage/customers/{customer_id}/orders", READERS, of_customer, orders)
        .get("/mypage/orders/{order_id}", READERS, one, order)
        .of(ServiceName::Mypage)
}

/// A customer's orders, the newest first.
async fn orders(
    State(handle): State<Handle<Mypage>>,
    Path(customer_id): Path<String>,
    page: Page,
) -> Result<Response, Problem> {
    let customer_id = path_id::<CustomerId>(&customer_id, "customer_id")?;
    let query = list(ORDER, Some(customer_id.as_str()), Vec::new(), &page);
    let orders = handle.list(&ListQuery { descending: true, ..query }).await?;
    // Only what was placed has an owner.
    let views = orders.iter().filter_map(|(_, order)| OrderView::of(order)).collect();
    Ok(list_response(views, page.limit, |last: &OrderView| last.order_id.to_string()))
}

async fn order(
    State(handle): State<Handle<Mypage>>,
    Path(order_id): Path<String>,
) -> Result<Json<OrderView>, Problem> {
    let order_id: OrderId = path_id(&order_id, "order_id")?;
    let order = handle.get(&order_key(&order_id)).await?;
    let view = order.as_ref().and_then(OrderView::of);
    view.map(Json).ok_or_else(|| Problem::not_found("order"))
}

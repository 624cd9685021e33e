//! Customers place, look at and cancel orders.

use axum::{
    Json,
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use contracts::{Address, OrderId, SagaId};
use runtime::{
    Problem,
    http::{Fields, Handle, JsonBody, path_id, required_header},
};

use crate::{
    Orchestrator,
    aggregates::{self, order_key},
    placement::{PaymentToken, PlaceOrder, Wanted},
    service::{Placing, Request},
    views::OrderView,
};

/// The header by which a request that is made again is known.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The most characters of an address.
const MAX_ADDRESS: usize = 200;
/// The most lines of an order.
const MAX_ITEMS: usize = 50;
/// The most pieces of one line.
const MAX_QUANTITY: u16 = 999;

/// `POST /orders`
pub(super) async fn place(
    State(handle): State<Handle<Orchestrator>>,
    headers: HeaderMap,
    JsonBody(fields): JsonBody,
) -> Result<Response, Problem> {
    let key = required_header(&headers, IDEMPOTENCY_KEY)?.to_owned();
    let order = read_order(fields)?;
    // An order is a promise that the others hear of it.
    handle.admit(handle.service().settings().outbox_age_limit)?;
    let ids = &handle.ports().ids;
    let order_id =
        OrderId::new(ids.next().to_string()).expect("the text of a UUID may serve as an id");
    let placing = Placing { key, order_id, saga_id: SagaId(ids.next()), order };
    Ok(handle.submit(Request::Place(Box::new(placing))).await)
}

/// `GET /orders/{order_id}`
pub(super) async fn show(
    State(handle): State<Handle<Orchestrator>>,
    Path(order_id): Path<String>,
) -> Result<Response, Problem> {
    let order_id = path_id::<OrderId>(&order_id, "order_id")?;
    let state = handle.get(&order_key(&order_id)).await?;
    let order = state.as_ref().and_then(aggregates::State::as_order);
    let order = order.ok_or_else(|| Problem::not_found("order"))?;
    Ok(Json(OrderView::of(order)).into_response())
}

/// `DELETE /orders/{order_id}`
pub(super) async fn cancel(
    State(handle): State<Handle<Orchestrator>>,
    Path(order_id): Path<String>,
) -> Result<Response, Problem> {
    let order_id = path_id::<OrderId>(&order_id, "order_id")?;
    Ok(handle.submit(Request::Cancel(order_id)).await)
}

/// Reads what a customer asks for; refuses with every wrong field named.
pub(crate) fn read_order(mut fields: Fields) -> Result<PlaceOrder, Problem> {
    let customer_id = fields.id("customer_id");
    let store_id = fields.id("store_id");
    let items = fields.array("items", 1..=MAX_ITEMS, |item| {
        let menu_id = item.id("menu_id");
        let quantity = item.integer("quantity", 1..=i64::from(MAX_QUANTITY));
        Some(Wanted { menu_id: menu_id?, quantity: u32::try_from(quantity?).ok()? })
    });
    let address = fields.object("address", |address| {
        let district = address.id("district");
        let line = address.text("line", 1..=MAX_ADDRESS);
        Some(Address { district: district?, line: line? })
    });
    let token = fields.object("payment", |payment| payment.id::<PaymentToken>("token"));
    let order = (|| {
        Some(PlaceOrder {
            customer_id: customer_id?,
            store_id: store_id?,
            items: items?,
            address: address?,
            token: token?,
        })
    })();
    fields.finish(order)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn good() -> Value {
        json!({
            "customer_id": "c1",
            "store_id": "s1",
            "items": [{"menu_id": "m1", "quantity": 2}, {"menu_id": "m2", "quantity": 999}],
            "address": {"district": "mapo", "line": "12 River Street"},
            "payment": {"token": "tok-ok"},
        })
    }

    fn read(body: &Value) -> Result<PlaceOrder, Problem> {
        read_order(Fields::parse(body.to_string().as_bytes()).unwrap())
    }

    #[test]
    fn a_good_request_is_read() {
        let order = read(&good()).unwrap();
        assert_eq!((order.items.len(), order.items[1].quantity), (2, 999));
        assert_eq!(order.address.line, "12 River Street");
    }

    #[test]
    fn each_wrong_field_is_named() {
        let wide = Value::from(vec![json!({"menu_id": "m1", "quantity": 1}); 51]);
        for (pointer, value, field) in [
            ("/customer_id", json!("a b"), "customer_id"),
            ("/customer_id", json!(7), "customer_id"),
            ("/store_id", json!(""), "store_id"),
            ("/items", json!([]), "items"),
            ("/items", wide, "items"),
            ("/items", json!({}), "items"),
            ("/items/1/menu_id", json!("x/y"), "items[1].menu_id"),
            ("/items/0/quantity", json!(0), "items[0].quantity"),
            ("/items/0/quantity", json!(1000), "items[0].quantity"),
            ("/items/0/quantity", json!(1.5), "items[0].quantity"),
            ("/items/0/quantity", json!("1"), "items[0].quantity"),
            ("/address", json!("mapo"), "address"),
            ("/address/district", json!("a b"), "address.district"),
            ("/address/line", json!(" "), "address.line"),
            ("/address/line", json!("x".repeat(201)), "address.line"),
            ("/payment", Value::Null, "payment"),
            ("/payment/token", json!("a b"), "payment.token"),
            ("/payment/token", json!(""), "payment.token"),
            ("/payment/token", json!("x".repeat(201)), "payment.token"),
        ] {
            let mut body = good();
            *body.pointer_mut(pointer).unwrap() = value;
            let problem = read(&body).unwrap_err();
            let fields: Vec<_> = problem.errors.iter().map(|error| &error.field).collect();
            assert_eq!((problem.status, &fields[..]), (422, &[&field.to_owned()][..]), "{body}");
        }
    }

    #[test]
    fn all_wrong_missing_and_unknown_fields_are_named_at_once() {
        let body = json!({
            "store_id": "s 1",
            "items": [{"menu_id": "m1", "quantity": 0, "price": 1}, {}],
            "address": {"line": ""},
            "payment": {},
            "coupon": "x",
        });
        let problem = read(&body).unwrap_err();
        let mut fields: Vec<_> = problem.errors.into_iter().map(|error| error.field).collect();
        fields.sort();
        assert_eq!(
            fields,
            [
                "address.district",
                "address.line",
                "coupon",
                "customer_id",
                "items[0].price",
                "items[0].quantity",
                "items[1].menu_id",
                "items[1].quantity",
                "payment.token",
                "store_id",
            ]
        );
    }

    #[test]
    fn a_wrong_token_is_not_shown_in_the_answer() {
        let mut body = good();
        body["payment"]["token"] = json!("secret token");
        let problem = read(&body).unwrap_err();
        assert!(!format!("{problem:?}").contains("secret"));
    }
}

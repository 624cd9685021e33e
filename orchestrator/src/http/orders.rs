//! Customers place, look at, change and cancel orders.

use std::str::FromStr;

use axum::{
    Json,
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use contracts::{Address, CustomerId, District, OrderId, SagaId, StoreId, Timestamp};
use runtime::{
    Problem,
    http::{
        Fields, Handle, JsonBody, Operation, body::MAX_HEADER_VALUE, path_id, required_header,
        shape::PLAIN_TEXT,
    },
    participant::both,
};
use schemars::{JsonSchema, Schema, json_schema};
use serde_json::json;

use crate::{
    Orchestrator,
    aggregates::{self, order_key},
    placement::{MAX_QUANTITY, PaymentToken, PlaceOrder, Wanted},
    revision::Change,
    service::{Placing, Request, Revising},
    views::OrderView,
};

/// The header by which a request that is made again is known.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The most characters of an address.
const MAX_ADDRESS: usize = 200;
/// The most lines of an order.
const MAX_ITEMS: usize = 50;

/// What a customer sends.
#[derive(JsonSchema)]
#[schemars(rename = "PlaceOrder", deny_unknown_fields)]
struct Ordered {
    /// Who orders.
    customer_id: CustomerId,
    /// From which store.
    store_id: StoreId,
    /// What; the price is the catalog's.
    #[schemars(length(min = 1, max = MAX_ITEMS))]
    items: Vec<Wanted>,
    /// Where it goes.
    address: Destination,
    /// By what it is paid.
    payment: Means,
    /// When it is to start, some minutes to some days ahead; at once where it is not said.
    #[serde(rename = "for")]
    scheduled_for: Option<Timestamp>,
}

/// What a customer changes; what is not named stays as it is.
#[derive(JsonSchema)]
#[schemars(rename = "ReviseOrder", deny_unknown_fields)]
struct Changed {
    /// All lines, each of an item that the order has.
    #[schemars(length(min = 1, max = MAX_ITEMS))]
    items: Option<Vec<Wanted>>,
    /// Where it goes.
    address: Option<Destination>,
}

/// Where an order goes.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Destination {
    /// The district, by which riders are found.
    district: District,
    /// Street, house, door.
    #[schemars(length(min = 1, max = MAX_ADDRESS), regex(pattern = PLAIN_TEXT))]
    line: String,
}

/// By what an order is paid.
#[derive(JsonSchema)]
#[schemars(rename = "MeansOfPayment", deny_unknown_fields)]
struct Means {
    /// The payment gateway's token for it.
    #[schemars(
        with = "String",
        length(min = 1, max = PaymentToken::MAX_LENGTH),
        regex(pattern = "^[!-~]+$")
    )]
    token: PaymentToken,
}

const KEY_SAYS: &str = "Makes a repeated request safe; belongs to the customer.";

fn key_shape() -> Schema {
    json_schema!({
        "type": "string", "minLength": 1, "maxLength": MAX_HEADER_VALUE, "pattern": "^[!-~]+$"
    })
}

/// What is asked by [`place`].
pub(super) fn placed() -> Operation {
    let order = json!({
        "customer_id": "mina",
        "store_id": "noodle-house",
        "items": [{"menu_id": "naengmyeon", "quantity": 2}],
        "address": {"district": "mapo", "line": "12 Wausan-ro"},
        "payment": {"token": "tok-ok"},
    });
    Operation::new("place_order", "Places an order.")
        .header("Idempotency-Key", KEY_SAYS, key_shape())
        .body::<Ordered>(order)
        .answer::<OrderView>(201, "The order.")
        .answer_header("Location", "Where it is found.")
        .answer_header("Idempotent-Replayed", "`true` where the key was used before.")
        .problems(422, &["unknown-menu-item", "mixed-currencies", "total-too-large"])
        .problems(422, &["idempotency-key-reused"])
        .problems(503, &["outbox-too-old"])
}

/// What is asked by [`show`].
pub(super) fn shown() -> Operation {
    Operation::new("show_order", "Shows an order.")
        .path::<OrderId>("order_id")
        .answer::<OrderView>(200, "The order.")
        .not_found()
}

/// What is asked by [`revise`].
pub(super) fn revised() -> Operation {
    let change = json!({
        "items": [{"menu_id": "naengmyeon", "quantity": 3}],
        "address": {"district": "mapo", "line": "14 Wausan-ro"},
    });
    Operation::new("revise_order", "Changes an order that the store has not accepted.")
        .path::<OrderId>("order_id")
        .header("Idempotency-Key", KEY_SAYS, key_shape())
        .body::<Changed>(change)
        .answer::<OrderView>(202, "The order; what becomes of the change shows as its `revision`.")
        .answer::<OrderView>(200, "The order, which is changed, or was so already.")
        .answer_header("Idempotent-Replayed", "`true` where the key was used before.")
        .not_found()
        .conflicts(&["revision-pending", "payment-pending", "already-accepted"])
        .conflicts(&["order-cancelled", "order-suspended", "too-many-revisions"])
        .problems(422, &["item-not-ordered", "total-too-large", "idempotency-key-reused"])
        .problems(503, &["outbox-too-old"])
}

/// What is asked by [`cancel`].
pub(super) fn cancelled() -> Operation {
    Operation::new("cancel_order", "Cancels an order.")
        .path::<OrderId>("order_id")
        .answer::<OrderView>(202, "The order, which is being cancelled.")
        .answer::<OrderView>(200, "The order, which is cancelled already.")
        .not_found()
        .conflicts(&["cooking-started"])
}

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

/// `PATCH /orders/{order_id}`
pub(super) async fn revise(
    State(handle): State<Handle<Orchestrator>>,
    Path(order_id): Path<String>,
    headers: HeaderMap,
    JsonBody(fields): JsonBody,
) -> Result<Response, Problem> {
    let key = required_header(&headers, IDEMPOTENCY_KEY)?.to_owned();
    let order_id = path_id::<OrderId>(&order_id, "order_id");
    let (order_id, change) = both(order_id, read_change(fields))?;
    handle.admit(handle.service().settings().outbox_age_limit)?;
    // Keys belong to customers, and whose an order is never changes.
    let state = handle.get(&order_key(&order_id)).await?;
    let order = state.as_ref().and_then(aggregates::State::as_order);
    let order = order.ok_or_else(|| Problem::not_found("order"))?;
    let customer_id = order.customer_id.clone();
    let saga_id = SagaId(handle.ports().ids.next());
    let asked = Revising { key, customer_id, order_id, saga_id, change };
    Ok(handle.submit(Request::Revise(Box::new(asked))).await)
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
    let items = fields.array("items", 1..=MAX_ITEMS, wanted);
    let address = fields.object("address", destination);
    let payment = fields.object("payment", |payment| {
        payment.id::<PaymentToken>("token").map(|token| Means { token })
    });
    let scheduled_for = fields.optional_id::<At>("for").map(|At(at)| at);
    let order = (|| {
        Some(Ordered {
            customer_id: customer_id?,
            store_id: store_id?,
            items: items?,
            address: address?,
            payment: payment?,
            scheduled_for,
        })
    })();
    fields.finish(order).map(PlaceOrder::from)
}

/// Reads what a customer changes, likewise.
pub(crate) fn read_change(mut fields: Fields) -> Result<Change, Problem> {
    let items = fields.optional_array("items", 1..=MAX_ITEMS, wanted);
    let address = fields.optional_object("address", destination);
    let Changed { items, address } = fields.finish(Some(Changed { items, address }))?;
    Ok(Change { items, address: address.map(Address::from) })
}

fn wanted(item: &mut Fields) -> Option<Wanted> {
    let menu_id = item.id("menu_id");
    let quantity = item.integer("quantity", 1..=i64::from(MAX_QUANTITY));
    Some(Wanted { menu_id: menu_id?, quantity: u32::try_from(quantity?).ok()? })
}

fn destination(address: &mut Fields) -> Option<Destination> {
    let district = address.id("district");
    let line = address.text("line", 1..=MAX_ADDRESS);
    Some(Destination { district: district?, line: line? })
}

/// A time as a client writes it.
struct At(Timestamp);

impl FromStr for At {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Timestamp::parse(text).map(Self).ok_or("must be a time in RFC 3339")
    }
}

impl From<Destination> for Address {
    fn from(it: Destination) -> Self {
        Self { district: it.district, line: it.line }
    }
}

impl From<Ordered> for PlaceOrder {
    fn from(it: Ordered) -> Self {
        let Ordered { customer_id, store_id, items, address, payment, scheduled_for } = it;
        let (address, token) = (address.into(), payment.token);
        Self { customer_id, store_id, items, address, token, scheduled_for }
    }
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
            ("/for", json!("tomorrow"), "for"),
            ("/for", json!("2026-05-28"), "for"),
            ("/for", json!(1_780_000_000), "for"),
        ] {
            let mut body = good();
            body["for"] = json!("2026-05-28T20:26:40+09:00");
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
    fn each_wrong_field_of_a_change_is_named() {
        let item = json!({"menu_id": "m1", "quantity": 2});
        let address = json!({"district": "mapo", "line": "1 Hill Street"});
        for (body, wrong) in [
            (json!({"items": [item.clone()]}), &[][..]),
            (json!({"address": address.clone()}), &[]),
            (json!({"items": [item.clone()], "address": address.clone()}), &[]),
            (json!({"items": null, "address": address.clone()}), &[]),
            (json!({}), &[]),
            (json!({"items": []}), &["items"]),
            (json!({"items": [{"menu_id": "m1", "quantity": 0}]}), &["items[0].quantity"]),
            (json!({"address": {"district": "mapo"}}), &["address.line"]),
            (json!({"items": [item], "store_id": "s2"}), &["store_id"]),
            (json!({"address": address, "payment": {"token": "t"}}), &["payment"]),
        ] {
            let read = read_change(Fields::parse(body.to_string().as_bytes()).unwrap());
            let fields = match read {
                Ok(_) => Vec::new(),
                Err(problem) => problem.errors.into_iter().map(|error| error.field).collect(),
            };
            assert_eq!(fields, wrong, "{body}");
        }
    }

    #[test]
    fn a_wrong_token_is_not_shown_in_the_answer() {
        let mut body = good();
        body["payment"]["token"] = json!("secret token");
        let problem = read(&body).unwrap_err();
        assert!(!format!("{problem:?}").contains("secret"));
    }
}

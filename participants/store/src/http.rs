//! The store over HTTP: owners put their menus and answer tickets. A route reads and validates,
//! names every wrong field, and leaves the deciding to the service.

use axum::{
    extract::{Path, State as Of},
    response::Response,
};
use contracts::{MenuId, Money, OrderId, ServiceName, StoreId};
use runtime::{
    Problem,
    auth::Role,
    http::{
        Fields, Guarded, Handle, JsonBody, Operation, Page, StrictQuery, Who, list_response,
        path_id,
        shape::{PLAIN_TEXT, Price, one_of},
    },
    participant::{MAX_REASON, both, list},
};
use schemars::JsonSchema;
use serde_json::json;

use crate::{
    Request, Store,
    aggregates::{MENU_ITEM, TICKET},
    domain::{MAX_STOCK, State, Wanted},
    view::{Holding, MenuItemView, TicketView, holding, menu_item_view, ticket_view},
};

/// The longest name of a menu item, in characters.
const MAX_NAME: usize = 200;

const OWNERS: Who = Who::Only(&[Role::Store]);
/// Who looks at what is to be answered.
const READERS: Who = Who::Only(&[Role::Store, Role::Operator]);

/// The routes of the store service.
pub fn routes() -> Guarded<Handle<Store>> {
    let dish = json!({
        "name": "Cold noodles", "price": {"amount": 9_500, "currency": "KRW"}, "stock": 100
    });
    let put_item = Operation::new("put_menu_item", "Puts an item on the menu, or changes it.")
        .path::<StoreId>("store_id")
        .path::<MenuId>("menu_id")
        .body::<PutMenuItem>(dish)
        .answer::<MenuItemView<'_>>(200, "The item.")
        .conflicts(&["stock-too-low"]);
    let items = Operation::new("show_menu", "Lists a store's menu, with its stock.")
        .path::<StoreId>("store_id")
        .list::<MenuItemView<'_>>("Items.");
    let all = Operation::new("store_tickets", "Lists a store's tickets, by order id.")
        .path::<StoreId>("store_id")
        .query("state", "Only those that stand so.", one_of(&State::ALL.map(State::as_str)))
        .list::<TicketView<'_>>("Tickets.");
    let accept = Operation::new("answer_ticket", "Accepts an order, or rejects it.")
        .path::<OrderId>("order_id")
        .body::<Acceptance>(json!({"accepted": false, "reason": "closed today"}))
        .answer::<TicketView<'_>>(200, "The ticket.")
        .not_found()
        .conflicts(&["out-of-stock", "already-accepted", "already-rejected", "ticket-cancelled"]);
    let held = Operation::new("store_holdings", "Lists what is held for each order, by order id.")
        .list::<Holding<'_>>("What is held.");
    Guarded::new()
        .put("/store/stores/{store_id}/menu/{menu_id}", OWNERS, put_item, put_menu_item)
        .get("/store/stores/{store_id}/menu", Who::ANYBODY, items, menu)
        .get("/store/stores/{store_id}/tickets", READERS, all, tickets)
        .put("/store/tickets/{order_id}/acceptance", OWNERS, accept, answer)
        .get("/store/holdings", Who::AUDIT, held, holdings)
        .of(ServiceName::Store)
}

/// What an owner wants an item to be.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct PutMenuItem {
    /// What it is called.
    #[schemars(length(min = 1, max = MAX_NAME), regex(pattern = PLAIN_TEXT))]
    name: String,
    /// What one piece costs.
    #[schemars(with = "Price")]
    price: Money,
    /// Pieces ever put in, those reserved and sold included.
    #[schemars(range(min = 0, max = MAX_STOCK))]
    stock: u64,
}

/// What an owner answers.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Acceptance {
    /// Whether the order is taken.
    accepted: bool,
    /// Why, in a person's words.
    #[schemars(length(min = 1, max = MAX_REASON), regex(pattern = PLAIN_TEXT))]
    reason: Option<String>,
}

async fn put_menu_item(
    Of(handle): Of<Handle<Store>>,
    Path((store_id, menu_id)): Path<(String, String)>,
    JsonBody(fields): JsonBody,
) -> Result<Response, Problem> {
    let store_id = path_id::<StoreId>(&store_id, "store_id");
    let ids = both(store_id, path_id::<MenuId>(&menu_id, "menu_id"));
    let ((store_id, menu_id), wanted) = both(ids, read_menu_item(fields))?;
    Ok(handle.submit(Request::PutMenuItem { store_id, menu_id, wanted }).await)
}

fn read_menu_item(mut fields: Fields) -> Result<Wanted, Problem> {
    let name = fields.text("name", 1..=MAX_NAME);
    let price = fields.money("price");
    let most = i64::try_from(MAX_STOCK).expect("the most stock is far below 63 bits");
    let stock = fields.integer("stock", 0..=most).and_then(|stock| u64::try_from(stock).ok());
    let put = name.zip(price).zip(stock);
    let put =
        fields.finish(put.map(|((name, price), stock)| PutMenuItem { name, price, stock }))?;
    let PutMenuItem { name, price, stock } = put;
    Ok(Wanted { name, price, stock })
}

async fn answer(
    Of(handle): Of<Handle<Store>>,
    Path(order_id): Path<String>,
    JsonBody(fields): JsonBody,
) -> Result<Response, Problem> {
    let order_id = path_id::<OrderId>(&order_id, "order_id");
    let (order_id, Acceptance { accepted, reason }) = both(order_id, read_answer(fields))?;
    Ok(handle.submit(Request::Answer { order_id, accepted, reason }).await)
}

fn read_answer(mut fields: Fields) -> Result<Acceptance, Problem> {
    let accepted = fields.boolean("accepted");
    let reason = fields.optional_text("reason", 1..=MAX_REASON);
    fields.finish(accepted.map(|accepted| Acceptance { accepted, reason }))
}

async fn menu(
    Of(handle): Of<Handle<Store>>,
    Path(store_id): Path<String>,
    page: Result<Page, Problem>,
) -> Result<Response, Problem> {
    let (store_id, page) = both(path_id::<StoreId>(&store_id, "store_id"), page)?;
    let query = list(MENU_ITEM, Some(store_id.as_str()), Vec::new(), &page);
    let rows = handle.list(&query).await?;
    let items = rows.iter().filter_map(|(_, row)| row.menu_item()).map(menu_item_view).collect();
    Ok(list_response(items, page.limit, MenuItemView::key))
}

async fn tickets(
    Of(handle): Of<Handle<Store>>,
    Path(store_id): Path<String>,
    mut query: StrictQuery,
) -> Result<Response, Problem> {
    let store_id = path_id::<StoreId>(&store_id, "store_id");
    let state = query.one_of("state", &State::ALL.map(State::as_str));
    let page = query.page();
    let (store_id, (state, page)) = both(store_id, query.finish((state, page)))?;
    let states = state.into_iter().collect();
    let rows = handle.list(&list(TICKET, Some(store_id.as_str()), states, &page)).await?;
    let items = rows.iter().filter_map(|(_, row)| row.ticket()).map(ticket_view).collect();
    Ok(list_response(items, page.limit, |last| last.order_id().to_string()))
}

async fn holdings(Of(handle): Of<Handle<Store>>, page: Page) -> Result<Response, Problem> {
    let rows = handle.list(&list(TICKET, None, Vec::new(), &page)).await?;
    let items = rows.iter().filter_map(|(_, row)| row.ticket()).map(holding).collect();
    Ok(list_response(items, page.limit, |last| last.order_id.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &str) -> Fields {
        Fields::parse(body.as_bytes()).unwrap()
    }

    /// The fields that are named as wrong.
    fn wrong<T: std::fmt::Debug>(read: Result<T, Problem>) -> Vec<String> {
        match read {
            Ok(_) => Vec::new(),
            Err(problem) => {
                assert_eq!(problem.status, 422);
                problem.errors.into_iter().map(|error| error.field).collect()
            }
        }
    }

    #[test]
    fn every_wrong_field_of_a_menu_item_is_named() {
        for (body, expected) in [
            (r#"{"name":"Gimbap","price":{"amount":9500,"currency":"KRW"},"stock":10}"#, &[][..]),
            (r#"{"name":"Gimbap","price":{"amount":0,"currency":"KRW"},"stock":0}"#, &[]),
            ("{}", &["name", "price", "stock"]),
            (
                r#"{"name":" ","price":{"amount":-1,"currency":"won"},"stock":-1,"size":2}"#,
                &["name", "price.amount", "price.currency", "stock", "size"],
            ),
            (
                r#"{"name":"Gimbap","price":{"amount":1,"currency":"KRW"},"stock":1000000001}"#,
                &["stock"],
            ),
            (r#"{"name":"Gimbap","price":{"amount":1,"currency":"KRW"},"stock":1.5}"#, &["stock"]),
        ] {
            assert_eq!(wrong(read_menu_item(fields(body))), expected, "{body}");
        }
    }

    #[test]
    fn every_wrong_field_of_an_answer_is_named() {
        for (body, expected) in [
            (r#"{"accepted":true}"#, &[][..]),
            (r#"{"accepted":false,"reason":"closed today"}"#, &[]),
            (r#"{"accepted":false,"reason":null}"#, &[]),
            ("{}", &["accepted"]),
            (r#"{"accepted":"yes","reason":"","why":1}"#, &["accepted", "reason", "why"]),
        ] {
            assert_eq!(wrong(read_answer(fields(body))), expected, "{body}");
        }
    }
}

//! The store over HTTP: owners put their menus and answer tickets. A route reads and validates,
//! names every wrong field, and leaves the deciding to the service.

use axum::{
    extract::{Path, State as Of},
    response::Response,
};
use contracts::{MenuId, OrderId, StoreId};
use runtime::{
    Problem,
    auth::Role,
    http::{Fields, Guarded, Handle, JsonBody, Page, StrictQuery, Who, list_response, path_id},
    participant::{MAX_REASON, both, list},
};

use crate::{
    Request, Store,
    aggregates::{MENU_ITEM, TICKET},
    domain::{MAX_STOCK, State, Wanted},
    view::{MenuItemView, holding, menu_item_view, ticket_view},
};

/// The longest name of a menu item, in characters.
const MAX_NAME: usize = 200;

const OWNERS: Who = Who::Only(&[Role::Store]);
/// Who looks at what is to be answered.
const READERS: Who = Who::Only(&[Role::Store, Role::Operator]);

/// The routes of the store service.
pub fn routes(handle: Handle<Store>) -> Guarded {
    Guarded::new()
        .put("/store/stores/{store_id}/menu/{menu_id}", OWNERS, put_menu_item)
        .get("/store/stores/{store_id}/menu", Who::ANYBODY, menu)
        .get("/store/stores/{store_id}/tickets", READERS, tickets)
        .put("/store/tickets/{order_id}/acceptance", OWNERS, answer)
        .get("/store/holdings", Who::AUDIT, holdings)
        .with_state(handle)
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
    let wanted = name.zip(price).zip(stock);
    fields.finish(wanted.map(|((name, price), stock)| Wanted { name, price, stock }))
}

async fn answer(
    Of(handle): Of<Handle<Store>>,
    Path(order_id): Path<String>,
    JsonBody(fields): JsonBody,
) -> Result<Response, Problem> {
    let order_id = path_id::<OrderId>(&order_id, "order_id");
    let (order_id, (accepted, reason)) = both(order_id, read_answer(fields))?;
    Ok(handle.submit(Request::Answer { order_id, accepted, reason }).await)
}

fn read_answer(mut fields: Fields) -> Result<(bool, Option<String>), Problem> {
    let accepted = fields.boolean("accepted");
    let reason = fields.optional_text("reason", 1..=MAX_REASON);
    fields.finish(accepted.map(|accepted| (accepted, reason)))
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

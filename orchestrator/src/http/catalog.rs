//! `GET /catalog/stores/{store_id}`: the copy of a store's menu by which orders are priced.

use axum::{
    extract::{Path, State},
    response::Response,
};
use contracts::StoreId;
use runtime::{
    Problem,
    db::ListQuery,
    http::{Handle, Page, list_response, path_id},
};

use crate::{
    Orchestrator,
    aggregates::{self, CATALOG_ITEM},
    catalog::{CatalogItem, item_id},
};

pub(super) async fn of_store(
    State(handle): State<Handle<Orchestrator>>,
    Path(store_id): Path<String>,
    page: Page,
) -> Result<Response, Problem> {
    let store_id = path_id::<StoreId>(&store_id, "store_id")?;
    let query = ListQuery {
        kind: CATALOG_ITEM.name,
        owner: Some(store_id.to_string()),
        states: Vec::new(),
        after: page.cursor,
        descending: false,
        limit: page.limit,
    };
    let found = handle.list(&query).await?;
    let items: Vec<CatalogItem> =
        found.iter().filter_map(|(_, state)| aggregates::State::as_item(state)).cloned().collect();
    Ok(list_response(items, page.limit, |item| item_id(&item.store_id, &item.menu_id)))
}

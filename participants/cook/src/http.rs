//! The cook's HTTP: requests become asks, and lists are read from what was committed. Nothing is
//! decided here.

use axum::{
    extract::{Path, State},
    response::Response,
};
use contracts::{OrderId, StoreId};
use runtime::{
    Problem,
    auth::Role,
    http::{Guarded, Handle, JsonBody, Page, StrictQuery, Who, list_response, path_id},
    participant::{MAX_REASON, NoFields, both, list},
};

use crate::{
    Cook, Request,
    aggregates::{TICKET, ticket_key},
    domain::{self, Ask},
    views::{TicketView, holding},
};

const COOKS: Who = Who::Only(&[Role::Cook]);
/// Who looks at what is to be cooked.
const READERS: Who = Who::Only(&[Role::Cook, Role::Operator]);

/// The routes of the cook, under its prefix.
pub fn routes(handle: Handle<Cook>) -> Guarded {
    Guarded::new()
        .get("/cook/stores/{store_id}/tickets", READERS, tickets)
        .get("/cook/tickets/{order_id}", READERS, ticket)
        .put("/cook/tickets/{order_id}/start", COOKS, start)
        .put("/cook/tickets/{order_id}/finish", COOKS, finish)
        .put("/cook/tickets/{order_id}/decline", COOKS, decline)
        .get("/cook/holdings", Who::AUDIT, holdings)
        .with_state(handle)
}

async fn tickets(
    State(handle): State<Handle<Cook>>,
    Path(store_id): Path<String>,
    mut query: StrictQuery,
) -> Result<Response, Problem> {
    let store_id = path_id::<StoreId>(&store_id, "store_id");
    let state = query.one_of("state", &domain::State::ALL.map(domain::State::as_str));
    let page = query.page();
    let (store_id, (state, page)) = both(store_id, query.finish((state, page)))?;
    let states = state.into_iter().collect();
    let tickets = handle.list(&list(TICKET, Some(store_id.as_str()), states, &page)).await?;
    let views: Vec<TicketView> = tickets.iter().map(|(_, ticket)| ticket.into()).collect();
    Ok(list_response(views, page.limit, |last| last.order_id.to_string()))
}

async fn ticket(
    State(handle): State<Handle<Cook>>,
    Path(order_id): Path<String>,
) -> Result<axum::Json<TicketView>, Problem> {
    let order_id: OrderId = path_id(&order_id, "order_id")?;
    let ticket = handle.get(&ticket_key(&order_id)).await?;
    let ticket = ticket.ok_or_else(|| Problem::not_found("ticket"))?;
    Ok(axum::Json(TicketView::from(&ticket)))
}

async fn start(
    State(handle): State<Handle<Cook>>,
    Path(order_id): Path<String>,
    body: Result<NoFields, Problem>,
) -> Result<Response, Problem> {
    ask(&handle, &order_id, body.map(|_| Ask::Start)).await
}

async fn finish(
    State(handle): State<Handle<Cook>>,
    Path(order_id): Path<String>,
    body: Result<NoFields, Problem>,
) -> Result<Response, Problem> {
    ask(&handle, &order_id, body.map(|_| Ask::Finish)).await
}

async fn decline(
    State(handle): State<Handle<Cook>>,
    Path(order_id): Path<String>,
    JsonBody(mut fields): JsonBody,
) -> Result<Response, Problem> {
    let reason = fields.text("reason", 1..=MAX_REASON);
    let asked = fields.finish(reason).map(|reason| Ask::Decline { reason });
    ask(&handle, &order_id, asked).await
}

async fn holdings(State(handle): State<Handle<Cook>>, page: Page) -> Result<Response, Problem> {
    let tickets = handle.list(&list(TICKET, None, Vec::new(), &page)).await?;
    let held = tickets.iter().map(|(_, ticket)| holding(ticket)).collect();
    Ok(list_response(held, page.limit, |last| last.order_id.to_string()))
}

async fn ask(
    handle: &Handle<Cook>,
    order_id: &str,
    asked: Result<Ask, Problem>,
) -> Result<Response, Problem> {
    let (order_id, ask) = both(path_id(order_id, "order_id"), asked)?;
    Ok(handle.submit(Request { order_id, ask }).await)
}

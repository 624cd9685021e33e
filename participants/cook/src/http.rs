//! The cook's HTTP: requests become asks, and lists are read from what was committed. Nothing is
//! decided here.

use axum::{
    Router,
    body::HttpBody,
    extract::{FromRequest, Path, Request as HttpRequest, State},
    response::Response,
    routing::{get, put},
};
use contracts::{OrderId, StoreId};
use runtime::{
    Problem,
    db::ListQuery,
    http::{Handle, JsonBody, Page, StrictQuery, list_response, path_id},
};

use crate::{
    Cook, Request,
    aggregates::{TICKET, ticket_key},
    domain::{self, Ask},
    views::{TicketView, holding},
};

/// The longest reason of a refusal, in characters.
const MAX_REASON: usize = 500;

/// The routes of the cook, under its prefix.
pub fn routes(handle: Handle<Cook>) -> Router {
    Router::new()
        .route("/cook/stores/{store_id}/tickets", get(tickets))
        .route("/cook/tickets/{order_id}", get(ticket))
        .route("/cook/tickets/{order_id}/start", put(start))
        .route("/cook/tickets/{order_id}/finish", put(finish))
        .route("/cook/tickets/{order_id}/decline", put(decline))
        .route("/cook/holdings", get(holdings))
        .with_state(handle)
}

async fn tickets(
    State(handle): State<Handle<Cook>>,
    Path(store_id): Path<String>,
    mut query: StrictQuery,
) -> Result<Response, Problem> {
    let store_id: StoreId = path_id(&store_id, "store_id")?;
    let state = query.one_of("state", &domain::State::ALL.map(domain::State::as_str));
    let page = query.page();
    let (state, page) = query.finish((state, page))?;
    let list = list(Some(store_id.to_string()), state, page);
    let tickets = handle.list(&list).await?;
    let views: Vec<TicketView> = tickets.iter().map(|(_, ticket)| ticket.into()).collect();
    Ok(list_response(views, list.limit, |last| last.order_id.to_string()))
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
    NoFields: NoFields,
) -> Result<Response, Problem> {
    ask(&handle, &order_id, Ask::Start).await
}

async fn finish(
    State(handle): State<Handle<Cook>>,
    Path(order_id): Path<String>,
    NoFields: NoFields,
) -> Result<Response, Problem> {
    ask(&handle, &order_id, Ask::Finish).await
}

async fn decline(
    State(handle): State<Handle<Cook>>,
    Path(order_id): Path<String>,
    JsonBody(mut fields): JsonBody,
) -> Result<Response, Problem> {
    let reason = fields.text("reason", 1..=MAX_REASON);
    let reason = fields.finish(reason)?;
    ask(&handle, &order_id, Ask::Decline { reason }).await
}

async fn holdings(State(handle): State<Handle<Cook>>, page: Page) -> Result<Response, Problem> {
    let list = list(None, None, page);
    let tickets = handle.list(&list).await?;
    let held = tickets.iter().map(|(_, ticket)| holding(ticket)).collect();
    Ok(list_response(held, list.limit, |last| last.order_id.to_string()))
}

async fn ask(handle: &Handle<Cook>, order_id: &str, ask: Ask) -> Result<Response, Problem> {
    let order_id = path_id(order_id, "order_id")?;
    Ok(handle.submit(Request { order_id, ask }).await)
}

/// Tickets in order of their orders' ids.
fn list(owner: Option<String>, state: Option<String>, page: Page) -> ListQuery {
    ListQuery {
        kind: TICKET.name,
        owner,
        states: state.into_iter().collect(),
        after: page.cursor,
        descending: false,
        limit: page.limit,
    }
}

/// A request that says everything by its path: without a body, or with an empty object.
struct NoFields;

impl<S: Send + Sync> FromRequest<S> for NoFields {
    type Rejection = Problem;

    async fn from_request(request: HttpRequest, state: &S) -> Result<Self, Problem> {
        if request.body().is_end_stream() {
            return Ok(Self);
        }
        let JsonBody(fields) = JsonBody::from_request(request, state).await?;
        fields.finish(Some(Self))
    }
}

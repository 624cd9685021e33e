//! The cook's HTTP: requests become asks, and lists are read from what was committed. Nothing is
//! decided here.

use axum::{
    extract::{Path, State},
    response::Response,
};
use contracts::{OrderId, ServiceName, StoreId};
use runtime::{
    Problem,
    auth::Role,
    http::{
        Guarded, Handle, JsonBody, Operation, Page, StrictQuery, Who, list_response, path_id,
        shape::{PLAIN_TEXT, one_of},
    },
    participant::{MAX_REASON, NoFields, both, list},
};
use schemars::JsonSchema;
use serde_json::json;

use crate::{
    Cook, Request,
    aggregates::{TICKET, ticket_key},
    domain::{self, Ask},
    views::{Holding, TicketView, holding},
};

const COOKS: Who = Who::Only(&[Role::Cook]);
/// Who looks at what is to be cooked.
const READERS: Who = Who::Only(&[Role::Cook, Role::Operator]);

/// The routes of the cook, under its prefix.
pub fn routes() -> Guarded<Handle<Cook>> {
    let states = one_of(&domain::State::ALL.map(domain::State::as_str));
    let all = Operation::new("cook_tickets", "Lists a store's tickets, by order id.")
        .path::<StoreId>("store_id")
        .query("state", "Only those that stand so.", states)
        .list::<TicketView>("Tickets.");
    let one = act("show_cook_ticket", "Shows the ticket of an order.", "The ticket.");
    let start_one =
        act("start_cooking", "Starts cooking: the point of no return.", "It is cooked.")
            .optional_body::<NoFields>(json!({}))
            .conflicts(&["cooking-declined", "cooking-cancelled"]);
    let finish_one = act("finish_cooking", "Tells that the food is ready.", "The food is ready.")
        .optional_body::<NoFields>(json!({}))
        .conflicts(&["not-started", "cooking-declined", "cooking-cancelled"]);
    let decline_one = act("decline_cooking", "Tells that it cannot be cooked.", "It is declined.")
        .body::<Decline>(json!({"reason": "no gas"}))
        .conflicts(&["already-started", "already-declined", "cooking-cancelled"]);
    let held = Operation::new("cook_holdings", "Lists what is held for each order, by order id.")
        .list::<Holding<'_>>("What is held.");
    Guarded::new()
        .get("/cook/stores/{store_id}/tickets", READERS, all, tickets)
        .get("/cook/tickets/{order_id}", READERS, one, ticket)
        .put("/cook/tickets/{order_id}/start", COOKS, start_one, start)
        .put("/cook/tickets/{order_id}/finish", COOKS, finish_one, finish)
        .put("/cook/tickets/{order_id}/decline", COOKS, decline_one, decline)
        .get("/cook/holdings", Who::AUDIT, held, holdings)
        .of(ServiceName::Cook)
}

/// What is asked about the ticket of an order, and answered with it.
fn act(id: &'static str, summary: &'static str, says: &'static str) -> Operation {
    let ticket = Operation::new(id, summary).path::<OrderId>("order_id");
    ticket.answer::<TicketView>(200, says).not_found()
}

/// Why something cannot be cooked.
#[derive(JsonSchema)]
#[schemars(rename = "DeclineCooking", deny_unknown_fields)]
struct Decline {
    /// In a person's words.
    #[schemars(length(min = 1, max = MAX_REASON), regex(pattern = PLAIN_TEXT))]
    reason: String,
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
    let told = fields.finish(reason.map(|reason| Decline { reason }));
    let asked = told.map(|Decline { reason }| Ask::Decline { reason });
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

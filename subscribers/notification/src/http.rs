//! Notification's HTTP: messages are read from what was committed, a language is chosen through the
//! path.

use std::{fmt::Display, str::FromStr};

use axum::{
    extract::{Path, State},
    response::Response,
};
use contracts::{CustomerId, OrderId, RiderId, ServiceName, StoreId};
use runtime::{
    Problem,
    auth::Role,
    http::{
        Guarded, Handle, JsonBody, Operation, Page, Who, list_response, path_id, shape::one_of,
    },
    participant::{both, list},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::json;

use crate::{
    Language, Notification, Recipient, Request,
    aggregates::{MESSAGE, message_id, order_key},
    service::no_order,
    views::{MessageView, RecipientView},
};

/// The routes of notification, under its prefix.
pub fn routes() -> Guarded<Handle<Notification>> {
    let of_order = Operation::new(
        "notification_messages",
        "Lists the messages that an order has led to, in order.",
    )
    .path::<OrderId>("order_id")
    .list::<MessageView>("Messages.")
    .not_found();
    Guarded::new()
        .get("/notification/orders/{order_id}", Who::OVERSEERS, of_order, messages)
        .put(
            "/notification/recipients/customer/{id}",
            Who::Only(&[Role::Customer, Role::Operator]),
            choose::<CustomerId>("customer_language", "Chooses the language of a customer."),
            put_language::<CustomerId>,
        )
        .put(
            "/notification/recipients/store/{id}",
            Who::Only(&[Role::Store, Role::Operator]),
            choose::<StoreId>("store_language", "Chooses the language of a store."),
            put_language::<StoreId>,
        )
        .put(
            "/notification/recipients/rider/{id}",
            Who::Only(&[Role::Rider, Role::Operator]),
            choose::<RiderId>("rider_language", "Chooses the language of a rider."),
            put_language::<RiderId>,
        )
        .of(ServiceName::Notification)
}

fn choose<T: JsonSchema>(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, summary)
        .path::<T>("id")
        .body::<Choice>(json!({"language": "en"}))
        .answer::<RecipientView>(200, "The recipient.")
}

/// In which language to be told.
#[derive(JsonSchema)]
#[schemars(rename = "PutRecipient", deny_unknown_fields)]
struct Choice {
    /// `ko` or `en`; used from the next message on.
    #[schemars(schema_with = "codes")]
    language: Language,
}

/// What is sent is one of these; what is answered may be another one in a later version.
fn codes(_: &mut SchemaGenerator) -> Schema {
    one_of(&Language::ALL.map(Language::as_str))
}

async fn put_language<T>(
    State(handle): State<Handle<Notification>>,
    Path(id): Path<String>,
    JsonBody(mut fields): JsonBody,
) -> Result<Response, Problem>
where
    T: FromStr<Err: Display> + Send + 'static,
    for<'a> Recipient: From<&'a T>,
{
    let id = path_id::<T>(&id, "id");
    let language = fields.id::<Language>("language");
    let (id, Choice { language }) =
        both(id, fields.finish(language.map(|language| Choice { language })))?;
    let recipient = Recipient::from(&id);
    Ok(handle.submit(Request::PutLanguage { recipient, language }).await)
}

/// An order's messages, in the order in which they were led to.
async fn messages(
    State(handle): State<Handle<Notification>>,
    Path(order_id): Path<String>,
    page: Result<Page, Problem>,
) -> Result<Response, Problem> {
    let (order_id, page) = both(path_id::<OrderId>(&order_id, "order_id"), page)?;
    if handle.get(&order_key(&order_id)).await?.is_none() {
        return Err(no_order());
    }
    let query = list(MESSAGE, Some(order_id.as_str()), Vec::new(), &page);
    let kept = handle.list(&query).await?;
    let views = kept.iter().filter_map(|(_, kept)| kept.message()).map(MessageView::from).collect();
    let cursor = |last: &MessageView| message_id(&last.order_id, last.number);
    Ok(list_response(views, page.limit, cursor))
}

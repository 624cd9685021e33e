//! A store's owner: looks at pending tickets and accepts, rejects, or does not answer.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};

use super::{
    book::Book,
    client::{Client, Trouble},
    pace::{Closing, Pace},
    plan::Plan,
};

/// How many tickets of a list people act upon at the same moment.
pub(super) const HANDS: usize = 16;

/// Works until it is time to go.
pub async fn work(
    client: Client,
    book: Book,
    store: String,
    mut closing: Closing,
) -> Result<(), Trouble> {
    let mut pace = Pace::new(Duration::from_millis(10), Duration::from_millis(200));
    loop {
        let tickets = client.list(&format!("/store/stores/{store}/tickets?state=pending")).await?;
        let answered = futures_util::stream::iter(order_ids(&tickets))
            .map(|order_id| answer(&client, &book, order_id))
            .buffer_unordered(HANDS)
            .collect::<Vec<_>>()
            .await;
        let busy = answered.into_iter().collect::<Result<Vec<bool>, _>>()?.contains(&true);
        if !closing.pause(client.ports(), pace.next(busy)).await {
            return Ok(());
        }
    }
}

/// Answers whether anything was done.
async fn answer(client: &Client, book: &Book, order_id: String) -> Result<bool, Trouble> {
    let body = match book.plan(&order_id) {
        None
        | Some(
            Plan::CancelAtOnce
            | Plan::CancelBeforeAcceptance
            | Plan::SilentOwner
            | Plan::DeclinePayment
            | Plan::SlowPayment,
        ) => return Ok(false),
        // They are still at it: who answers now, answers what was ordered first.
        Some(plan) if plan.change().is_some() && !book.progress(&order_id).change_decided => {
            return Ok(false);
        }
        Some(Plan::Reject) => json!({ "accepted": false, "reason": "closing early" }),
        Some(_) => json!({ "accepted": true }),
    };
    let path = format!("/store/tickets/{order_id}/acceptance");
    let answer = client.put(&path, &body).await?;
    if !answer.ok() {
        book.remark(&order_id, format!("the owner was answered {}", answer.brief()));
    }
    Ok(answer.ok())
}

/// The orders that a list is about.
pub(super) fn order_ids(items: &[Value]) -> Vec<String> {
    let id = |item: &Value| item.get("order_id").and_then(Value::as_str).map(str::to_owned);
    items.iter().filter_map(id).collect()
}

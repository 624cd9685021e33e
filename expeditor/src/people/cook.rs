//! A store's cook: starts and finishes what is queued, declines it, or never starts.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;

use super::{
    book::Book,
    client::{Answer, Client, Trouble},
    owner::{HANDS, order_ids},
    pace::{Closing, Pace},
    plan::Plan,
};

/// Works until it is time to go.
pub async fn work(
    client: Client,
    book: Book,
    store: String,
    mut closing: Closing,
) -> Result<(), Trouble> {
    let mut pace = Pace::new(Duration::from_millis(10), Duration::from_millis(200));
    loop {
        let started = look(&client, &store, "queued", |id| start(&client, &book, id)).await?;
        let finished = look(&client, &store, "cooking", |id| finish(&client, &book, id)).await?;
        if !closing.pause(client.ports(), pace.next(started || finished)).await {
            return Ok(());
        }
    }
}

/// Does something with each ticket in that state; answers whether anything was done.
async fn look<F: Future<Output = Result<bool, Trouble>>>(
    client: &Client,
    store: &str,
    state: &str,
    act: impl Fn(String) -> F,
) -> Result<bool, Trouble> {
    let tickets = client.list(&format!("/cook/stores/{store}/tickets?state={state}")).await?;
    let done = futures_util::stream::iter(order_ids(&tickets))
        .map(act)
        .buffer_unordered(HANDS)
        .collect::<Vec<_>>()
        .await;
    Ok(done.into_iter().collect::<Result<Vec<bool>, _>>()?.contains(&true))
}

async fn start(client: &Client, book: &Book, order_id: String) -> Result<bool, Trouble> {
    let answer = match book.plan(&order_id) {
        None | Some(Plan::CancelBeforeCooking | Plan::SilentCook | Plan::CancelAtOnce) => {
            return Ok(false);
        }
        Some(Plan::DeclineCooking) => {
            let reason = json!({ "reason": "out of rice" });
            client.put(&format!("/cook/tickets/{order_id}/decline"), &reason).await?
        }
        Some(_) => {
            let path = format!("/cook/tickets/{order_id}/start");
            let answer = client.put(&path, &json!({})).await?;
            if answer.ok() {
                book.advance(&order_id, |progress| progress.cooking = true);
            }
            answer
        }
    };
    Ok(note(book, &order_id, &answer))
}

async fn finish(client: &Client, book: &Book, order_id: String) -> Result<bool, Trouble> {
    let waits_for_customer = match book.plan(&order_id) {
        None => return Ok(false),
        Some(plan) => matches!(plan, Plan::CancelAtStart | Plan::CancelWhileCooking),
    };
    if waits_for_customer && !book.progress(&order_id).cancel_answered {
        return Ok(false);
    }
    let answer = client.put(&format!("/cook/tickets/{order_id}/finish"), &json!({})).await?;
    Ok(note(book, &order_id, &answer))
}

fn note(book: &Book, order_id: &str, answer: &Answer) -> bool {
    if !answer.ok() {
        book.remark(order_id, format!("the cook was answered {}", answer.brief()));
    }
    answer.ok()
}

//! A customer: orders, at once or for later, perhaps changes or cancels it, and looks until it has
//! ended.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    book::{Book, Progress},
    client::{Answer, Client, Trouble},
    outcome::{Acknowledged, Outcome},
    pace::Pace,
    plan::Plan,
    town::Town,
};

/// How often a customer chooses a time anew.
const MOST_TRIES: u32 = 5;

/// One order that a customer is about to place.
#[derive(Clone, Debug)]
pub struct Errand {
    /// Its place among the orders.
    pub number: u64,
    /// What is going to happen.
    pub plan: Plan,
    /// The idempotency key.
    pub key: String,
    /// How far ahead an order for later lies.
    pub lead: Duration,
}

/// Places the order and stays until it has ended (or nothing happens any more).
pub async fn order(
    client: &Client,
    book: &Book,
    town: &Town,
    errand: &Errand,
    patience: Duration,
) -> Result<Outcome, Trouble> {
    let customer = format!("sim-customer-{}", errand.number % 40 + 1);
    let mut body = town.compose(errand.number, &customer, errand.plan.token());
    let (order_id, repeats, replays) = place(client, book, &mut body, errand).await?;
    let mut outcome = Outcome::new(errand.plan, &order_id);
    outcome.acknowledged = Some(Acknowledged {
        order_id: order_id.clone(),
        customer_id: customer,
        key: errand.key.clone(),
    });
    outcome.saw_replays(repeats, replays);
    if errand.plan.change().is_some() {
        let answer = change(client, &order_id, &body, errand, patience).await?;
        book.advance(&order_id, |progress| progress.change_decided = true);
        outcome.saw_change(&answer);
    }
    if let Some(answer) = cancel_as_planned(client, book, errand.plan, &order_id, patience).await? {
        book.advance(&order_id, |progress| progress.cancel_answered = true);
        outcome.saw_cancellation(&answer);
    }
    let last = watch(client, &order_id, patience, ended).await?;
    outcome.saw_order(&last.body);
    let payment = client.get(&format!("/payment/orders/{order_id}")).await?;
    outcome.saw_payment(&payment.body);
    let (progress, remarks) = book.strike(&order_id);
    outcome.released = progress.released;
    outcome.from_afar = progress.from_afar;
    outcome.remarks.extend(remarks);
    Ok(outcome)
}

/// Every fourth customer presses the button twice, the second time at the same moment or right
/// after: it must be the same order. Answers the order, how often the button was pressed again, and
/// how many answers were replays.
async fn place(
    client: &Client,
    book: &Book,
    body: &mut Value,
    errand: &Errand,
) -> Result<(String, usize, usize), Trouble> {
    let mut tries = 0;
    let answers = loop {
        tries += 1;
        if errand.plan.is_for_later() {
            body["for"] = json!(client.ports().now().plus(errand.lead));
        }
        let answers = press(client, body, errand).await?;
        // Who was not answered for long has to choose another time; nothing was ordered yet.
        let too_late = |it: &Answer| it.status == 422 && it.slug() == "invalid-fields";
        let again = errand.plan.is_for_later() && tries < MOST_TRIES;
        if !again || !answers.iter().all(too_late) {
            break answers;
        }
    };
    if let Some(other) = answers.iter().find(|answer| answer.status != 201) {
        return Err(Trouble::Odd(format!("an order was answered {}", other.brief())));
    }
    let order_id = answers[0].text("order_id").to_owned();
    if let Some(other) = answers.iter().find(|answer| answer.text("order_id") != order_id) {
        return Err(Trouble::Odd(format!(
            "one idempotency key made two orders: {order_id} and {}",
            other.text("order_id")
        )));
    }
    book.write(&order_id, errand.plan);
    let replays = answers.iter().filter(|answer| answer.replayed).count();
    Ok((order_id, answers.len() - 1, replays))
}

async fn press(client: &Client, body: &Value, errand: &Errand) -> Result<Vec<Answer>, Trouble> {
    let press = || client.post("/orders", body, &errand.key);
    Ok(match errand.number % 8 {
        3 => {
            let (first, second) = futures_util::future::join(press(), press()).await;
            vec![first?, second?]
        }
        7 => vec![press().await?, press().await?],
        _ => vec![press().await?],
    })
}

/// Wants one piece more of the first dish, as soon as that can be asked for; looks until it is
/// decided, and answers the order then, or what was answered instead.
async fn change(
    client: &Client,
    order_id: &str,
    body: &Value,
    errand: &Errand,
    patience: Duration,
) -> Result<Answer, Trouble> {
    watch(client, order_id, patience, |status| status != "placed").await?;
    let mut items = body["items"].clone();
    let quantity = items[0]["quantity"].as_u64().unwrap_or(0);
    items[0]["quantity"] = json!(quantity + 1);
    let path = format!("/orders/{order_id}");
    let key = format!("{}-change", errand.key);
    let asked = client.patch(&path, &json!({ "items": items }), &key).await?;
    if asked.status != 202 {
        return Ok(asked);
    }
    let start = client.ports().clock.elapsed();
    let mut pace = Pace::new(Duration::from_millis(20), Duration::from_millis(500));
    loop {
        let answer = client.must_get(&path).await?;
        let waited = client.ports().clock.elapsed().saturating_sub(start);
        if answer.body["revision"]["status"] != "pending" || waited > patience {
            return Ok(answer);
        }
        client.ports().clock.sleep(pace.next(false)).await;
    }
}

async fn cancel_as_planned(
    client: &Client,
    book: &Book,
    plan: Plan,
    order_id: &str,
    patience: Duration,
) -> Result<Option<Answer>, Trouble> {
    match plan {
        Plan::CancelAtOnce | Plan::CancelBeforeStart => {}
        Plan::CancelBeforeAcceptance => {
            watch(client, order_id, patience, |status| status != "placed").await?;
        }
        Plan::CancelBeforeCooking => {
            watch(client, order_id, patience, |status| !matches!(status, "placed" | "paid"))
                .await?;
        }
        Plan::CancelAtStart => {
            let seen = |progress: &Progress| progress.cooking;
            if let Some(mut follower) = book.follow(order_id) {
                tokio::select! {
                    _ = follower.wait_for(seen) => {}
                    () = client.ports().clock.sleep(patience) => {}
                }
            }
        }
        Plan::CancelWhileCooking => {
            watch(client, order_id, patience, |status| {
                !matches!(status, "placed" | "paid" | "accepted")
            })
            .await?;
        }
        _ => return Ok(None),
    }
    Ok(Some(client.delete(&format!("/orders/{order_id}")).await?))
}

/// Looks at the order until its status fits, or it has ended, or patience is at its end; answers
/// what was seen last.
async fn watch(
    client: &Client,
    order_id: &str,
    patience: Duration,
    fits: impl Fn(&str) -> bool,
) -> Result<Answer, Trouble> {
    let path = format!("/orders/{order_id}");
    let start = client.ports().clock.elapsed();
    let mut pace = Pace::new(Duration::from_millis(20), Duration::from_millis(500));
    loop {
        let answer = client.must_get(&path).await?;
        let status = answer.text("status");
        let waited = client.ports().clock.elapsed().saturating_sub(start);
        if fits(status) || ended(status) || waited > patience {
            return Ok(answer);
        }
        client.ports().clock.sleep(pace.next(false)).await;
    }
}

fn ended(status: &str) -> bool {
    matches!(status, "delivered" | "cancelled" | "returned")
}

//! A cancellation against the cook's start, at the same moment, thousands of times.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{cell::Cell, time::Duration};

use futures_util::{StreamExt, stream};
use serde_json::json;
use testkit::{App, PRICE};

/// How many races are run, so many at a time, the start delayed by an offset that is drawn.
const RACES: usize = 2_000;
const AT_A_TIME: usize = 16;
const SEED: u64 = 2_026;
/// By one of so many parts a start comes sooner after the customer has won, and later after the cook
/// has: a hop takes as long as the machine lets it, and that changes while the races run.
const STEP: u64 = 64;
/// Races from which the median hop is measured: from a cancellation to its end.
const MEASURED: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Winner {
    Customer,
    Cook,
}

/// Takes an order to where the cook may start it.
async fn ready(app: &App, customer: &str) -> String {
    let order = app.place(customer, 1, "tok-ok").await;
    app.answer_ticket(&order, true).await;
    let ticket = format!("/cook/tickets/{order}");
    app.until("the kitchen has the ticket", || async {
        app.client().get(&ticket).await.body["state"] == "queued"
    })
    .await;
    order
}

/// The median time from a cancellation to the moment at which the kitchen's ticket is void, with as
/// much going on as in the races themselves.
async fn median_hop(app: &App) -> Duration {
    let mut hops: Vec<Duration> =
        stream::iter(0..MEASURED).map(|n| hop(app, n)).buffer_unordered(AT_A_TIME).collect().await;
    hops.sort_unstable();
    hops[hops.len() / 2]
}

async fn hop(app: &App, n: usize) -> Duration {
    let order = ready(app, &format!("measured-{n}")).await;
    let before = app.ports().clock.elapsed();
    assert_eq!(app.cancel(&order).await.status, 202);
    let ticket = format!("/cook/tickets/{order}");
    app.until("the kitchen has heard of it", || async {
        app.client().get(&ticket).await.body["state"] == "cancelled"
    })
    .await;
    let hop = app.ports().clock.elapsed().saturating_sub(before);
    assert_eq!(app.client().put(&format!("{ticket}/start"), &json!({})).await.status, 409);
    hop
}

async fn race(app: &App, n: usize, delay: Duration) -> Winner {
    let order = ready(app, &format!("customer-{n}")).await;
    let path = format!("/cook/tickets/{order}/start");
    let start = async {
        app.later(delay).await;
        app.client().put(&path, &json!({})).await
    };
    let (cancelled, started) = tokio::join!(app.cancel(&order), start);
    let winner = match started.status {
        200 => Winner::Cook,
        409 => Winner::Customer,
        other => panic!("start answered {other}: {:?}", started.body),
    };
    match winner {
        Winner::Customer => {
            assert_eq!(cancelled.status, 202, "{:?}", cancelled.body);
            app.reaches(&order, "cancelled").await;
            assert_eq!(app.payment(&order).await["state"], "voided");
        }
        Winner::Cook => {
            app.until("the refusal is known", || async {
                let told = app.order(&order).await;
                told["status"] == "cooking" && told["cancellation"] == "refused"
            })
            .await;
            app.until("the money is taken", || async {
                app.payment(&order).await["state"] == "captured"
            })
            .await;
            let taken = app.payment(&order).await["capture"]["amount"].clone();
            assert_eq!(taken, json!({"amount": PRICE, "currency": "KRW"}));
        }
    }
    winner
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_and_a_start_have_exactly_one_winner() {
    let app = App::start().await;
    let stock = i64::try_from(RACES + MEASURED).unwrap();
    app.open(stock, 3).await;
    let hop = median_hop(&app).await;
    let mut random = fastrand::Rng::with_seed(SEED);
    let most = Cell::new(u64::try_from(hop.as_micros()).unwrap() * 2);
    let winners: Vec<Winner> = stream::iter(0..RACES)
        .map(|n| {
            let delay = Duration::from_micros(random.u64(0..=most.get()));
            let (app, most) = (&app, &most);
            async move {
                let winner = race(app, n, delay).await;
                let step = most.get() / STEP + 1;
                most.set(match winner {
                    Winner::Customer => most.get().saturating_sub(step),
                    Winner::Cook => most.get() + step,
                });
                winner
            }
        })
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await;
    let cooks = winners.iter().filter(|winner| **winner == Winner::Cook).count();
    let customers = winners.len() - cooks;
    println!("hop {hop:?}: the cook won {cooks}, the customer {customers} of {RACES}");
    assert_eq!(winners.len(), RACES);
    assert!(cooks * 20 >= RACES, "the cook won {cooks} of {RACES}");
    assert!(customers * 20 >= RACES, "the customer won {customers} of {RACES}");
    let reserved = i64::try_from(cooks).unwrap();
    assert_eq!(app.stock().await, (stock - reserved, reserved, 0));
    app.finish().await;
}

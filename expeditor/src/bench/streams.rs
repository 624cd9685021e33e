//! Open streams of events on one process: what memory they take, and how soon they tell.
//!
//! The system runs in a process of its own, whose memory is looked at from here: so what the clients
//! of the streams take is not counted. It is started anew once the orders are placed: what that has
//! taken and given back would serve the streams. Each stream is of an order of its own. Then some of the orders
//! are cancelled, one after another, and it is measured how long each takes until its stream tells.

use std::{path::Path, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::StatusCode;
use runtime::{auth::Role, ports::Ports};

use super::{
    figures::{Figures, Unit, millis, number, percentile},
    load::PATIENCE,
    orders::{mebibytes, went_wrong},
    place,
    served::Served,
    town::Town,
    usage,
};
use crate::{
    exit::Failure,
    people::client::{Client, Trouble},
};

/// How many requests are under way while all is made ready.
const AT_ONCE: usize = 64;
/// How many orders are changed while all streams are open.
const CHANGED: usize = 200;
/// Nothing that is measured takes so long; what does has gone wrong.
const LONG: Duration = Duration::from_secs(60);
/// How long until a condition is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// One run: so many streams.
pub async fn run(
    open: u32,
    within: Option<&Path>,
    ports: &Ports,
    figures: &mut Figures,
) -> Result<(), Failure> {
    let place = place::make(within)?;
    let served = Served::start(place.path(), ports).await?;
    let client = Client::new(served.url(), ports.clone(), PATIENCE);
    let orders = prepare(open, &client, ports).await;
    served.end(ports).await;
    let orders = orders?;

    let served = Served::start(place.path(), ports).await?;
    let measured = measure(&orders, &served, ports, figures).await;
    served.end(ports).await;
    measured
}

/// So many orders that wait for their stores.
async fn prepare(open: u32, client: &Client, ports: &Ports) -> Result<Vec<String>, Failure> {
    let town = Town::new(AT_ONCE);
    town.open(client).await.map_err(went_wrong)?;
    let orders = place_orders(open, client, &town).await.map_err(went_wrong)?;
    rest(client, &orders, ports).await?;
    Ok(orders)
}

async fn measure(
    orders: &[String],
    served: &Served,
    ports: &Ports,
    figures: &mut Figures,
) -> Result<(), Failure> {
    let client = Client::new(served.url(), ports.clone(), PATIENCE);
    let before = usage::memory_of(served.id());
    let http = reqwest::Client::builder().no_proxy().build();
    let http = http.map_err(|error| failed(&error))?;
    let listening = orders.iter().map(|order| Stream::open(&http, served.url(), order));
    let mut streams: Vec<Stream> =
        stream::iter(listening).buffer_unordered(AT_ONCE).try_collect().await?;
    let after = usage::memory_of(served.id());

    let (mut told, mut answered) = (Vec::new(), Vec::new());
    for stream in streams.iter_mut().take(CHANGED) {
        let path = format!("/orders/{}", stream.order);
        let start = ports.clock.elapsed();
        let since = || ports.clock.elapsed().saturating_sub(start);
        let customer = client.acting_as(Role::Customer);
        let cancelled = async {
            let answer = customer.delete(&path).await.map_err(went_wrong)?;
            if answer.ok() { Ok(since()) } else { Err(Failure::No(answer.brief())) }
        };
        let seen = async { stream.next().await.map(|()| since()) };
        let (cancelled, seen) = tokio::try_join!(cancelled, seen)?;
        answered.push(cancelled);
        told.push(seen);
    }

    let opened = u64::try_from(streams.len()).unwrap_or(u64::MAX);
    figures.tell("open", "streams that were open", Unit::Count, number(opened));
    let unit = Unit::MiB;
    figures.tell("memory_before_mib", "memory before", unit, before.map(mebibytes));
    figures.tell("memory_open_mib", "memory while they are open", unit, after.map(mebibytes));
    let more = before.zip(after).map(|(before, after)| number(after.saturating_sub(before)));
    let a_stream = more.map(|bytes| bytes / 1024.0 / number(opened));
    figures.tell("a_stream_kib", "memory of a stream", Unit::KiB, a_stream);
    let mut tell = |name, says, times: &mut Vec<Duration>, of| {
        figures.tell(name, says, Unit::Millis, percentile(times, of).map(millis));
    };
    tell("told_p50_ms", "from a request to its event, p50", &mut told, 500);
    tell("told_p99_ms", "from a request to its event, p99", &mut told, 990);
    tell("answered_p50_ms", "from the request to its answer, p50", &mut answered, 500);
    tell("answered_p99_ms", "from the request to its answer, p99", &mut answered, 990);
    Ok(())
}

async fn place_orders(open: u32, client: &Client, town: &Town) -> Result<Vec<String>, Trouble> {
    let customer = client.acting_as(Role::Customer);
    let run = client.ports().ids.next();
    let mut random = fastrand::Rng::with_seed(1);
    let bodies = (0..open).map(|number| {
        let place = usize::try_from(number).unwrap_or_default() % AT_ONCE;
        (number, town.compose(place, &mut random))
    });
    let placing = bodies.map(|(number, body)| {
        let customer = customer.clone();
        async move {
            let answer = customer.post("/orders", &body, &format!("bench-{run}-{number}")).await?;
            if answer.status != 201 {
                let brief = answer.brief();
                return Err(Trouble::Odd(format!("an order was answered {brief}")));
            }
            Ok(answer.text("order_id").to_owned())
        }
    });
    stream::iter(placing).buffer_unordered(AT_ONCE).try_collect().await
}

/// Waits until every order waits for its store, so that none changes by itself.
async fn rest(client: &Client, orders: &[String], ports: &Ports) -> Result<(), Failure> {
    for order in orders {
        let path = format!("/orders/{order}");
        let began = ports.clock.elapsed();
        while client.must_get(&path).await.map_err(went_wrong)?.text("status") != "paid" {
            if ports.clock.elapsed().saturating_sub(began) > LONG {
                return Err(Failure::No(format!("order {order} was not paid in time")));
            }
            ports.clock.sleep(LOOK_AGAIN).await;
        }
    }
    Ok(())
}

/// A stream that is listened to.
struct Stream {
    order: String,
    response: reqwest::Response,
    heard: Vec<u8>,
}

impl Stream {
    /// Opens one, and has heard its first event.
    async fn open(http: &reqwest::Client, url: &str, order: &str) -> Result<Self, Failure> {
        let response = http.get(format!("{url}/orders/{order}/events")).send().await;
        let response = response.map_err(|error| failed(&error))?;
        if response.status() != StatusCode::OK {
            return Err(Failure::No(format!("a stream was answered {}", response.status())));
        }
        let mut stream = Self { order: order.to_owned(), response, heard: Vec::new() };
        stream.next().await?;
        Ok(stream)
    }

    /// Waits for an event.
    async fn next(&mut self) -> Result<(), Failure> {
        loop {
            if let Some(end) = self.heard.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = self.heard.drain(..end + 2).collect();
                if event.windows(6).any(|six| six == b"event:") {
                    return Ok(());
                }
                continue;
            }
            let chunk = tokio::time::timeout(LONG, self.response.chunk()).await;
            let chunk = chunk.map_err(|_| Failure::No("a stream told nothing".to_owned()))?;
            match chunk.map_err(|error| failed(&error))? {
                Some(chunk) => self.heard.extend_from_slice(&chunk),
                None => return Err(Failure::No("a stream ended early".to_owned())),
            }
        }
    }
}

fn failed(error: &reqwest::Error) -> Failure {
    Failure::Environment(format!("a stream failed: {error}"))
}

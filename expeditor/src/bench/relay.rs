//! The relay by itself: how fast it empties an outbox, and how soon a lone message gets to its
//! consumer.

use std::{path::Path, sync::Arc, time::Duration};

use contracts::ServiceName;
use runtime::{
    broker::{Broker, Delivery, in_process::InProcess},
    db::{Begin, Database, Writes},
    ports::Ports,
};
use tokio::{sync::mpsc, time::timeout};

use super::{
    ceilings,
    figures::{Figures, Unit, millis, percentile, rate},
    place,
};
use crate::exit::Failure;

/// How many rows are written in a transaction beforehand.
const BATCH: usize = 256;
/// How many messages are sent one by one.
const LONE: usize = 200;
/// The pause before each of these: longer than the relay has anything to do.
const IDLE: Duration = Duration::from_millis(7);
/// Nothing that is measured takes this long for one message.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the broker's ceiling is measured in a run.
const CEILING: Duration = Duration::from_millis(500);

/// One run.
pub async fn run(
    messages: u32,
    within: Option<&Path>,
    ports: &Ports,
    figures: &mut Figures,
) -> Result<(), Failure> {
    let place = place::make(within)?;
    let ceiling = ceilings::broker(ceilings::WIDEST, ports, CEILING).await?;
    let database: Arc<dyn Database> =
        Arc::new(ceilings::open(place.path(), "relay.db", ports).await?);
    let written = fill(&*database, messages, ports).await;
    let measured = match written {
        Ok(()) => relay(&database, messages, ports).await,
        Err(failure) => Err(failure),
    };
    database.close().await;
    let (speed, mut latencies) = measured?;
    figures.tell("rows_per_second", "outbox rows to confirmed", Unit::PerSecond, speed);
    let mut tell = |name, says, of_thousand| {
        figures.tell(name, says, Unit::Millis, percentile(&mut latencies, of_thousand).map(millis));
    };
    tell("idle_p50_ms", "idle: commit → consumer, p50", 500);
    tell("idle_p99_ms", "idle: commit → consumer, p99", 990);
    let says = "ceiling: broker, window 1000";
    figures.tell("ceiling_broker_per_second", says, Unit::PerSecond, ceiling);
    figures.tell("ratio_to_broker", "rows to the broker's ceiling", Unit::Ratio, speed / ceiling);
    Ok(())
}

async fn relay(
    database: &Arc<dyn Database>,
    messages: u32,
    ports: &Ports,
) -> Result<(f64, Vec<Duration>), Failure> {
    let broker: Arc<dyn Broker> = Arc::new(InProcess::new(&ServiceName::ALL));
    let mut deliveries = broker.consume(ServiceName::Store, ceilings::WIDEST).await;
    let start = ports.clock.elapsed();
    let relay = relay::start(
        ServiceName::Orchestrator,
        Arc::clone(database),
        broker,
        ports,
        relay::Options::default(),
    );
    let measured = async {
        for _ in 0..messages {
            next(&mut deliveries).await?.ack.give();
        }
        let took = ports.clock.elapsed().saturating_sub(start);
        let latencies = one_by_one(&**database, &mut deliveries, ports).await?;
        Ok((rate(u64::from(messages), took), latencies))
    };
    let measured = measured.await;
    relay.stop().await;
    measured
}

/// Writes that many rows into the outbox.
async fn fill(database: &dyn Database, messages: u32, ports: &Ports) -> Result<(), Failure> {
    let mut left = messages as usize;
    while left > 0 {
        let rows = left.min(BATCH);
        write(database, rows, ports).await?;
        left -= rows;
    }
    Ok(())
}

async fn write(database: &dyn Database, rows: usize, ports: &Ports) -> Result<(), Failure> {
    let message = |_| ceilings::message(format!("bench/{}", ports.ids.next()), ports);
    let messages = (0..rows).map(message).collect();
    let (transaction, _) = database.begin(Begin::default()).await?;
    transaction.commit(Writes { messages, now: ports.now(), ..Writes::default() }).await?;
    Ok(())
}

/// How long each of some messages took from its commit to its consumer while nothing else was to be
/// done.
async fn one_by_one(
    database: &dyn Database,
    deliveries: &mut mpsc::Receiver<Delivery>,
    ports: &Ports,
) -> Result<Vec<Duration>, Failure> {
    let mut latencies = Vec::with_capacity(LONE);
    for _ in 0..LONE {
        ports.clock.sleep(IDLE).await;
        write(database, 1, ports).await?;
        let committed = ports.clock.elapsed();
        let delivery = next(deliveries).await?;
        latencies.push(ports.clock.elapsed().saturating_sub(committed));
        delivery.ack.give();
    }
    Ok(latencies)
}

async fn next(deliveries: &mut mpsc::Receiver<Delivery>) -> Result<Delivery, Failure> {
    let late = || Failure::No("a message did not get to its consumer".to_owned());
    timeout(PATIENCE, deliveries.recv()).await.ok().flatten().ok_or_else(late)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_message_is_relayed_and_timed() {
        let (ports, mut figures) = (Ports::system(), Figures::default());
        run(600, None, &ports, &mut figures).await.unwrap();
        for name in ["rows_per_second", "idle_p50_ms", "idle_p99_ms", "ratio_to_broker"] {
            assert!(figures.last(name).is_some_and(|value| value > 0.0), "{name}");
        }
    }
}

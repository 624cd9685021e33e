//! The relay by itself: how fast it empties an outbox, and how soon a lone message gets to its
//! consumer.

use std::{path::Path, sync::Arc, time::Duration};

use contracts::ServiceName;
use relay::{Running, SharedOptions};
use runtime::{
    broker::{Broker, Delivery, in_process::InProcess, rabbitmq::RabbitMq},
    db::{
        Begin, Database, Migrations, Outbox, SharedOutbox, Writes,
        postgres::{Connect, PostgresDatabase, PostgresOutbox},
    },
    ports::Ports,
};
use tokio::{sync::mpsc, time::timeout};

use super::{
    ceilings,
    figures::{Figures, Unit, millis, percentile, rate},
    place, scraped,
    servers::Servers,
};
use crate::{exit::Failure, process::servers};

/// How many rows are written in a transaction beforehand.
const BATCH: usize = 256;
/// How many messages are sent one by one.
const LONE: usize = 200;
/// The pause before each of these: longer than the relay has anything to do.
const IDLE: Duration = Duration::from_millis(7);
/// The same on servers.
const IDLE_ON_SERVERS: Duration = Duration::from_millis(25);
/// Nothing that is measured takes this long for one message.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the broker's ceiling is measured in a run.
const CEILING: Duration = Duration::from_millis(500);
/// The same on a server.
const CEILING_ON_SERVER: Duration = Duration::from_secs(2);
/// How long until it is looked again whether all is confirmed.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// Whose outbox it is.
const SOURCE: ServiceName = ServiceName::Orchestrator;

/// One run of the embedded profile.
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
    let work = async {
        fill(&*database, messages, ports).await?;
        let broker: Arc<dyn Broker> = Arc::new(InProcess::new(&ServiceName::ALL));
        let deliveries = broker.consume(ServiceName::Store, ceilings::WIDEST).await;
        let options = relay::Options::default();
        let start = || relay::start(SOURCE, Arc::clone(&database), broker, ports, options);
        let mut way = Way { database: &*database, deliveries, ports };
        // What is consumed is confirmed.
        way.measure(messages, IDLE, start, || true).await
    };
    let measured = work.await;
    database.close().await;
    tell(measured?, ceiling, figures);
    Ok(())
}

/// One run of the services profile: the relay in this process, which is told of commits as one of
/// another process is.
pub async fn run_on_servers(
    messages: u32,
    servers: &Servers,
    ports: &Ports,
    figures: &mut Figures,
) -> Result<(), Failure> {
    let ceiling = async |url: String| {
        ceilings::rabbitmq(&url, ceilings::WIDEST, ports, CEILING_ON_SERVER).await
    };
    let ceiling = servers.on_queues(ports, ceiling).await?;
    let work = async |database_url: String, amqp_url: String| {
        let connect = Connect::to(&database_url)?;
        let migrations = Migrations::postgres(SOURCE);
        let database = PostgresDatabase::open(&connect, &migrations, ports).await?;
        fill(&database, messages, ports).await?;
        let outbox = Arc::new(PostgresOutbox::open(&connect, ports).await?);
        let consumer = rabbitmq(&amqp_url, ServiceName::Store, ports).await?;
        let broker = rabbitmq(&amqp_url, SOURCE, ports).await?;
        let deliveries = consumer.consume(ServiceName::Store, ceilings::WIDEST).await;
        let shared: Arc<dyn SharedOutbox> = outbox.clone();
        let (options, owner) = (SharedOptions::default(), ports.ids.next());
        let metrics = options.metrics.clone();
        let start = || relay::start_shared(SOURCE, shared, broker, ports, options, owner);
        let all = u64::from(messages);
        let confirmed = || scraped::total(&metrics.text(), "expeditor_relay_confirmed") >= all;
        let mut way = Way { database: &database, deliveries, ports };
        let measured = way.measure(messages, IDLE_ON_SERVERS, start, confirmed).await;
        // Once it has ended, what it had confirmed is deleted.
        let left = outbox.backlog().await;
        outbox.close().await;
        database.close().await;
        match left? {
            (0, _) => measured,
            (rows, _) => measured.and(Err(Failure::No(format!("{rows} rows were not relayed")))),
        }
    };
    let measured = servers.on_database(SOURCE, ports, work).await?;
    tell(measured, ceiling, figures);
    Ok(())
}

async fn rabbitmq(
    url: &str,
    service: ServiceName,
    ports: &Ports,
) -> Result<Arc<RabbitMq>, Failure> {
    servers::broker(url, &[service], "expeditor bench", ports).await
}

/// What a run has found.
struct Measured {
    speed: f64,
    latencies: Vec<Duration>,
}

fn tell(measured: Measured, ceiling: f64, figures: &mut Figures) {
    let Measured { speed, mut latencies } = measured;
    figures.tell("rows_per_second", "outbox rows to confirmed", Unit::PerSecond, speed);
    let mut tell = |name, says, of_thousand| {
        figures.tell(name, says, Unit::Millis, percentile(&mut latencies, of_thousand).map(millis));
    };
    tell("idle_p50_ms", "idle: commit → consumer, p50", 500);
    tell("idle_p99_ms", "idle: commit → consumer, p99", 990);
    let says = "ceiling: broker, window 1000";
    figures.tell("ceiling_broker_per_second", says, Unit::PerSecond, ceiling);
    figures.tell("ratio_to_broker", "rows to the broker's ceiling", Unit::Ratio, speed / ceiling);
}

/// From an outbox to a consumer.
struct Way<'a> {
    database: &'a dyn Database,
    deliveries: mpsc::Receiver<Delivery>,
    ports: &'a Ports,
}

impl Way<'_> {
    /// Starts a relay and follows that many messages, then some that come one by one with such a
    /// pause before each. `confirmed` tells whether the relay knows that all of the many were taken.
    async fn measure(
        &mut self,
        messages: u32,
        idle: Duration,
        relay: impl FnOnce() -> Running,
        confirmed: impl Fn() -> bool,
    ) -> Result<Measured, Failure> {
        let start = self.ports.clock.elapsed();
        let relay = relay();
        let measured = async {
            for _ in 0..messages {
                self.next().await?.ack.give();
            }
            self.until(confirmed).await?;
            let took = self.ports.clock.elapsed().saturating_sub(start);
            let latencies = self.one_by_one(idle).await?;
            Ok(Measured { speed: rate(u64::from(messages), took), latencies })
        };
        let measured = measured.await;
        relay.stop().await;
        measured
    }

    async fn until(&self, confirmed: impl Fn() -> bool) -> Result<(), Failure> {
        let look = async {
            while !confirmed() {
                self.ports.clock.sleep(LOOK_AGAIN).await;
            }
        };
        let late = |_| Failure::No("messages were consumed and never confirmed".to_owned());
        timeout(PATIENCE, look).await.map_err(late)
    }

    /// How long each of some messages took from its commit to its consumer while nothing else was to
    /// be done.
    async fn one_by_one(&mut self, idle: Duration) -> Result<Vec<Duration>, Failure> {
        let mut latencies = Vec::with_capacity(LONE);
        for _ in 0..LONE {
            self.ports.clock.sleep(idle).await;
            write(self.database, 1, self.ports).await?;
            let committed = self.ports.clock.elapsed();
            let delivery = self.next().await?;
            latencies.push(self.ports.clock.elapsed().saturating_sub(committed));
            delivery.ack.give();
        }
        Ok(latencies)
    }

    async fn next(&mut self) -> Result<Delivery, Failure> {
        let late = || Failure::No("a message did not get to its consumer".to_owned());
        timeout(PATIENCE, self.deliveries.recv()).await.ok().flatten().ok_or_else(late)
    }
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

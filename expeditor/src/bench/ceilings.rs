//! What disk, database and broker can do by themselves: nothing that is built on them is faster.
//!
//! Each is measured for a while through the very port that the services use, by one who has nothing
//! else to do.

use std::{
    collections::VecDeque, fs::OpenOptions, io::Write, path::Path, sync::Arc, time::Duration,
};

use bytes::Bytes;
use contracts::{MessageId, QueueKind, ServiceName, Timestamp, routes};
use runtime::{
    Key, Kind, Phase,
    broker::{Broker, Delivery, Outcome, Publication, in_process::InProcess},
    db::{
        Begin, Database, Migrations, NewMessage, Received, Row, Writes,
        postgres::{Connect, PostgresDatabase},
        sqlite::SqliteDatabase,
    },
    ports::Ports,
};

use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use super::{
    figures::{Figures, Unit, rate},
    servers::Servers,
};
use crate::{
    exit::{Failure, disk},
    process::servers,
};

/// How long each is measured in a run of `bench ceilings`.
const LONG: Duration = Duration::from_secs(1);
/// What one batch holds: some hundred messages, as under load.
const BATCH: usize = 100;
/// About as much as a service keeps of an order.
const BODY: usize = 1_000;
/// No message is on its way for that long.
const PATIENCE: Duration = Duration::from_secs(30);
/// About as much as a message is long.
const PAYLOAD: usize = 700;
const PAGE: usize = 4_096;
/// Whose database is taken.
const SERVICE: ServiceName = ServiceName::Store;
const KIND: Kind = Kind { name: "bench", phase: Phase::First, rank: 0 };
/// How many publications of `bench ceilings` are unconfirmed at the same time.
const WINDOWS: [(usize, &str, &str); 3] = [
    (1, "broker_window_1", "broker, window 1: publish + consume + confirm"),
    (64, "broker_window_64", "broker, window 64"),
    (WIDEST, "broker_window_1000", "broker, window 1000"),
];
/// The widest window that is measured.
pub const WIDEST: usize = 1_000;

/// One run of `bench ceilings` of the embedded profile.
pub async fn run(within: &Path, ports: &Ports, figures: &mut Figures) -> Result<(), Failure> {
    let disk = tell_fsyncs(within, ports, figures).await?;
    let database = open(within, "ceilings.db", ports).await?;
    let measured = tell_database(("sqlite", "SQLite"), &database, disk, ports, figures).await;
    database.close().await;
    measured?;
    for (window, name, says) in WINDOWS {
        let speed = broker(window, ports, LONG).await?;
        figures.tell(name, says, Unit::PerSecond, speed);
    }
    Ok(())
}

/// One run of the services profile. The disk is this machine's, whichever the servers have.
pub async fn run_on_servers(
    within: &Path,
    servers: &Servers,
    ports: &Ports,
    figures: &mut Figures,
) -> Result<(), Failure> {
    let disk = tell_fsyncs(within, ports, figures).await?;
    let work = async |database_url: String, amqp_url: String| {
        let migrations = Migrations::postgres(SERVICE);
        let connect = Connect::to(&database_url)?;
        let database = PostgresDatabase::open(&connect, &migrations, ports).await?;
        let name = ("postgres", "PostgreSQL");
        let measured = tell_database(name, &database, disk, ports, figures).await;
        database.close().await;
        measured?;
        for (window, name, says) in WINDOWS {
            let speed = rabbitmq(&amqp_url, window, ports, LONG * 2).await?;
            figures.tell(name, says, Unit::PerSecond, speed);
        }
        Ok(())
    };
    servers.on_database(SERVICE, ports, work).await
}

/// For orders on servers: what RabbitMQ can do at the widest window, and how many commits of a row
/// PostgreSQL.
pub async fn on_servers(
    servers: &Servers,
    time: Duration,
    ports: &Ports,
) -> Result<(f64, f64), Failure> {
    let work = async |database_url: String, amqp_url: String| {
        let migrations = Migrations::postgres(SERVICE);
        let connect = Connect::to(&database_url)?;
        let database = PostgresDatabase::open(&connect, &migrations, ports).await?;
        let commits = one_by_one(&database, ports, time).await;
        database.close().await;
        Ok((rabbitmq(&amqp_url, WIDEST, ports, time).await?, commits?))
    };
    servers.on_database(SERVICE, ports, work).await
}

async fn tell_fsyncs(within: &Path, ports: &Ports, figures: &mut Figures) -> Result<f64, Failure> {
    let disk = fsyncs(within, ports, LONG).await?;
    figures.tell("fsyncs_per_second", "disk: fsyncs of a page", Unit::PerSecond, disk);
    Ok(disk)
}

/// What a database can do; it is called so by programs and by people.
async fn tell_database(
    (name, called): (&str, &str),
    database: &dyn Database,
    disk: f64,
    ports: &Ports,
    figures: &mut Figures,
) -> Result<(), Failure> {
    let commits = one_by_one(database, ports, LONG).await?;
    let mut tell = |what: &str, says: &str, speed: f64| {
        let (name, says) = (format!("{name}_{what}"), format!("{called}: {says}"));
        figures.tell(name, says, Unit::PerSecond, speed);
    };
    tell("commits_per_second", "commits of a row", commits);
    let messages = in_batches(database, ports, LONG).await?;
    tell("batched_messages_per_second", "messages, a hundred a commit", messages);
    let rows = messages * 3.0;
    tell("batched_rows_per_second", "rows of these (inbox, aggregate, outbox)", rows);
    figures.tell("ratio_commits_to_fsyncs", "commits to fsyncs", Unit::Ratio, commits / disk);
    Ok(())
}

/// How often a second a page that was appended to a file reaches the disk.
async fn fsyncs(within: &Path, ports: &Ports, time: Duration) -> Result<f64, Failure> {
    let (path, clock) = (within.join("fsync"), Arc::clone(&ports.clock));
    let work = move || -> std::io::Result<f64> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        let (start, mut count) = (clock.elapsed(), 0);
        loop {
            file.write_all(&[b'x'; PAGE])?;
            file.sync_data()?;
            count += 1;
            let took = clock.elapsed().saturating_sub(start);
            if took >= time {
                return Ok(rate(count, took));
            }
        }
    };
    let done = tokio::task::spawn_blocking(work).await;
    let done =
        done.map_err(|error| Failure::Environment(format!("measuring the disk: {error}")))?;
    done.map_err(|error| disk(within.display(), &error))
}

/// How many transactions of one aggregate each a database commits a second, one after another.
pub async fn one_by_one(
    database: &dyn Database,
    ports: &Ports,
    time: Duration,
) -> Result<f64, Failure> {
    let (start, mut count) = (ports.clock.elapsed(), 0);
    loop {
        let key = Key::new(KIND, ports.ids.next().to_string());
        let begin = Begin { lock: vec![key.clone()], ..Begin::default() };
        let (transaction, _) = database.begin(begin).await?;
        let now = ports.now();
        let rows = vec![(key, row(now))];
        transaction.commit(Writes { rows, now, ..Writes::default() }).await?;
        count += 1;
        let took = ports.clock.elapsed().saturating_sub(start);
        if took >= time {
            return Ok(rate(count, took));
        }
    }
}

/// How many messages a second a database takes through a whole transaction in batches: a row of the
/// inbox, an aggregate, a row of the outbox, and the delete of one that was sent before.
pub async fn in_batches(
    database: &dyn Database,
    ports: &Ports,
    time: Duration,
) -> Result<f64, Failure> {
    let (start, mut count) = (ports.clock.elapsed(), 0);
    let mut floor = 0;
    loop {
        batch(database, ports).await?;
        count += BATCH as u64;
        let took = ports.clock.elapsed().saturating_sub(start);
        if took >= time {
            return Ok(rate(count, took));
        }
        let sent = database.outbox().read(floor, u32::MAX).await?;
        floor = sent.last().map_or(floor, |row| row.id);
        database.outbox().delete(sent.into_iter().map(|row| row.id).collect()).await?;
    }
}

async fn batch(database: &dyn Database, ports: &Ports) -> Result<(), Failure> {
    let now = ports.now();
    let mut keys: Vec<Key> =
        (0..BATCH).map(|_| Key::new(KIND, ports.ids.next().to_string())).collect();
    keys.sort();
    let received = |_| Received {
        consumer: QueueKind::Commands,
        message_id: MessageId(ports.ids.next()),
        time: now,
    };
    let begin = Begin {
        received: (0..BATCH).map(received).collect(),
        lock: keys.clone(),
        ..Begin::default()
    };
    let (transaction, _) = database.begin(begin).await?;
    let messages = keys.iter().map(|key| message(key.outbox_key(), ports)).collect();
    let rows = keys.into_iter().map(|key| (key, row(now))).collect();
    transaction.commit(Writes { rows, messages, now, ..Writes::default() }).await?;
    Ok(())
}

fn row(now: Timestamp) -> Row {
    Row {
        version: 1,
        messages: 1,
        state: "measured".to_owned(),
        owner: None,
        wake_at: None,
        updated_at: now,
        body: format!("\"{}\"", "x".repeat(BODY)),
    }
}

/// A message of the usual size, to the store.
pub fn message(key: String, ports: &Ports) -> NewMessage {
    NewMessage {
        key,
        seq: 1,
        message_id: MessageId(ports.ids.next()),
        exchange: routes::COMMANDS_EXCHANGE,
        routing_key: ServiceName::Store.as_str().to_owned(),
        payload: "x".repeat(PAYLOAD),
        published: None,
    }
}

/// A new database there.
pub async fn open(within: &Path, name: &str, ports: &Ports) -> Result<SqliteDatabase, Failure> {
    let migrations = Migrations::sqlite(SERVICE);
    Ok(SqliteDatabase::open(&within.join(name), &migrations, ports).await?)
}

/// How many messages a second go through the in-process broker to a consumer and are confirmed,
/// with at most `window` of them on their way.
pub async fn broker(window: usize, ports: &Ports, time: Duration) -> Result<f64, Failure> {
    let broker = InProcess::new(&ServiceName::ALL);
    let deliveries = broker.consume(ServiceName::Store, window).await;
    through(&broker, deliveries, window, ports, time).await
}

/// The same of RabbitMQ, on queues that nobody else uses. Publisher and consumer have connections of
/// their own, as those of a relay and a service are.
pub async fn rabbitmq(
    url: &str,
    window: usize,
    ports: &Ports,
    time: Duration,
) -> Result<f64, Failure> {
    let name = "expeditor bench";
    let broker = servers::broker(url, &[ServiceName::Store], name, ports).await?;
    let deliveries = broker.consume(ServiceName::Store, WIDEST).await;
    through(&*broker, deliveries, window, ports, time).await
}

/// Publishes for that long, and waits until all that was published is consumed.
async fn through(
    broker: &dyn Broker,
    mut deliveries: mpsc::Receiver<Delivery>,
    window: usize,
    ports: &Ports,
    time: Duration,
) -> Result<f64, Failure> {
    let (tell, mut consumed) = watch::channel(0_u64);
    let consumer = ports.spawn(async move {
        while let Some(delivery) = deliveries.recv().await {
            delivery.ack.give();
            tell.send_modify(|count| *count += 1);
        }
    });
    let payload = Bytes::from("x".repeat(PAYLOAD));
    let publication = || Publication {
        exchange: routes::COMMANDS_EXCHANGE.to_owned(),
        routing_key: ServiceName::Store.as_str().to_owned(),
        message_id: MessageId(ports.ids.next()),
        payload: payload.clone(),
    };
    let (start, mut count, mut waiting) = (ports.clock.elapsed(), 0, VecDeque::new());
    let took = loop {
        // Half a window at a time, so that the other half is on its way meanwhile.
        let time_is_over = ports.clock.elapsed().saturating_sub(start) >= time;
        let room = (window - waiting.len()).min(window.div_ceil(2));
        if !time_is_over {
            waiting.extend(broker.publish((0..room).map(|_| publication()).collect()).await);
        }
        let hear = waiting.len().min(window.div_ceil(2));
        for confirm in waiting.drain(..hear) {
            if !matches!(confirm.await, Ok(Outcome::Confirmed)) {
                return Err(Failure::Environment("the broker did not confirm".to_owned()));
            }
            count += 1;
        }
        if time_is_over && waiting.is_empty() {
            let all = consumed.wait_for(|consumed| *consumed >= count);
            let late = |_| Failure::Environment("the broker did not deliver".to_owned());
            timeout(PATIENCE, all).await.map_err(late)?.map_err(|it| lost(&it))?;
            break ports.clock.elapsed().saturating_sub(start);
        }
    };
    consumer.abort();
    Ok(rate(count, took))
}

fn lost(error: &watch::error::RecvError) -> Failure {
    Failure::Environment(format!("the broker delivers nothing more: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_ceiling_is_measured() {
        let (place, ports) = (tempfile::tempdir().unwrap(), Ports::system());
        let short = Duration::from_millis(20);
        let database = open(place.path(), "store.db", &ports).await.unwrap();
        for speed in [
            fsyncs(place.path(), &ports, short).await.unwrap(),
            one_by_one(&database, &ports, short).await.unwrap(),
            in_batches(&database, &ports, short).await.unwrap(),
            broker(1, &ports, short).await.unwrap(),
            broker(WIDEST, &ports, short).await.unwrap(),
        ] {
            assert!(speed > 0.0 && speed.is_finite(), "{speed}");
        }
        database.close().await;
    }

    #[tokio::test]
    async fn a_disk_that_cannot_be_written_to_is_told() {
        let nowhere = Path::new("/no/such/directory");
        let failure = fsyncs(nowhere, &Ports::system(), Duration::ZERO).await.unwrap_err();
        assert_eq!(failure.status(), 3);
    }
}

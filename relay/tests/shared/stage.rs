//! One outbox with its writers, one queue with its listener, and the ledger.

use std::{collections::HashSet, time::Duration};

use contracts::{MessageId, QueueKind, ServiceName, routes};
use lapin::types::FieldTable;
use runtime::{
    aggregate::bucket,
    broker::{Broker, rabbitmq::RabbitMq},
    db::{
        LEASE, Migrations, Parked, SharedOutbox,
        postgres::{Connect, PostgresDatabase, PostgresOutbox},
    },
    ports::Ports,
};
use sqlx::{
    AssertSqlSafe, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    ledger::Verdict,
    proxy::Proxy,
    relays::{Fault, Parts, Relay},
    rig::Rig,
    server::OwnDatabase,
};

/// How many write at a time.
const WRITERS: u64 = 6;
/// The keys that they write, and lock, in each other's way.
const KEYS: u128 = 40;
/// What has not come after so long without anything new is lost.
const PATIENCE: Duration = Duration::from_secs(6);

/// The name of connections that are not ended.
const STEADY: &str = "steady";

type Places = Vec<(String, u64)>;

pub(crate) struct Stage {
    pub(crate) ports: Ports,
    pub(crate) proxy: Proxy,
    database: OwnDatabase,
    pool: PgPool,
    rig: Rig,
    amqp_url: String,
    heard: watch::Receiver<Places>,
    outbox: PostgresOutbox,
}

/// Writers at work.
pub(crate) struct Load {
    stop: watch::Sender<bool>,
    writers: Vec<JoinHandle<()>>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let ports = Ports::system();
        let database = OwnDatabase::new().await;
        let connect = Connect::to(&database.url).unwrap();
        let migrations = Migrations::postgres(ServiceName::Store);
        PostgresDatabase::migrate(&connect, &migrations).await.unwrap();
        let pool = PgPoolOptions::new().max_connections(12).connect(&database.url).await.unwrap();
        sqlx::raw_sql(
            "CREATE TABLE speaker (key text PRIMARY KEY, seq bigint NOT NULL);
             CREATE TABLE ledger (key text, seq bigint, PRIMARY KEY (key, seq))",
        )
        .execute(&pool)
        .await
        .unwrap();
        let rig = Rig::new().await;
        let proxy = Proxy::to(rig.host(), &ports).await;
        let amqp_url = rig.url.replace(rig.host(), proxy.host());
        let listener = rig.start(&[ServiceName::Payment]).await;
        let heard = listen(listener, &ports);
        let outbox = PostgresOutbox::open(&connect, &ports).await.unwrap();
        Self { ports, proxy, database, pool, rig, amqp_url, heard, outbox }
    }

    /// Of relays that are in order.
    pub(crate) fn parts(&self) -> Parts {
        let (database_url, amqp_url) = (self.database.url.clone(), self.amqp_url.clone());
        Parts { database_url, amqp_url, fault: Fault::None }
    }

    pub(crate) async fn until<F: Future<Output = bool>>(&self, what: &str, holds: impl Fn() -> F) {
        self.rig.until(what, holds).await;
    }

    /// Waits until exactly these share all buckets evenly.
    pub(crate) async fn shared_by(&self, relays: &[&Relay]) {
        let share = 64 / i64::try_from(relays.len()).unwrap();
        self.until("the buckets are shared evenly", || async {
            let mut fair = true;
            for relay in relays {
                fair &= self.leased_by(relay).await == share;
            }
            fair
        })
        .await;
    }

    /// How many buckets it has.
    pub(crate) async fn leased_by(&self, relay: &Relay) -> i64 {
        let held = sqlx::query_scalar(
            "SELECT count(*) FROM outbox_lease
             WHERE owner = $1 AND expires_at > clock_timestamp()",
        );
        held.bind(relay.owner).fetch_one(&self.pool).await.unwrap()
    }

    /// How long ago leases were renewed.
    pub(crate) async fn renewed(&self) -> Duration {
        let left: i64 = sqlx::query_scalar(
            "SELECT (extract(epoch FROM max(expires_at) - clock_timestamp()) * 1000)::bigint
             FROM outbox_lease",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap();
        LEASE.saturating_sub(Duration::from_millis(left.try_into().unwrap_or(0)))
    }

    pub(crate) async fn nobody_leases(&self) {
        let held: i64 = sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM outbox_lease WHERE expires_at > clock_timestamp())
                  + (SELECT count(*) FROM outbox_relay)",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap();
        assert_eq!(held, 0);
    }

    /// Writes one transaction with a message to each of these.
    pub(crate) async fn write(&self, key: &str, to: &[&str]) {
        write(&self.pool, &self.ports, key, to, Duration::ZERO).await.unwrap();
    }

    /// Writes one message in a transaction that takes so long, whatever happens to others.
    pub(crate) fn write_slowly(&self, key: &'static str, pause: Duration) -> JoinHandle<()> {
        let (url, ports) = (self.database.url.clone(), self.ports.clone());
        self.ports.spawn(async move {
            let options = url.parse::<PgConnectOptions>().unwrap().application_name(STEADY);
            let pool = PgPoolOptions::new().connect_with(options).await.unwrap();
            write(&pool, &ports, key, &["payment"], pause).await.unwrap();
            pool.close().await;
        })
    }

    /// Writers begin to write; they end with the verdict.
    pub(crate) fn load(&self) -> Load {
        let (stop, stopped) = watch::channel(false);
        let mut writers = Vec::new();
        for writer in 0..WRITERS {
            let (pool, ports, stopped) = (self.pool.clone(), self.ports.clone(), stopped.clone());
            writers.push(self.ports.spawn(async move {
                let mut round = writer;
                while !*stopped.borrow() {
                    round += WRITERS;
                    let key = format!("k/{}", ports.ids.next().as_u128() % KEYS);
                    // Some take their ids and commit late.
                    let pause = match (writer, round / WRITERS % 50) {
                        (0, 10) => 2_500,
                        (1, 10 | 30) => 300,
                        _ => round % 7,
                    };
                    let mut to = vec!["payment"; 1 + usize::try_from(round % 4).unwrap()];
                    if round.is_multiple_of(41) {
                        to[0] = "nobody";
                    }
                    let pause = Duration::from_millis(pause);
                    // Its connection may be ended by the test: then nothing was written, or all.
                    drop(write(&pool, &ports, &key, &to, pause).await);
                }
            }));
        }
        Load { stop, writers }
    }

    /// Waits until that many more were heard.
    pub(crate) async fn more_heard(&self, more: usize) {
        let mut heard = self.heard.clone();
        let wanted = heard.borrow().len() + more;
        let waiting = heard.wait_for(|heard| heard.len() >= wanted);
        tokio::time::timeout(crate::rig::BOUND, waiting).await.expect("more is heard").unwrap();
    }

    /// Waits until so many different ones of each key were heard; answers all that were.
    pub(crate) async fn heard_all(&self, of: &[(&str, usize)]) -> Places {
        let mut heard = self.heard.clone();
        let all = |heard: &Places| {
            of.iter().all(|(key, count)| {
                let different: HashSet<_> = heard.iter().filter(|(of, _)| of == key).collect();
                different.len() >= *count
            })
        };
        let waiting = async { heard.wait_for(all).await.unwrap().clone() };
        tokio::time::timeout(crate::rig::BOUND, waiting).await.expect("all are heard")
    }

    /// Waits until nothing was heard for so long.
    pub(crate) async fn quiet_for(&self, quiet: Duration) {
        let mut heard = self.heard.clone();
        loop {
            heard.mark_unchanged();
            tokio::select! {
                changed = heard.changed() => changed.unwrap(),
                () = self.ports.clock.sleep(quiet) => return,
            }
        }
    }

    /// Ends every connection to the database, in the middle of whatever it does.
    pub(crate) async fn end_connections(&self) {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()
                 AND application_name <> $1";
        // The pool may give out a connection that was ended before.
        while sqlx::query(sql).bind(STEADY).execute(&self.pool).await.is_err() {}
    }

    /// Ends the load, waits until all has come that will, and compares.
    pub(crate) async fn verdict(&self, load: Load) -> Verdict {
        load.stop.send_replace(true);
        for writer in load.writers {
            writer.await.unwrap();
        }
        self.verdict_now().await
    }

    pub(crate) async fn verdict_now(&self) -> Verdict {
        let written = self.places("ledger").await;
        let mut verdict = self.compare(&written).await;
        let mut since = self.ports.clock.elapsed();
        while !(verdict.missing.is_empty() && self.is_drained().await) {
            self.ports.clock.sleep(Duration::from_millis(100)).await;
            let missing = verdict.missing.len();
            verdict = self.compare(&written).await;
            if verdict.missing.len() != missing {
                since = self.ports.clock.elapsed();
            }
            if self.ports.clock.elapsed() > since + PATIENCE {
                break;
            }
        }
        verdict
    }

    async fn compare(&self, written: &HashSet<(String, u64)>) -> Verdict {
        let parked = self.places("outbox_parked").await;
        Verdict::on(written, &self.heard.borrow(), &parked)
    }

    async fn is_drained(&self) -> bool {
        self.count("SELECT count(*) FROM outbox").await == 0
    }

    /// The attempts of all rows in the outbox.
    pub(crate) async fn attempts(&self) -> i64 {
        self.count("SELECT coalesce(sum(attempts), 0)::bigint FROM outbox").await
    }

    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    async fn places(&self, table: &str) -> HashSet<(String, u64)> {
        let sql = format!("SELECT key, seq FROM {table}");
        let rows: Vec<(String, i64)> = loop {
            // A connection may have been ended by the test.
            let query = sqlx::query_as(AssertSqlSafe(sql.clone()));
            if let Ok(rows) = query.fetch_all(&self.pool).await {
                break rows;
            }
        };
        rows.into_iter().map(|(key, seq)| (key, u64::try_from(seq).unwrap())).collect()
    }

    pub(crate) async fn parked(&self) -> Vec<Parked> {
        self.outbox.parked(0, 100).await.unwrap()
    }

    pub(crate) async fn redrive(&self, id: i64) {
        assert_eq!(self.outbox.redrive(&[id]).await.unwrap(), 1);
    }

    /// Lets the listener hear commands to that name.
    pub(crate) async fn bind(&self, name: &str) {
        let channel = self.rig.channel().await;
        let queue = routes::queue(ServiceName::Payment, QueueKind::Commands);
        let exchange = routes::COMMANDS_EXCHANGE;
        let options = lapin::options::QueueBindOptions::default();
        let table = FieldTable::default();
        channel
            .queue_bind(queue.as_str().into(), exchange.into(), name.into(), options, table)
            .await
            .unwrap();
    }

    pub(crate) async fn end(self) {
        self.outbox.close().await;
        self.pool.close().await;
    }
}

/// Hears everything, and keeps in which order.
fn listen(broker: RabbitMq, ports: &Ports) -> watch::Receiver<Places> {
    let (note, heard) = watch::channel(Vec::new());
    drop(ports.spawn(async move {
        let mut deliveries = broker.consume(ServiceName::Payment, 300).await;
        while let Some(delivery) = deliveries.recv().await {
            let text = String::from_utf8(delivery.payload.to_vec()).unwrap();
            let (key, seq) = text.split_once(' ').unwrap();
            note.send_modify(|heard| heard.push((key.to_owned(), seq.parse().unwrap())));
            delivery.ack.give();
        }
    }));
    heard
}

/// One transaction, as services write them: first the lock of whoever speaks, then the rows.
async fn write(
    pool: &PgPool,
    ports: &Ports,
    key: &str,
    to: &[&str],
    pause: Duration,
) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let count = i64::try_from(to.len()).unwrap();
    let last: i64 = sqlx::query_scalar(
        "INSERT INTO speaker VALUES ($1, $2)
         ON CONFLICT (key) DO UPDATE SET seq = speaker.seq + $2 RETURNING seq",
    )
    .bind(key)
    .bind(count)
    .fetch_one(&mut *transaction)
    .await?;
    for (seq, to) in (last - count + 1..=last).zip(to) {
        let MessageId(id) = MessageId(ports.ids.next());
        sqlx::query(
            "WITH noted AS (INSERT INTO ledger VALUES ($2, $3))
             INSERT INTO outbox (bucket, key, seq, message_id, exchange, routing_key, payload)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(i16::try_from(bucket(key)).unwrap())
        .bind(key)
        .bind(seq)
        .bind(id)
        .bind(routes::COMMANDS_EXCHANGE)
        .bind(*to)
        .bind(format!("{key} {seq}").into_bytes())
        .execute(&mut *transaction)
        .await?;
    }
    sqlx::query("SELECT pg_sleep($1)").bind(pause.as_secs_f64()).execute(&mut *transaction).await?;
    transaction.commit().await?;
    sqlx::query("SELECT pg_notify('expeditor_outbox', '')").execute(pool).await?;
    Ok(())
}

//! A place of a test's own on the servers that all tests share.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use runtime::ports::Ports;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{runtime::Handle, time::timeout};

/// No test waits longer than this for what must happen.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// A virtual host of the test's own, and the server on which databases are made.
pub(crate) struct Place {
    pub(crate) database_url: String,
    pub(crate) amqp_url: String,
    pub(crate) ports: Ports,
    vhost: String,
    broker: servers::Broker,
    prefixes: Mutex<Vec<String>>,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let ports = Ports::system();
        let vhost = format!("test-{}", ports.ids.next());
        let name = vhost.clone();
        let making = move || {
            let shared = servers::shared().unwrap_or_else(|error| panic!("no servers: {error}"));
            let url = shared.rabbitmq.vhost(&name).unwrap();
            (shared, url)
        };
        let (shared, amqp_url) = tokio::task::spawn_blocking(making).await.unwrap();
        let (database_url, broker) = (shared.postgres, shared.rabbitmq);
        let prefixes = Mutex::default();
        Self { database_url, amqp_url, ports, vhost, broker, prefixes }
    }

    /// The broker's HTTP API, as an administrator.
    pub(crate) fn api_url(&self) -> &str {
        self.broker.api_url().expect("tests make virtual hosts through it")
    }

    /// The URL with another virtual host.
    pub(crate) fn vhost_url(&self, name: &str) -> String {
        self.amqp_url.replace(&self.vhost, name)
    }

    /// A connection to one of the server's databases.
    pub(crate) async fn connect(&self, database: &str) -> PgConnection {
        let options: PgConnectOptions = self.database_url.parse().unwrap();
        options.database(database).connect().await.unwrap()
    }

    /// Runs a statement on the server that needs no database.
    pub(crate) async fn server(&self, sql: String) {
        let options: PgConnectOptions = self.database_url.parse().unwrap();
        let mut connection = options.connect().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// The databases whose names begin so.
    pub(crate) async fn databases(&self, prefix: &str) -> Vec<String> {
        let options: PgConnectOptions = self.database_url.parse().unwrap();
        let mut connection = options.connect().await.unwrap();
        let sql = "SELECT datname FROM pg_database WHERE starts_with(datname, $1) ORDER BY 1";
        sqlx::query_scalar(sql).bind(prefix).fetch_all(&mut connection).await.unwrap()
    }

    /// Databases whose names begin so go with this value.
    pub(crate) fn owns(&self, prefix: &str) {
        self.prefixes.lock().unwrap_or_else(PoisonError::into_inner).push(prefix.to_owned());
    }

    /// Waits until a condition holds.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let wait = async {
            while !condition() {
                self.ports.clock.sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(BOUND, wait).await.unwrap_or_else(|_| panic!("in vain: {what}"));
    }
}

/// Needs a runtime of several threads: it waits for the server.
impl Drop for Place {
    fn drop(&mut self) {
        let prefixes =
            std::mem::take(&mut *self.prefixes.lock().unwrap_or_else(PoisonError::into_inner));
        let removing = async {
            for prefix in prefixes {
                for database in self.databases(&prefix).await {
                    self.server(format!("DROP DATABASE {database} WITH (FORCE)")).await;
                }
            }
        };
        tokio::task::block_in_place(|| Handle::current().block_on(removing));
        if let Err(error) = self.broker.drop_vhost(&self.vhost) {
            eprintln!("{} is left behind: {error}", self.vhost);
        }
    }
}

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
    /// Where the virtual host goes again, on a server that others use too.
    broker: Option<servers::Broker>,
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
        let (database_url, broker) = (shared.postgres, Some(shared.rabbitmq));
        let prefixes = Mutex::default();
        Self { database_url, amqp_url, ports, vhost, broker, prefixes }
    }

    /// On a broker of the test's own.
    pub(crate) async fn on_broker(amqp_url: &str) -> Self {
        let shared = tokio::task::spawn_blocking(servers::shared_postgres).await.unwrap();
        let database_url = shared.unwrap_or_else(|error| panic!("no PostgreSQL: {error}"));
        let (ports, prefixes, vhost) = (Ports::system(), Mutex::default(), String::new());
        Self { database_url, amqp_url: amqp_url.to_owned(), ports, vhost, broker: None, prefixes }
    }

    /// On a database server of the test's own.
    pub(crate) async fn on_database(database_url: &str) -> Self {
        let mut place = Self::new().await;
        database_url.clone_into(&mut place.database_url);
        place
    }

    /// The broker's HTTP API, as an administrator.
    pub(crate) fn api_url(&self) -> &str {
        let broker = self.broker.as_ref().expect("on the server that tests share");
        broker.api_url().expect("tests make virtual hosts through it")
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

    /// Waits until a condition holds that has to be asked for.
    pub(crate) async fn until_it<F: Future<Output = bool>>(
        &self,
        what: &str,
        condition: impl Fn() -> F,
    ) {
        let wait = async {
            while !condition().await {
                self.ports.clock.sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(BOUND, wait).await.unwrap_or_else(|_| panic!("in vain: {what}"));
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
        let dropped = self.broker.as_ref().map(|broker| broker.drop_vhost(&self.vhost));
        if let Some(Err(error)) = dropped {
            eprintln!("{} is left behind: {error}", self.vhost);
        }
    }
}

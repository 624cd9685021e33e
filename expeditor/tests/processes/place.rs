//! A place of a test's own, on the servers that all tests share or on one that it may disturb.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use runtime::ports::Ports;
use servers::{Postgres, PostgresOptions, RabbitMq, RabbitMqOptions, Rights};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use testkit::Own;
use tokio::{runtime::Handle, task::spawn_blocking, time::timeout};

/// No test waits longer than this for what must happen.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// A virtual host of the test's own, and the server on which databases are made.
pub(crate) struct Place {
    pub(crate) database_url: String,
    pub(crate) amqp_url: String,
    pub(crate) ports: Ports,
    vhost: String,
    broker: servers::Broker,
    /// Databases that go with this value.
    prefixes: Mutex<Vec<String>>,
    /// They go with their server.
    own_database: bool,
    /// Users of the broker that go with this value.
    users: Mutex<Vec<String>>,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let shared = spawn_blocking(servers::shared).await.unwrap();
        let shared = shared.unwrap_or_else(|error| panic!("no servers: {error}"));
        Self::on(shared.postgres, shared.rabbitmq, false).await
    }

    /// With a broker that nobody else uses, which goes last.
    pub(crate) async fn with_own_broker() -> (Own<RabbitMq>, Self) {
        let postgres = spawn_blocking(servers::shared_postgres).await.unwrap();
        let postgres = postgres.unwrap_or_else(|error| panic!("no PostgreSQL: {error}"));
        let own = Own::start(|| RabbitMq::start(&RabbitMqOptions::default())).await.unwrap();
        let broker = own.server().broker();
        (own, Self::on(postgres, broker, false).await)
    }

    /// With a database server that nobody else uses, which goes last.
    pub(crate) async fn with_own_database() -> (Own<Postgres>, Self) {
        let rabbitmq = spawn_blocking(servers::shared_rabbitmq).await.unwrap();
        let rabbitmq = rabbitmq.unwrap_or_else(|error| panic!("no RabbitMQ: {error}"));
        let own = Own::start(|| Postgres::start(&PostgresOptions::default())).await.unwrap();
        let url = own.server().url();
        (own, Self::on(url, rabbitmq, true).await)
    }

    async fn on(database_url: String, broker: servers::Broker, own_database: bool) -> Self {
        let ports = Ports::system();
        let vhost = format!("test-{}", ports.ids.next());
        let (making, name) = (broker.clone(), vhost.clone());
        let amqp_url = spawn_blocking(move || making.vhost(&name)).await.unwrap().unwrap();
        let (prefixes, users) = Default::default();
        Self { database_url, amqp_url, ports, vhost, broker, prefixes, own_database, users }
    }

    /// The broker's HTTP API, as an administrator.
    pub(crate) fn api_url(&self) -> &str {
        self.broker.api_url().expect("tests make virtual hosts through it")
    }

    /// The URL with another virtual host.
    pub(crate) fn vhost_url(&self, name: &str) -> String {
        self.amqp_url.replace(&self.vhost, name)
    }

    /// The virtual host as a user of the test's own, who may do that much in it.
    pub(crate) async fn user(&self, rights: Rights<'static>) -> String {
        let name = format!("{}-user", self.vhost);
        self.users.lock().unwrap().push(name.clone());
        let (broker, vhost) = (self.broker.clone(), self.vhost.clone());
        spawn_blocking(move || broker.user(&vhost, &name, rights)).await.unwrap().unwrap()
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
        if self.own_database {
            return;
        }
        self.prefixes.lock().unwrap_or_else(PoisonError::into_inner).push(prefix.to_owned());
    }

    /// Waits for something that must come.
    pub(crate) async fn within<T>(&self, wait: impl Future<Output = T>) -> T {
        timeout(BOUND, wait).await.expect("nothing may take so long")
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
        for user in self.users.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if let Err(error) = self.broker.drop_user(&user) {
                eprintln!("{user} is left behind: {error}");
            }
        }
    }
}

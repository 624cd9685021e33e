//! A database and a virtual host of the test's own, on the servers that all tests share.

use contracts::ServiceName;
use runtime::{
    db::{
        Migrations,
        postgres::{Connect, PostgresDatabase},
    },
    ports::Ports,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, postgres::PgConnectOptions};
use tokio::runtime::Handle;

pub(crate) struct Place {
    /// The service's database, of this program's version.
    pub(crate) database_url: String,
    pub(crate) amqp_url: String,
    name: String,
    server: String,
    broker: servers::Broker,
}

impl Place {
    pub(crate) async fn of(service: ServiceName) -> Self {
        let name = format!("test_{}", Ports::system().ids.next().simple());
        let vhost = name.clone();
        let making = move || {
            let shared = servers::shared().unwrap_or_else(|error| panic!("no servers: {error}"));
            let amqp_url = shared.rabbitmq.vhost(&vhost).unwrap();
            (shared, amqp_url)
        };
        let (shared, amqp_url) = tokio::task::spawn_blocking(making).await.unwrap();
        let (server, broker) = (shared.postgres, shared.rabbitmq);
        let sql = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'");
        execute(&server, sql).await.unwrap();
        let base = server.rsplit_once('/').expect("an address names a database").0;
        let place = Self { database_url: format!("{base}/{name}"), amqp_url, name, server, broker };
        let connect = Connect::to(&place.database_url).unwrap();
        PostgresDatabase::migrate(&connect, &Migrations::postgres(service)).await.unwrap();
        place
    }
}

async fn execute(server: &str, sql: String) -> Result<(), sqlx::Error> {
    let mut connection = server.parse::<PgConnectOptions>()?.connect().await?;
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}

/// Needs a runtime of several threads: it waits for the server.
impl Drop for Place {
    fn drop(&mut self) {
        let remove = execute(&self.server, format!("DROP DATABASE {} WITH (FORCE)", self.name));
        let removed = tokio::task::block_in_place(|| Handle::current().block_on(remove));
        if let Err(error) = removed {
            eprintln!("{} is left behind: {error}", self.name);
        }
        if let Err(error) = self.broker.drop_vhost(&self.name) {
            eprintln!("{} is left behind: {error}", self.name);
        }
    }
}

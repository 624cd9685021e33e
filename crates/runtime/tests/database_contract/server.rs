//! A database of a test's own on the PostgreSQL server that all tests share.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use runtime::ports::Ports;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, postgres::PgConnectOptions};
use tokio::runtime::Handle;

/// A new database, empty, that goes with this value.
pub(crate) struct OwnDatabase {
    /// Its address.
    pub(crate) url: String,
    name: String,
    server: String,
}

impl OwnDatabase {
    pub(crate) async fn new() -> Self {
        let server = tokio::task::spawn_blocking(servers::shared_postgres).await.unwrap();
        let server = server.unwrap_or_else(|error| panic!("no PostgreSQL for tests: {error}"));
        // The server may have served other runs.
        let name = format!("test_{}", Ports::system().ids.next().simple());
        let sql = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'");
        execute(&server, sql).await.unwrap();
        let base = server.rsplit_once('/').expect("an address names a database").0;
        Self { url: format!("{base}/{name}"), name, server }
    }
}

async fn execute(server: &str, sql: String) -> Result<(), sqlx::Error> {
    let mut connection = server.parse::<PgConnectOptions>()?.connect().await?;
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}

/// Needs a runtime of several threads: one that stood still meanwhile, in the middle of opening a
/// connection, would be waited for by the server.
impl Drop for OwnDatabase {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let remove = execute(&self.server, sql);
        let removed = tokio::task::block_in_place(|| Handle::current().block_on(remove));
        if let Err(error) = removed {
            eprintln!("{} is left behind: {error}", self.name);
        }
    }
}

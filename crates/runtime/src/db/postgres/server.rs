//! Databases of a server as a whole: made and removed, for who needs some for a while. Whoever asks
//! must be a role that may do that. No service uses this.

use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::{Connect, column, within};
use crate::{db::DbError, ports::Ports};

/// Makes a database with nothing in it.
///
/// # Errors
///
/// The server cannot be asked, or refuses: also where there is one of that name.
pub async fn create_database(server: &Connect, name: &str, ports: &Ports) -> Result<(), DbError> {
    // From the template that nobody connects to: a connection to the other one would be in the way.
    let sql = format!("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'", quoted(name));
    execute(server, sql, ports).await
}

/// Removes a database with all that is in it, and ends whoever works on it. One that is not there
/// is no error.
///
/// # Errors
///
/// The server cannot be asked, or refuses.
pub async fn drop_database(server: &Connect, name: &str, ports: &Ports) -> Result<(), DbError> {
    execute(server, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name)), ports).await
}

/// How many bytes a database takes on the server's disk.
///
/// # Errors
///
/// The server cannot be asked.
pub async fn database_bytes(database: &Connect, ports: &Ports) -> Result<u64, DbError> {
    let work = async {
        let mut connection = database.options()?.connect().await?;
        let row = sqlx::query("SELECT pg_database_size(current_database())")
            .fetch_one(&mut connection)
            .await?;
        connection.close().await?;
        column::unsigned(&row, 0)
    };
    within(&*ports.clock, work).await.map_err(|error: DbError| error.at(&database.place()))
}

async fn execute(server: &Connect, sql: String, ports: &Ports) -> Result<(), DbError> {
    let work = async {
        let mut connection = server.options()?.connect().await?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    };
    within(&*ports.clock, work).await.map_err(|error: DbError| error.at(&server.place()))
}

/// An identifier, whatever is in it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

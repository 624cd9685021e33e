//! A scenario that leaves a dead letter has failed, whatever else it has shown.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use contracts::ServiceName;
use expeditor::system;
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use testkit::App;

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "dead letters")]
async fn a_scenario_does_not_pass_over_a_dead_letter() {
    let app = App::start().await;
    let path = system::database_path(app.data(), ServiceName::Store);
    let mut database = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let bury = "INSERT INTO dead_letter (consumer, bytes, headers, error, attempts, at)
         VALUES ('commands', x'00', '{}', 'on purpose', 1, 0)";
    sqlx::query(bury).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
    app.finish().await;
}

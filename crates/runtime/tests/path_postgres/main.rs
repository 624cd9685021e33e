//! The path on PostgreSQL: what happens while the server is away, and what relays have given up.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod away;
#[path = "../http_kit/client.rs"]
#[allow(dead_code, reason = "its rude parts are for the kit's own tests")]
mod client;
mod live;
mod parked;
#[path = "../database_contract/server.rs"]
mod server;
#[path = "../toy/mod.rs"]
mod toy;

use std::sync::Arc;

use contracts::ServiceName;
use runtime::{
    broker::Reach,
    db::{
        Migrations,
        postgres::{Connect, PostgresDatabase},
    },
    ports::Ports,
};
use toy::Rig;

/// The toy service on an empty database.
async fn start(url: &str) -> Rig {
    let (connect, ports) = (Connect::to(url).unwrap(), Ports::system());
    let migrations = Migrations::postgres(ServiceName::Store);
    PostgresDatabase::migrate(&connect, &migrations).await.unwrap();
    let database = PostgresDatabase::open(&connect, &migrations, &ports).await.unwrap();
    Rig::start_on(Arc::new(database), Reach::always()).await
}

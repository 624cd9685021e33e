//! The servers that all tests share. Each test makes a database or virtual host of its own there.

use std::{env, thread};

use crate::{Broker, Error, Kind, Services};

/// The variable that names a `PostgreSQL` server for tests, with a superuser's name and password.
pub const POSTGRES_URL: &str = "EXPEDITOR_TEST_POSTGRES_URL";
/// The variable that names a `RabbitMQ` server for tests, with an administrator's name and password.
pub const AMQP_URL: &str = "EXPEDITOR_TEST_AMQP_URL";
/// The variable that names the HTTP API of the server that [`AMQP_URL`] names.
pub const AMQP_API_URL: &str = "EXPEDITOR_TEST_AMQP_API_URL";

/// One server of each kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// `PostgreSQL`, with a superuser's name and password.
    pub postgres: String,
    /// `RabbitMQ`, with an administrator's name and password.
    pub rabbitmq: Broker,
}

/// Both servers: those that the environment names, else those of the workspace, which are started
/// if they do not run and stay until `cargo xtask services down`.
pub fn shared() -> Result<Shared, Error> {
    thread::scope(|scope| {
        let rabbitmq = scope.spawn(shared_rabbitmq);
        let postgres = shared_postgres();
        let panicked = |_| Err(Error::failed("starting RabbitMQ panicked"));
        Ok(Shared { rabbitmq: rabbitmq.join().unwrap_or_else(panicked)?, postgres: postgres? })
    })
}

/// `PostgreSQL` alone: its URL.
pub fn shared_postgres() -> Result<String, Error> {
    match named(POSTGRES_URL) {
        Some(url) => Ok(url),
        None => Ok(Services::of_workspace().up(Kind::Postgres, false)?.url),
    }
}

/// `RabbitMQ` alone.
pub fn shared_rabbitmq() -> Result<Broker, Error> {
    match named(AMQP_URL) {
        Some(url) => Ok(Broker::new(url, named(AMQP_API_URL))),
        None => {
            let found = Services::of_workspace().up(Kind::RabbitMq, false)?;
            Ok(Broker::new(found.url, found.api_url))
        }
    }
}

fn named(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}

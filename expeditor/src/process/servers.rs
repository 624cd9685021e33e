//! The servers that a process works with, and what is told where they cannot be used: one line,
//! with the place and never the password.

use std::sync::Arc;

use contracts::ServiceName;
use runtime::{
    broker::rabbitmq::{self, RabbitMq, StartError},
    db::{
        Migrations,
        postgres::{Connect, PostgresDatabase},
    },
    ports::Ports,
};

use crate::exit::Failure;

/// Opens a service's database; it must be of this program's version.
pub async fn database(
    url: &str,
    service: ServiceName,
    ports: &Ports,
) -> Result<PostgresDatabase, Failure> {
    let migrations = Migrations::postgres(service);
    Ok(PostgresDatabase::open(&Connect::to(url)?, &migrations, ports).await?)
}

/// Connects to the broker, to see to these services' queues. `name` is what the broker shows to
/// people as the connection's name.
pub async fn broker(
    url: &str,
    services: &[ServiceName],
    name: &str,
    ports: &Ports,
) -> Result<Arc<RabbitMq>, Failure> {
    let options = rabbitmq::Options::new(url, services, name);
    Ok(Arc::new(RabbitMq::start(options, ports).await.map_err(|it| cannot_be_used(&it))?))
}

/// Whether a broker's URL can be used, before anything is done.
pub fn check_broker(url: &str) -> Result<(), Failure> {
    rabbitmq::check_url(url).map_err(|it| cannot_be_used(&it))
}

fn cannot_be_used(error: &StartError) -> Failure {
    match error {
        StartError::Url(_) => Failure::Usage(error.to_string()),
        StartError::Unreachable(_) | StartError::Refused(_) | StartError::Topology(_) => {
            Failure::Environment(error.to_string())
        }
    }
}

//! The servers that a process works with, and what is told where they cannot be used: one line,
//! with the place and never the password.

use std::sync::Arc;

use contracts::ServiceName;
use reqwest::Url;
use runtime::{
    broker::rabbitmq::{self, RabbitMq, StartError},
    db::{
        Migrations,
        postgres::{Connect, PostgresDatabase},
    },
    ports::Ports,
};

use crate::exit::Failure;

/// Reads a database's URL. What is wrong is not repeated: URLs have passwords.
pub fn connect(url: &str) -> Result<Connect, Failure> {
    Ok(Connect::to(url)?)
}

/// Opens a service's database; it must be of this program's version.
pub async fn database(
    url: &str,
    service: ServiceName,
    ports: &Ports,
) -> Result<PostgresDatabase, Failure> {
    let migrations = Migrations::postgres(service);
    Ok(PostgresDatabase::open(&connect(url)?, &migrations, ports).await?)
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
    let started = RabbitMq::start(options, ports).await;
    Ok(Arc::new(started.map_err(|error| cannot_be_used(url, &error))?))
}

/// Whether a broker's URL can be used, before anything is done.
pub fn check_broker(url: &str) -> Result<(), Failure> {
    rabbitmq::check_url(url).map_err(|error| cannot_be_used(url, &error))
}

/// What is told of a broker that cannot be used: where it is, and as whom it was asked.
pub fn cannot_be_used(url: &str, error: &StartError) -> Failure {
    match error {
        StartError::Url(_) => Failure::Usage(error.to_string()),
        StartError::Unreachable(_)
        | StartError::Tls(_)
        | StartError::Refused(_)
        | StartError::Topology(_) => {
            Failure::Environment(format!("RabbitMQ{}: {error}", place(url)))
        }
    }
}

/// As far as the URL says it.
fn place(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return String::new() };
    let host = url.host_str().unwrap_or("localhost");
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    match url.username() {
        "" => format!(" at {host}{port}"),
        user => format!(" at {host}{port} as {user}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_cannot_be_used_is_named_without_its_password() {
        let refused = StartError::Refused("no".to_owned());
        for (url, says) in [
            ("amqp://cook:secret@mq:5/v", "RabbitMQ at mq:5 as cook: the broker refuses: no"),
            ("amqps://mq", "RabbitMQ at mq: the broker refuses: no"),
            ("secret", "RabbitMQ: the broker refuses: no"),
        ] {
            let failure = cannot_be_used(url, &refused);
            assert_eq!((failure.to_string().as_str(), failure.status()), (says, 3));
        }
    }

    #[tokio::test]
    async fn a_url_that_cannot_be_read_is_not_repeated() {
        for url in ["secret", "secret:secret@h/d", "mysql://u:secret@h/d", "://u:secret@h/d"] {
            let ports = Ports::system();
            let database = connect(url).map(|_| ()).unwrap_err();
            let broker = broker(url, &[], "test", &ports).await.map(|_| ()).unwrap_err();
            for failure in [database, broker] {
                assert_eq!(failure.status(), 2, "{failure}");
                assert!(!failure.to_string().contains("secret"), "{failure}");
            }
        }
        assert!(connect("postgresql:///d?host=/run/postgresql").is_ok());
    }
}

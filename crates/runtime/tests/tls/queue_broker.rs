//! RabbitMQ.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use contracts::{MessageId, ServiceName, routes};
use runtime::{
    broker::{
        Broker, Outcome, Publication,
        rabbitmq::{self, RabbitMq, StartError},
    },
    ports::Ports,
};
use servers::{Authority, RabbitMqOptions};
use tokio::time::timeout;

use crate::{blocking, told};

const BOUND: Duration = Duration::from_secs(60);

async fn server(tls: (PathBuf, PathBuf)) -> servers::RabbitMq {
    let options = RabbitMqOptions { tls: Some(tls), ..RabbitMqOptions::default() };
    blocking(move || servers::RabbitMq::start(&options)).await.unwrap()
}

/// With the CAs to trust.
fn trusting(url: &str, ca_file: &Path) -> String {
    format!("{url}?cacertfile={}", ca_file.display())
}

async fn start(url: &str) -> Result<RabbitMq, StartError> {
    let options = rabbitmq::Options::new(url, &[ServiceName::Payment], "test");
    RabbitMq::start(options, &Ports::system()).await
}

/// It does not go on in the hope that this goes away by itself.
async fn refused(url: &str) -> String {
    let Err(error) = start(url).await else { panic!("started") };
    assert!(matches!(error, StartError::Tls(_)), "{error}");
    error.to_string()
}

#[tokio::test]
async fn only_the_broker_that_is_meant_is_used() {
    let (authority, other) = (Authority::new().unwrap(), Authority::new().unwrap());
    let server = server(authority.server().unwrap()).await;
    let url = server.tls_url().unwrap();

    let right = trusting(&url, &authority.ca_file());
    let broker = Arc::new(start(&right).await.unwrap());
    let mut deliveries = broker.consume(ServiceName::Payment, 1).await;
    let publication = Publication {
        exchange: routes::COMMANDS_EXCHANGE.to_owned(),
        routing_key: ServiceName::Payment.to_string(),
        message_id: MessageId(Ports::system().ids.next()),
        payload: Bytes::from_static(b"by TLS"),
    };
    let confirm = broker.publish(vec![publication]).await.remove(0);
    assert_eq!(timeout(BOUND, confirm).await.unwrap(), Ok(Outcome::Confirmed));
    let delivery = timeout(BOUND, deliveries.recv()).await.unwrap().unwrap();
    assert_eq!(&*delivery.payload, b"by TLS");
    let seen = blocking(move || {
        let seen = server.control(&["list_connections", "-q", "ssl"]).unwrap();
        (server, seen)
    });
    let (server, seen) = seen.await;
    assert!(seen.contains("true") && !seen.contains("false"), "as the server sees it: {seen}");

    let wrong = trusting(&url, &other.ca_file());
    told(&refused(&wrong).await, &wrong, &["cannot be trusted", "unknown issuer"]);

    // The certificate is for `localhost`.
    let wrong = trusting(&url.replace("localhost", "127.0.0.1"), &authority.ca_file());
    told(&refused(&wrong).await, &wrong, &["is not valid for the host 127.0.0.1"]);

    // The system trusts other CAs, or none at all.
    told(&refused(&url).await, &url, &[" CA"]);

    let wrong = trusting(&url, Path::new("/nowhere/ca.crt"));
    told(&refused(&wrong).await, &wrong, &["the CA file /nowhere/ca.crt: No such file"]);

    // Where it does not speak TLS.
    let plain = server.url().replace("amqp://", "amqps://").replace("127.0.0.1", "localhost");
    let wrong = trusting(&plain, &authority.ca_file());
    told(&refused(&wrong).await, &wrong, &["what it answers is not TLS"]);
}

#[tokio::test]
async fn a_certificate_whose_time_is_over_is_refused() {
    let authority = Authority::new().unwrap();
    let server = server(authority.expired().unwrap()).await;
    let url = trusting(&server.tls_url().unwrap(), &authority.ca_file());
    told(&refused(&url).await, &url, &["has expired"]);
}

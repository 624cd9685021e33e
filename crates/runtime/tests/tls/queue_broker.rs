//! RabbitMQ.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use contracts::{MessageId, ServiceName, routes};
use runtime::{
    broker::{
        Broker, Outcome, Publication,
        rabbitmq::{self, RabbitMq, StartError},
    },
    ports::Ports,
};
use servers::RabbitMqOptions;
use tokio::time::timeout;

use crate::{blocking, certificates::Authority, told};

const BOUND: Duration = Duration::from_secs(60);

async fn server(tls: (PathBuf, PathBuf)) -> servers::RabbitMq {
    let options = RabbitMqOptions { tls: Some(tls), ..RabbitMqOptions::default() };
    blocking(move || servers::RabbitMq::start(&options)).await.unwrap()
}

/// With the CAs to trust.
fn trusting(url: &str, authority: &Authority) -> String {
    format!("{url}?cacertfile={}", authority.ca_file())
}

async fn start(url: &str) -> Result<RabbitMq, StartError> {
    let options = rabbitmq::Options::new(url, &[ServiceName::Payment], "test");
    RabbitMq::start(options, &Ports::system()).await
}

async fn refused(url: &str) -> String {
    let Err(error) = start(url).await else { panic!("started") };
    assert!(matches!(error, StartError::Unreachable(_)), "{error}");
    error.to_string()
}

#[tokio::test]
async fn only_the_broker_that_is_meant_is_used() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = server(authority.server()).await;
    let url = server.tls_url().unwrap();

    let broker = Arc::new(start(&trusting(&url, &authority)).await.unwrap());
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

    let wrong = trusting(&url, &other);
    let parts = ["expeditor at localhost:", "TLS: ", "unknown issuer"];
    told(&refused(&wrong).await, &wrong, &parts);

    // The certificate is for `localhost`.
    let wrong = trusting(&url.replace("localhost", "127.0.0.1"), &authority);
    let parts = ["expeditor at 127.0.0.1:", "TLS: ", "is not valid for the host 127.0.0.1"];
    told(&refused(&wrong).await, &wrong, &parts);

    // The system trusts other CAs, or none at all.
    told(&refused(&url).await, &url, &["expeditor at localhost:", " CA"]);

    let wrong = format!("{url}?cacertfile=/nowhere/ca.crt");
    let parts = ["expeditor at localhost:", "the CA file /nowhere/ca.crt: No such file"];
    told(&refused(&wrong).await, &wrong, &parts);

    // Where it does not speak TLS.
    let plain = server.url().replace("amqp://", "amqps://").replace("127.0.0.1", "localhost");
    let wrong = trusting(&plain, &authority);
    told(&refused(&wrong).await, &wrong, &["expeditor at localhost:", "TLS: ", "is not TLS"]);
}

#[tokio::test]
async fn a_certificate_whose_time_is_over_is_refused() {
    let authority = Authority::new();
    let server = server(authority.expired()).await;
    let url = trusting(&server.tls_url().unwrap(), &authority);
    told(&refused(&url).await, &url, &["expeditor at localhost:", "TLS: ", "has expired"]);
}

//! The webhook over TLS: only a server with a certificate that is trusted gets to see a message.

use std::{path::Path, sync::Arc, time::Duration};

use contracts::Timestamp;
use runtime::ports::Ports;
use servers::Authority;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use super::receiver::SECRET;
use crate::{
    channel::{
        Channel, Sent, Webhook,
        webhook::{Options, Secret},
    },
    message::Message,
    order::Draft,
    recipient::{Kind, Recipient},
    templates::{Language, Template},
};

/// Answers whoever gets through, on a port of `localhost`.
async fn server(ports: &Ports, certificate: &Path, key: &Path) -> u16 {
    let chain = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut buffer = [0; 4_096];
            drop(stream.read(&mut buffer).await);
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await);
        }
    };
    drop(ports.spawn(serving));
    port
}

#[tokio::test]
async fn a_message_goes_to_whom_is_trusted_and_to_nobody_else() {
    let ports = Ports::system();
    let (authority, other) = (Authority::new().unwrap(), Authority::new().unwrap());
    let (certificate, key) = authority.server().unwrap();
    let port = server(&ports, &certificate, &key).await;
    let recipient = Recipient { kind: Kind::Customer, id: "c1".to_owned() };
    let draft = Draft { number: 1, moment: "paid".to_owned(), recipient, template: Template::Paid };
    let order = "o1".parse().unwrap();
    let message = Message::new(&order, &draft, Language::Ko, Timestamp::from_millis(0));
    let send = async |ca_file| {
        let options = Options {
            url: format!("https://localhost:{port}/send"),
            secret: Secret::new(SECRET).unwrap(),
            timeout: Duration::from_secs(10),
            ca_file: Some(ca_file),
        };
        Webhook::new(options, &ports).unwrap().send(&message).await
    };
    assert_eq!(send(authority.ca_file()).await, Sent::Taken);
    let Sent::Later { reason, away: true, .. } = send(other.ca_file()).await else {
        panic!("it is not trusted");
    };
    assert!(reason.contains("TLS: ") && reason.contains("issuer"), "{reason}");
}

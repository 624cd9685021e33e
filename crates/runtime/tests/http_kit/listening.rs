//! Beginning and ending: the port, and what becomes of requests when the server stops.

use std::time::Duration;

use runtime::http::{ServeError, Server, ServerSettings};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    client::{head, hear, soon},
    kit::Running,
};

#[tokio::test]
async fn an_address_that_cannot_be_had_is_told_apart() {
    let server = Running::usual().await;
    let taken = Server::bind(server.address).await;
    assert!(matches!(taken, Err(ServeError::PortInUse(address)) if address == server.address));
    // An address for documentation, which no machine has.
    let foreign = Server::bind(([192, 0, 2, 1], 0).into()).await;
    assert!(matches!(foreign, Err(ServeError::Bind { .. })));
    server.stop().await;
}

#[tokio::test]
async fn a_request_in_flight_is_answered_before_the_server_ends() {
    let server = Running::usual().await;
    let (address, gate) = (server.address, server.gate.clone());
    let mut busy = TcpStream::connect(address).await.unwrap();
    busy.write_all(head("GET /gate", &[]).as_bytes()).await.unwrap();
    soon(gate.entered.notified()).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    let mut first = [0; 15];
    soon(idle.read_exact(&mut first)).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");

    let stopped = server.tell_to_stop();

    // The idle connection ends at once, and nobody is let in any more.
    soon(idle.read_to_end(&mut Vec::new())).await.unwrap();
    soon(async { while TcpStream::connect(address).await.is_ok() {} }).await;
    assert!(!stopped.is_finished());

    gate.open.notify_one();
    assert_eq!(hear(&mut busy).await.unwrap().body, "through");
    soon(stopped).await.unwrap();
}

/// Who had connected, or keeps a connection, cannot know that the server is about to end.
#[tokio::test]
async fn a_request_that_was_on_its_way_is_answered_and_ends_its_connection() {
    let leave = Duration::from_secs(10);
    let server = Running::start(ServerSettings { leave, ..ServerSettings::default() }).await;
    let request = b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n";
    let mut kept = TcpStream::connect(server.address).await.unwrap();
    kept.write_all(request).await.unwrap();
    let mut first = [0; 15];
    soon(kept.read_exact(&mut first)).await.unwrap();
    let mut fresh = TcpStream::connect(server.address).await.unwrap();
    let address = server.address;

    let stopped = server.tell_to_stop();
    // The server has been told as soon as an answer ends its connection.
    soon(async {
        loop {
            let mut other = TcpStream::connect(address).await.unwrap();
            other.write_all(request).await.unwrap();
            let mut answer = [0; 512];
            let length = other.read(&mut answer).await.unwrap();
            if String::from_utf8_lossy(&answer[..length]).contains("connection: close") {
                break;
            }
        }
    })
    .await;
    fresh.write_all(request).await.unwrap();
    let answer = hear(&mut fresh).await.expect("an answer on a new connection");
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    kept.write_all(request).await.unwrap();
    let mut rest = Vec::new();
    soon(kept.read_to_end(&mut rest)).await.unwrap();
    let rest = String::from_utf8(rest).unwrap();
    assert!(rest.contains("HTTP/1.1 200 OK") && rest.contains("connection: close"), "{rest}");
    assert!(!stopped.is_finished());
    stopped.abort();
}

#[tokio::test]
async fn a_request_that_outlasts_the_grace_period_is_cut_off() {
    let grace = Duration::from_millis(50);
    let server = Running::start(ServerSettings { grace, ..ServerSettings::default() }).await;
    let mut stuck = TcpStream::connect(server.address).await.unwrap();
    stuck.write_all(head("GET /gate", &[]).as_bytes()).await.unwrap();
    soon(server.gate.entered.notified()).await;

    server.stop().await;
    assert!(hear(&mut stuck).await.is_none());
}

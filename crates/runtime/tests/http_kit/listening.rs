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
    idle.write_all(GET).await.unwrap();
    let mut first = [0; 15];
    soon(idle.read_exact(&mut first)).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");

    let stopped = server.tell_to_stop();

    // The idle connection ends soon, and nobody is let in any more.
    soon(idle.read_to_end(&mut Vec::new())).await.unwrap();
    soon(async { while TcpStream::connect(address).await.is_ok() {} }).await;
    assert!(!stopped.is_finished());

    gate.open.notify_one();
    assert_eq!(hear(&mut busy).await.unwrap().body, "through");
    soon(stopped).await.unwrap();
}

/// Of one that is told to stop before it has accepted a connection that the system has let in, of one
/// that has sent nothing yet, and of one that was answered before.
#[tokio::test]
async fn a_request_that_is_on_its_way_is_answered_and_is_its_connections_last() {
    let server = Running::start(ServerSettings {
        // Nothing but the answer may end the connections.
        linger: Duration::from_secs(60),
        ..ServerSettings::default()
    })
    .await;
    let address = server.address;
    let mut used = TcpStream::connect(address).await.unwrap();
    used.write_all(GET).await.unwrap();
    let mut first = [0; 15];
    soon(used.read_exact(&mut first)).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let silent = TcpStream::connect(address).await.unwrap();
    // This test and the server share a thread, and this does not give it away.
    let waiting = std::net::TcpStream::connect(address).unwrap();
    let stopped = server.tell_to_stop();
    soon(async { while TcpStream::connect(address).await.is_ok() {} }).await;

    waiting.set_nonblocking(true).unwrap();
    for mut stream in [TcpStream::from_std(waiting).unwrap(), silent, used] {
        stream.write_all(GET).await.unwrap();
        let mut answers = Vec::new();
        soon(stream.read_to_end(&mut answers)).await.unwrap();
        let answers = String::from_utf8(answers).unwrap();
        assert!(answers.contains("200 OK") && answers.contains("connection: close"), "{answers}");
    }
    soon(stopped).await.unwrap();
}

/// Its connection was kept, the server ends it, and the client notices too late, or has nothing to ask.
#[tokio::test]
async fn who_asks_as_its_connection_ends_is_told_to_ask_elsewhere() {
    let linger = Duration::ZERO;
    let server = Running::start(ServerSettings { linger, ..ServerSettings::default() }).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(GET).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            soon(stream.read_buf(&mut answer)).await.unwrap();
        }
        kept.push(stream);
    }
    let stopped = server.tell_to_stop();
    for (mut stream, asks) in kept.into_iter().zip([true, false]) {
        // It has ended: there is something to read that nobody has asked for.
        soon(stream.peek(&mut [0])).await.unwrap();
        if asks {
            stream.write_all(GET).await.unwrap();
        }
        let last = soon(hear(&mut stream)).await.unwrap();
        assert_eq!((last.status, last.header("connection")), (503, Some("close")), "{last:?}");
        assert_eq!(last.json()["type"], "/problems/unavailable");
        assert_eq!(last.header("content-length"), Some(last.body.len().to_string().as_str()));
    }
    soon(stopped).await.unwrap();
}

const GET: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n";

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

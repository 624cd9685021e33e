//! What is too much, too long or too slow.

use std::time::Duration;

use runtime::http::{Limits, ServerSettings};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    client::{ask, head, hear, say, soon},
    kit::Running,
};

const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Running::usual().await;
    let long = "x".repeat(17 * 1024);
    let in_a_header = ask(server.address, "GET /me", &[("x-long", &long)]).await;
    in_a_header.is_problem(431, "headers-too-large");
    let in_the_address = ask(server.address, &format!("GET /me?{long}"), &[]).await;
    in_the_address.is_problem(431, "headers-too-large");
    let fits = ask(server.address, "GET /me", &[("x-long", &long[..15 * 1024])]).await;
    assert_eq!(fits.status, 200);

    // A head that never ends is cut off long before its time is. Whether the client hears the
    // bare 431 depends on what it was still sending.
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let endless = format!("GET /me HTTP/1.1\r\nx-long: {}", "x".repeat(1024 * 1024));
    let mut heard = Vec::new();
    let _ = soon(stream.write_all(endless.as_bytes())).await;
    let _ = soon(stream.read_to_end(&mut heard)).await;
    assert!(heard.is_empty() || heard.starts_with(b"HTTP/1.1 431 "), "{heard:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_head_is_cut_off() {
    let settings = ServerSettings { head_timeout: SHORT, ..ServerSettings::default() };
    let server = Running::start(settings).await;
    for said in ["", "GET /me HT", "GET /me HTTP/1.1\r\nhost: test\r\nx-slow: "] {
        let answer = say(server.address, said).await;
        assert!(answer.is_none(), "{said:?}: {answer:?}");
    }
    assert_eq!(ask(server.address, "GET /me", &[]).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered_without_it() {
    let limits = Limits { timeout: SHORT, ..Limits::default() };
    let server = Running::start(ServerSettings { limits, ..ServerSettings::default() }).await;
    let stuck = ask(server.address, "GET /hang", &[]).await;
    stuck.is_problem(503, "timeout");
    assert_eq!(stuck.header("retry-after"), Some("1"));

    let headers = [("content-type", "application/json"), ("content-length", "100")];
    let slow_body = head("POST /things", &headers) + "{";
    say(server.address, slow_body).await.unwrap().is_problem(503, "timeout");
    server.stop().await;
}

#[tokio::test]
async fn more_requests_than_can_be_handled_are_sent_away_and_the_probes_are_not() {
    let limits = Limits { in_flight: 1, ..Limits::default() };
    let server = Running::start(ServerSettings { limits, ..ServerSettings::default() }).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(head("GET /gate", &[]).as_bytes()).await.unwrap();
    soon(server.gate.entered.notified()).await;

    let second = ask(server.address, "GET /me", &[]).await;
    second.is_problem(503, "overloaded");
    assert_eq!(second.header("retry-after"), Some("1"));
    assert_eq!(ask(server.address, "GET /healthz", &[]).await.status, 200);
    assert_eq!(ask(server.address, "GET /readyz", &[]).await.status, 200);

    server.gate.open.notify_one();
    assert_eq!(hear(&mut first).await.unwrap().body, "through");
    assert_eq!(ask(server.address, "GET /me", &[]).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_connection_beyond_the_most_waits_for_its_turn() {
    let settings = ServerSettings { connections: 1, ..ServerSettings::default() };
    let server = Running::start(settings).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(head("GET /gate", &[]).as_bytes()).await.unwrap();
    soon(server.gate.entered.notified()).await;

    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(head("GET /me", &[]).as_bytes()).await.unwrap();
    let unanswered = tokio::time::timeout(SHORT, second.readable()).await;
    assert!(unanswered.is_err(), "answered beside the first");

    server.gate.open.notify_one();
    assert_eq!(hear(&mut first).await.unwrap().status, 200);
    drop(first);
    assert_eq!(hear(&mut second).await.unwrap().status, 200);
    server.stop().await;
}

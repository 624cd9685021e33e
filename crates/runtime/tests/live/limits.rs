//! What open streams take from others: nothing. And how many there may be, and when they end.

use std::time::Duration;

use runtime::{
    http::{Access, Limits, ServerSettings},
    ports::Ports,
};

use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::{
    client::{ask, soon},
    listener::{Heard, Listener},
    served::{BIG, Served},
};

async fn open(served: &Served) -> String {
    let text = ask(served.address, "GET /metrics", &[]).await.body;
    let line = text.lines().find_map(|line| line.strip_prefix("expeditor_http_streams_open "));
    line.unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// One connection and one request at a time: all the places that there are, and the streams leave
/// both.
#[tokio::test]
async fn streams_hold_no_place_of_requests_and_have_a_limit_of_their_own() {
    let limits = Limits { in_flight: 1, streams: 2, ..Limits::default() };
    let settings = ServerSettings { limits, connections: 1, ..ServerSettings::default() };
    let served = Served::start_with(settings, Access::Open, Ports::system()).await;
    served.count("a").await;
    let mut listeners = Vec::new();
    for _ in 0..2 {
        let mut listener = served.listen("a", &[]).await;
        assert_eq!(listener.id().await, "1");
        listeners.push(listener);
    }
    let third = ask(served.address, "GET /tallies/a/events", &[]).await;
    third.is_problem(503, "overloaded");
    assert_eq!(third.header("retry-after"), Some("5"));
    assert_eq!(open(&served).await, "2.0");
    served.count("a").await;
    for listener in &mut listeners {
        assert_eq!(listener.id().await, "2");
    }

    // Who goes away leaves a place.
    drop(listeners.pop());
    let again = async {
        loop {
            let listener = served.listen("a", &[]).await;
            if listener.status == 200 {
                return listener;
            }
        }
    };
    let mut again = soon(again).await;
    assert_eq!(again.id().await, "2");
    drop((again, listeners));
    served.until_nobody_watches().await;
    served.rig.until("no stream is open", || async { open(&served).await == "0.0" }).await;
    served.stop().await;
}

/// With all the time in the world for requests; streams end at once, also one that nobody reads.
#[tokio::test]
async fn streams_end_when_the_server_is_told_to_stop() {
    let long = Duration::from_secs(600);
    let settings = ServerSettings { linger: long, grace: long, ..ServerSettings::default() };
    let served = Served::start_with(settings, Access::Open, Ports::system()).await;
    served.count("a").await;
    let mut listeners: Vec<Listener> = Vec::new();
    for _ in 0..3 {
        let mut listener = served.listen("a", &[]).await;
        assert_eq!(listener.id().await, "1");
        listeners.push(listener);
    }
    served.stop().await;
    for listener in &mut listeners {
        assert_eq!(listener.hear().await, Heard::End);
    }
}

/// Far more is committed than all buffers on the way hold. Who does not read holds nobody up, misses
/// what lay in between, and sees the newest.
#[tokio::test]
async fn who_does_not_read_holds_nobody_up_and_goes_on_with_the_newest() {
    const CHANGES: u64 = 300;
    let served = Served::start().await;
    served.count("long").await;
    let mut slow = served.listen("long", &[]).await;
    let mut quick = served.listen("long", &[]).await;
    assert_eq!(quick.id().await, "1");
    for count in 2..=CHANGES {
        served.count("long").await;
        assert_eq!(quick.id().await, count.to_string());
    }
    let (mut last, mut told) = (0, 0);
    while last < CHANGES {
        let id: u64 = slow.id().await.parse().unwrap();
        assert!(id > last, "{id} after {last}");
        (last, told) = (id, told + 1);
    }
    assert!(told < CHANGES, "{told} events were kept for who does not read");
    served.stop().await;
}

/// One that nobody reads, with its buffers full, does not keep a server from ending.
#[tokio::test]
async fn who_does_not_read_does_not_keep_the_server_from_ending() {
    let served = Served::start().await;
    served.count("long").await;
    let slow = served.listen("long", &[]).await;
    let mut quick = served.listen("long", &[]).await;
    for count in 1..=300_u64 {
        assert_eq!(quick.id().await, count.to_string());
        served.count("long").await;
    }
    served.stop().await;
    drop(slow);
}

/// Asked for in one go with something long, of which not all is taken yet: the stream comes behind the
/// whole of it.
#[tokio::test]
async fn a_stream_behind_an_answer_that_is_still_written_comes_behind_it() {
    let settings = ServerSettings { connections: 1, ..ServerSettings::default() };
    let served = Served::start_with(settings, Access::Open, Ports::system()).await;
    served.count("a").await;
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    let ask = |path| format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n");
    let both = ask("/big") + &ask("/tallies/a/events");
    socket.write_all(both.as_bytes()).await.unwrap();
    let mut listener = soon(Listener::behind(BufReader::new(socket), BIG)).await;
    assert_eq!((listener.status, listener.id().await.as_str()), (200, "1"));
    assert_eq!(open(&served).await, "1.0", "another connection is let in");
    served.count("a").await;
    assert_eq!(listener.id().await, "2");
    served.stop().await;
    assert_eq!(listener.hear().await, Heard::End);
}

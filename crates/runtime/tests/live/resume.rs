//! What a stream tells: how it stands, each change, and nothing twice.

use std::{sync::atomic::Ordering, time::Duration};

use runtime::{
    auth::{Algorithm, Keys, Role, Signer, Verifier, generate},
    http::{Access, ServerSettings},
};

use super::{
    client::ask,
    listener::Heard,
    served::{ByHand, END, ENDS, Served},
    toy::Ask,
};

fn event(id: &str, count: u64) -> Heard {
    Heard::Event(id.to_owned(), format!(r#"{{"count":{count},"padding":""}}"#))
}

#[tokio::test]
async fn a_stream_tells_how_it_stands_and_then_each_change() {
    let served = Served::start().await;
    served.count("a").await;
    let mut listener = served.listen("a", &[]).await;
    assert_eq!(listener.status, 200);
    for header in [
        "content-type: text/event-stream\r\n",
        "cache-control: no-store\r\n",
        "x-accel-buffering: no\r\n",
        "x-request-id: ",
    ] {
        assert!(listener.head.contains(header), "{header} in {}", listener.head);
    }
    let Heard::Retry(retry) = listener.hear().await else { panic!("when to come back") };
    assert!((1_000..2_000).contains(&retry));
    assert_eq!(listener.hear().await, event("1", 1));
    for count in 2..=5 {
        served.count("a").await;
        served.count("another").await;
        assert_eq!(listener.hear().await, event(&count.to_string(), count));
    }
    // What changes without a change of what is shown is told by its version too.
    served.rig.ask(Ask::Wake("a".to_owned(), served.rig.ports.now())).await.unwrap();
    assert_eq!(listener.hear().await, event("6", 5));
    served.stop().await;
}

#[tokio::test]
async fn who_comes_back_is_told_what_was_missed_and_nothing_that_was_seen() {
    let served = Served::start().await;
    for _ in 0..3 {
        served.count("a").await;
    }
    // The present one was seen, an older one, one of another life, and nonsense.
    for (last, first) in [("3", None), ("2", Some("3")), ("9", Some("3")), ("x y", Some("3"))] {
        let mut listener = served.listen("a", &[("last-event-id", last)]).await;
        assert!(matches!(listener.hear().await, Heard::Retry(_)), "{last}");
        if let Some(first) = first {
            assert_eq!(listener.id().await, first, "{last}");
        }
        drop(listener);
        served.until_nobody_watches().await;
    }
    let mut listener = served.listen("a", &[("last-event-id", "3")]).await;
    served.count("a").await;
    assert_eq!(listener.id().await, "4");
    served.stop().await;
}

#[tokio::test]
async fn what_is_not_there_has_no_stream() {
    let served = Served::start().await;
    let unknown = ask(served.address, "GET /tallies/none/events", &[]).await;
    unknown.is_problem(404, "not-found");
    served.until_nobody_watches().await;
    served.stop().await;
}

#[tokio::test]
async fn a_stream_ends_behind_the_last_event_and_is_not_begun_again() {
    let served = Served::start().await;
    served.count(ENDS).await;
    let mut listener = served.listen(ENDS, &[]).await;
    for _ in 1..END {
        served.count(ENDS).await;
    }
    let (mut last, end) = (0, END.to_string());
    loop {
        match listener.hear().await {
            Heard::Event(id, _) => {
                let id = id.parse().unwrap();
                assert!(id > last, "{id} after {last}");
                last = id;
            }
            Heard::End => break,
            Heard::Retry(_) | Heard::Beat => {}
        }
    }
    assert_eq!(last, END);
    let mut again = served.listen(ENDS, &[("last-event-id", "2")]).await;
    assert_eq!(again.id().await, end);
    assert_eq!(again.hear().await, Heard::End);
    let seen = served.listen(ENDS, &[("last-event-id", &end)]).await;
    assert_eq!((seen.status, seen.rest().await.as_str()), (204, ""));
    served.until_nobody_watches().await;
    served.stop().await;
}

#[tokio::test]
async fn a_silent_stream_beats_and_ends_with_the_token_that_it_was_asked_for_with() {
    let (clock, ports) = ByHand::new();
    let keys = generate::key_set(Algorithm::Hs256).unwrap();
    let signer = Signer::new(Keys::parse(&keys).unwrap(), ports.clone()).unwrap();
    let access = Access::Tokens(Verifier::new(Keys::parse(&keys).unwrap()));
    let served = Served::start_with(ServerSettings::default(), access, ports).await;
    served.count("a").await;
    let token = signer.token(Role::Customer, "mina", Duration::from_secs(20));
    let headers = [("authorization", format!("Bearer {token}"))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut listener = served.listen("a", &headers).await;
    assert_eq!(listener.id().await, "1");
    clock.awaited(Duration::from_secs(15)).await;
    clock.advance(Duration::from_secs(15));
    assert_eq!(listener.hear().await, Heard::Beat);
    served.count("a").await;
    assert_eq!(listener.id().await, "2");
    // A token is taken some seconds longer than it says, and its end is a whole second.
    clock.advance(Duration::from_secs(11));
    assert_eq!(listener.hear().await, Heard::End);
    let again = served.listen("a", &headers).await;
    assert_eq!(again.status, 401);
    served.stop().await;
}

/// The database is away when a change is told; once it is back, the change is seen.
#[tokio::test]
async fn a_stream_outlives_a_database_that_is_away() {
    let (clock, ports) = ByHand::new();
    let served = Served::start_with(ServerSettings::default(), Access::Open, ports).await;
    served.count("a").await;
    let mut listener = served.listen("a", &[]).await;
    assert_eq!(listener.id().await, "1");
    served.away.store(true, Ordering::SeqCst);
    served.count("a").await;
    clock.awaited(Duration::from_secs(1)).await;
    served.away.store(false, Ordering::SeqCst);
    clock.advance(Duration::from_secs(1));
    assert_eq!(listener.id().await, "2");
    served.stop().await;
}

/// Nothing but the path tells of changes here: SQLite has one process only.
#[tokio::test]
async fn hundreds_of_changes_at_once_are_seen_to_the_last() {
    let served = Served::start().await;
    served.count("a").await;
    let mut listeners = Vec::new();
    for _ in 0..20 {
        listeners.push(served.listen("a", &[]).await);
    }
    let counting = async {
        let counts = (0..200).map(|_| served.count("a"));
        futures_util::future::join_all(counts).await;
    };
    let hearing = async {
        for listener in &mut listeners {
            let mut last = 0;
            while last < 201 {
                let id: u64 = listener.id().await.parse().unwrap();
                assert!(id > last, "{id} after {last}");
                last = id;
            }
        }
    };
    tokio::join!(counting, hearing);
    served.stop().await;
}

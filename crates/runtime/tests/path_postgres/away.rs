//! The server goes away under load: requests are answered 503, messages wait, nothing is
//! acknowledged that was not committed, and once it is back everything goes on.

use std::time::Duration;

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use runtime::db::Database;
use servers::{Postgres, PostgresOptions};
use tokio::task::spawn_blocking;

use crate::{
    start,
    toy::{Acknowledged, Ask, Rig, tally},
};

/// Does something to the server, which blocks.
async fn with(
    mut server: Postgres,
    act: impl FnOnce(&mut Postgres) -> Result<(), servers::Error> + Send + 'static,
) -> Postgres {
    let acted = spawn_blocking(move || act(&mut server).map(|()| server));
    acted.await.unwrap().unwrap()
}

async fn deliver(rig: &Rig, from: usize, count: usize) -> Vec<(String, Acknowledged)> {
    let mut all = Vec::new();
    for n in from..from + count {
        let order = format!("o{n}");
        let acknowledged = rig.deliver(rig.command(&order)).await;
        all.push((order, acknowledged));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_is_stopped_messages_wait_and_requests_are_refused() {
    let server = spawn_blocking(|| Postgres::start(&PostgresOptions::default()));
    let server = server.await.unwrap().unwrap();
    let rig = start(&server.url()).await;
    for (_, acknowledged) in deliver(&rig, 0, 10).await {
        acknowledged.wait().await;
    }

    let server = with(server, Postgres::stop).await;
    let waiting = deliver(&rig, 10, 50).await;
    for round in 0..3 {
        let problem = rig.ask(Ask::Count("asked".to_owned())).await.unwrap_err();
        assert_eq!((problem.status, problem.retry_after), (503, Some(1)), "round {round}");
        let problem = rig.running.handle().get(&tally("o1")).await.unwrap_err();
        assert_eq!(problem.status, 503, "reading in round {round}");
    }
    // Whenever somebody asks, they wait for one attempt and not for two.
    let ask = async |n: usize| {
        let began = rig.ports.clock.elapsed();
        let problem = rig.ask(Ask::Count("asked".to_owned())).await.unwrap_err();
        assert_eq!(problem.status, 503, "request {n}");
        rig.ports.clock.elapsed().saturating_sub(began)
    };
    let (mut asking, mut longest) = (FuturesUnordered::new(), Duration::ZERO);
    let mut asked = 0;
    while asked < 16 {
        asking.push(ask(asked));
        asked += 1;
        tokio::select! {
            Some(took) = asking.next() => longest = longest.max(took),
            () = rig.ports.clock.sleep(Duration::from_millis(250)) => {}
        }
    }
    longest = asking.fold(longest, async |longest, took| longest.max(took)).await;
    println!("refused after {longest:?} at most");
    assert!(longest < Duration::from_millis(4_500), "refused after {longest:?}");
    let mut waiting = waiting;
    for (order, acknowledged) in &mut waiting {
        assert!(!acknowledged.given(), "{order} cannot have been committed");
    }

    let server = with(server, Postgres::restart).await;
    let back = rig.ports.clock.elapsed();
    let mut rest = waiting.into_iter();
    rest.next().unwrap().1.wait().await;
    let took = rig.ports.clock.elapsed().saturating_sub(back);
    // Within 2 s where nothing else keeps the machine busy.
    assert!(took < Duration::from_secs(8), "it took {took:?}");
    println!("went on after {took:?}");
    for (_, acknowledged) in rest {
        acknowledged.wait().await;
    }
    for n in 0..60 {
        assert_eq!(rig.tally(&format!("o{n}")).await.unwrap().count, 1, "o{n}");
    }
    assert!(rig.tally("asked").await.is_none(), "what was refused was not done");
    rig.ask(Ask::Count("asked".to_owned())).await.unwrap();
    assert!(rig.database.reader().dead_letters(0, 1).await.unwrap().is_empty());
    rig.stop().await.database.close().await;
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_again_and_again_loses_and_doubles_nothing() {
    let server = spawn_blocking(|| Postgres::start(&PostgresOptions::default()));
    let mut server = server.await.unwrap().unwrap();
    let rig = start(&server.url()).await;
    let rounds = 4;
    for round in 0..rounds {
        let mut all = deliver(&rig, round * 400, 400).await;
        // In the middle of it.
        all.remove(0).1.wait().await;
        server = with(server, |server| {
            server.kill()?;
            server.restart()
        })
        .await;
        // Connections that were in use a moment ago are found to be dead when they are used next.
        let readable = || async { rig.running.handle().get(&tally("o0")).await.is_ok() };
        rig.until("what was stored can be read", readable).await;
        for (order, mut acknowledged) in all {
            let given = acknowledged.given();
            let stored = rig.tally(&order).await;
            assert!(stored.is_some() || !given, "{order} was acknowledged and is not there");
            if !given {
                acknowledged.wait().await;
            }
        }
    }
    for n in 0..rounds * 400 {
        assert_eq!(rig.tally(&format!("o{n}")).await.unwrap().count, 1, "o{n}");
    }
    assert!(rig.database.reader().dead_letters(0, 1).await.unwrap().is_empty());
    rig.stop().await.database.close().await;
    drop(server);
}

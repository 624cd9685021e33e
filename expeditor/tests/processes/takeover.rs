//! Two relays, of which one is killed and stays away: the other takes its share over.

use std::time::Duration;

use crate::{
    eyes::Eyes,
    place::Place,
    stage::{Load, end_well, ground, long_deadlines, start_with},
};

/// Within this from the crash, another relay has taken over.
const TAKEN_OVER: Duration = Duration::from_secs(15);
/// So many messages wait for the one that was killed.
const SOME: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_relay_takes_the_others_share_over_within_fifteen_seconds_of_its_crash() {
    let place = Place::new().await;
    let (ground, dir) = (ground(&place), tempfile::tempdir().unwrap());
    let stage = start_with(&place, &ground, dir.path(), |plan| {
        long_deadlines(plan, Duration::from_secs(60));
    })
    .await;
    let eyes = Eyes::open(&place, &ground).await;
    let disturb = async {
        for name in ["relay-1", "relay-2"] {
            let both = async || eyes.relays().await == 2;
            eyes.until(eyes.now(), "both have a share of each outbox", both).await;
            stage.fleet.kill(name).unwrap();
            let killed = eyes.now();
            let enough = async || eyes.stuck().await.len() >= SOME;
            eyes.until(killed, "messages wait for it", enough).await;
            let wait = eyes.stuck().await;
            let sent = async || wait.is_disjoint(&eyes.unsent().await);
            let took = eyes.until(killed, "the other one sends them", sent).await;
            println!("{name}: {} messages waited and were sent after {took:?}", wait.len());
            assert!(took < TAKEN_OVER, "{name}'s messages were sent after {took:?}");
            let none = async || eyes.stuck().await.is_empty();
            eyes.until(killed, "nothing is stuck without it", none).await;
            stage.fleet.launch(name).await.unwrap();
        }
    };
    let (show, ()) = Load { seed: 31, rate: 6.0, first: Vec::new() }.during(&stage, disturb).await;
    end_well(stage, &show).await;
}

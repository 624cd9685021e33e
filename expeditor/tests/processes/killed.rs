//! Processes that are killed while people order, one after another, and started again: what waited
//! for one goes on within 2 s of the moment at which it is ready again. Nobody is refused anything,
//! every order ends as it was meant to, and the audit holds.
//!
//! An order waits for a participant where the orchestrator has asked for it and the participant has
//! nothing about it; for both orchestrators, where they have not heard what a participant has said;
//! for a subscriber, where a message lies in its queue: no order waits for it at all;
//! for a relay, where a message lies in an outbox for longer than it takes to send one.

use std::time::Duration;

use contracts::ServiceName::{
    self, Cook, Mypage, Notification, Orchestrator, Payment, Rider, Store,
};
use expeditor::{fleet::OnServers, people::plan::Plan};
use runtime::auth::Role;

use crate::{
    eyes::Eyes,
    place::Place,
    stage::{Load, end_well, ground, long_deadlines, start_with},
};

/// Within this, orders go on.
const SOON: Duration = Duration::from_secs(2);
/// So many orders or messages wait before a process is started again.
const SOME: usize = 10;

/// Participants, with the states in which orders wait for them.
const PARTICIPANTS: [(ServiceName, &[&str]); 4] = [
    (Payment, &["placed"]),
    (Store, &["paid"]),
    (Cook, &["accepted"]),
    (Rider, &["cooking", "cooked"]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn orders_go_on_within_two_seconds_of_the_restart_of_whoever_was_killed() {
    let place = Place::new().await;
    let (ground, dir) = (ground(&place), tempfile::tempdir().unwrap());
    let stage = start_with(&place, &ground, dir.path(), |plan| {
        long_deadlines(plan, Duration::from_secs(30));
    })
    .await;
    let eyes = Eyes::open(&place, &ground).await;
    let first = vec![Plan::SilentOwner, Plan::SilentCook];
    let load = Load { seed: 23, rate: 10.0, first };
    let disturb = async {
        // What is handed over while relays share an outbox out waits as well.
        let both = async || eyes.relays().await == 2;
        eyes.until(eyes.now(), "both relays have a share of each outbox", both).await;
        for (service, waiting) in PARTICIPANTS {
            participant(&stage, &eyes, service, waiting).await;
        }
        for service in [Mypage, Notification] {
            subscriber(&stage, &eyes, service).await;
        }
        for name in ["orchestrator-1", "orchestrator-2"] {
            one_orchestrator(&stage, &eyes, name).await;
        }
        both_orchestrators(&stage, &eyes).await;
        for name in ["relay-1", "relay-2"] {
            relay(&stage, &eyes, name).await;
        }
    };
    let (show, ()) = load.during(&stage, disturb).await;
    assert!(show.acknowledged.len() > 50, "{} orders are no load", show.acknowledged.len());
    end_well(stage, &show).await;
}

/// Everything that waits for a participant when it is started again is in its hands soon.
async fn participant(stage: &OnServers, eyes: &Eyes, service: ServiceName, states: &[&str]) {
    let name = format!("{service}-1");
    stage.fleet.kill(&name).unwrap();
    let killed = eyes.now();
    let waiting = async || &eyes.orders(states).await - &eyes.asked(service).await;
    let enough = async || waiting().await.len() >= SOME;
    let down = eyes.until(killed, &format!("orders wait for {service}"), enough).await;
    let wait = waiting().await;
    let started = eyes.now();
    stage.fleet.launch(&name).await.unwrap();
    let ready = eyes.now();
    let first = async || !wait.is_disjoint(&eyes.asked(service).await);
    let first = eyes.until(ready, "the first one goes on", first).await;
    let all = async || wait.is_subset(&eyes.asked(service).await);
    let all = eyes.until(ready, &format!("{service} is asked for all"), all).await;
    println!(
        "{name}: {} orders waited after {down:?}; ready {:?} after its start; they went on after \
         {first:?}, all of them after {all:?}",
        wait.len(),
        ready.saturating_sub(started),
    );
    assert!(all < SOON, "{name}: {} orders went on after {all:?}", wait.len());
}

/// Nobody waits for a subscriber; it goes on soon, and hears all that was told meanwhile.
async fn subscriber(stage: &OnServers, eyes: &Eyes, service: ServiceName) {
    let name = format!("{service}-1");
    stage.fleet.kill(&name).unwrap();
    let killed = eyes.now();
    let before = eyes.versions().await;
    let moved = async || some_moved(&before, &eyes.versions().await) >= SOME;
    let meanwhile = eyes.until(killed, "orders go on without it", moved).await;
    let waiting = async || stage.ground.queued_for(service).await.unwrap();
    let enough = async || waiting().await >= SOME as u64;
    let down = eyes.until(killed, &format!("messages wait for {service}"), enough).await;
    let (heard, wait) = (eyes.taken_in(service).await, waiting().await);
    stage.fleet.launch(&name).await.unwrap();
    let ready = eyes.now();
    let first = async || eyes.taken_in(service).await > heard;
    let first = eyes.until(ready, "the first message is heard", first).await;
    let wanted = heard + i64::try_from(wait).unwrap();
    let all = async || eyes.taken_in(service).await >= wanted;
    let all = eyes.until(ready, "all that was told is heard", all).await;
    println!(
        "{name}: orders went on after {meanwhile:?}; {wait} messages waited after {down:?}, the \
         first was heard after {first:?}, all after {all:?}"
    );
    assert!(meanwhile < SOON, "orders went on after {meanwhile:?} while {name} was down");
    // How long all take depends on how many there are, and on the machine.
    assert!(first < SOON, "the first of {wait} messages was heard after {first:?}");
}

/// The other one goes on meanwhile; the one that was killed does its share soon.
async fn one_orchestrator(stage: &OnServers, eyes: &Eyes, name: &str) {
    stage.fleet.kill(name).unwrap();
    let killed = eyes.now();
    let before = eyes.versions().await;
    let moved = async || some_moved(&before, &eyes.versions().await) >= SOME;
    let meanwhile = eyes.until(killed, "orders go on at the other one", moved).await;
    let placed = async || eyes.versions().await.len() >= before.len() + SOME;
    eyes.until(killed, "orders are placed at the other one", placed).await;
    stage.fleet.launch(name).await.unwrap();
    let ready = eyes.now();
    let works = async || inputs(stage, name).await > 0.0;
    let works = eyes.until(ready, &format!("{name} takes messages"), works).await;
    println!("{name}: orders went on at the other one after {meanwhile:?}, here after {works:?}");
    assert!(meanwhile < SOON, "orders went on after {meanwhile:?} while {name} was down");
    assert!(works < SOON, "{name} took its first message after {works:?}");
}

/// Nothing goes on without them, and all that was said meanwhile is heard soon.
async fn both_orchestrators(stage: &OnServers, eyes: &Eyes) {
    let names = ["orchestrator-1", "orchestrator-2"];
    for name in names {
        stage.fleet.kill(name).unwrap();
    }
    let killed = eyes.now();
    let waiting = async || stage.ground.queued_for(Orchestrator).await.unwrap() >= SOME as u64;
    let down = eyes.until(killed, "messages wait for an orchestrator", waiting).await;
    let before = eyes.versions().await;
    let heard = eyes.taken_in(Orchestrator).await;
    let wait = stage.ground.queued_for(Orchestrator).await.unwrap();
    stage.fleet.launch(names[0]).await.unwrap();
    let ready = eyes.now();
    let moved = async || some_moved(&before, &eyes.versions().await) > 0;
    let moved = eyes.until(ready, "an order goes on", moved).await;
    let wanted = heard + i64::try_from(wait).unwrap();
    let all = async || eyes.taken_in(Orchestrator).await >= wanted;
    let all = eyes.until(ready, "all that was said is heard", all).await;
    println!(
        "both orchestrators: {wait} messages waited after {down:?}; orders went on after \
         {moved:?}, all was heard after {all:?}"
    );
    assert!(all < SOON, "{wait} messages were heard after {all:?}");
    stage.fleet.launch(names[1]).await.unwrap();
}

/// Everything that lies in its share of the outboxes when it is started again is sent soon.
async fn relay(stage: &OnServers, eyes: &Eyes, name: &str) {
    stage.fleet.kill(name).unwrap();
    let killed = eyes.now();
    let enough = async || eyes.stuck().await.len() >= SOME;
    let down = eyes.until(killed, "messages wait for a relay", enough).await;
    let wait = eyes.stuck().await;
    let started = eyes.now();
    stage.fleet.launch(name).await.unwrap();
    let ready = eyes.now();
    let all = async || wait.is_disjoint(&eyes.unsent().await);
    let all = eyes.until(ready, "they are sent", all).await;
    println!(
        "{name}: {} messages waited after {down:?}; ready {:?} after its start; they were sent \
         after {all:?}",
        wait.len(),
        ready.saturating_sub(started),
    );
    assert!(all < SOON, "{name}: {} messages were sent after {all:?}", wait.len());
}

/// How many orders have gone on.
fn some_moved<T: PartialOrd>(
    before: &std::collections::BTreeMap<String, T>,
    after: &std::collections::BTreeMap<String, T>,
) -> usize {
    before.iter().filter(|(id, version)| after.get(*id).is_some_and(|it| it > *version)).count()
}

/// How many messages a process has taken in since its start, as its metrics say.
async fn inputs(stage: &OnServers, name: &str) -> f64 {
    let member = stage.fleet.members().into_iter().find(|member| member.name == name).unwrap();
    let url = format!("http://{}/metrics", member.address.unwrap());
    let token = stage.tokens.as_ref().unwrap().token(Role::Operator).unwrap();
    let request = reqwest::Client::new().get(url).bearer_auth(token);
    let answer = request.send().await.unwrap().error_for_status().unwrap();
    let text = answer.text().await.unwrap();
    let lines = text.lines().filter(|line| line.starts_with("expeditor_inputs_total{"));
    let messages = lines.filter(|line| line.contains("message"));
    messages.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

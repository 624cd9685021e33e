//! The path, on SQLite: what is committed, when it is acknowledged, and what one bad input can
//! do to the others.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::atomic::Ordering, time::Duration};

use contracts::MessageId;
use futures_util::future::join_all;
use runtime::{
    Reply,
    broker::Reach,
    db::{Database, DbError},
};

mod toy;

use toy::{Ask, Rig, command, said};

async fn dead_letters(rig: &Rig) -> Vec<(Vec<u8>, String)> {
    let kept = rig.database.reader().dead_letters(0, 100).await.unwrap();
    kept.into_iter().map(|kept| (kept.letter.bytes, kept.letter.error)).collect()
}

#[tokio::test]
async fn a_message_is_acknowledged_after_its_commit() {
    let rig = Rig::start().await;
    rig.deliver(rig.command("o1")).await.wait().await;
    assert_eq!(rig.tally("o1").await.unwrap().count, 1);
    let rows = rig.database.outbox().read(0, 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].key.as_str(), rows[0].seq), ("tally/o1", 1));
    assert_eq!(rows[0].routing_key, "store.stock-settled");
    assert!(matches!(said(&rows[0].payload), contracts::Message::Event(_)));
    let published = rig.database.reader().published(0, 10).await.unwrap();
    assert_eq!((published.len(), published[0].sequence), (1, 1));
}

#[tokio::test]
async fn a_message_counts_once_however_often_it_comes() {
    let rig = Rig::start().await;
    let same = command("o1", MessageId(rig.ports.ids.next()), rig.ports.now());
    // Twice in one batch, and again after the commit, as after a lost acknowledgement.
    let (first, second) = (rig.deliver(same.clone()).await, rig.deliver(same.clone()).await);
    first.wait().await;
    second.wait().await;
    rig.deliver(same).await.wait().await;
    rig.deliver(rig.command("o1")).await.wait().await;
    assert_eq!(rig.tally("o1").await.unwrap().count, 2);
}

#[tokio::test]
async fn a_poison_message_stands_alone() {
    let rig = Rig::start().await;
    let mut all = Vec::new();
    let bad = ["panic", "dead", "jump", "stranger"];
    for order in ["a", "panic", "b", "dead", "c", "jump", "d", "stranger", "e"] {
        all.push(rig.deliver(rig.command(order)).await);
    }
    all.push(rig.deliver("not json").await);
    all.push(rig.deliver(vec![0_u8, 0xff, b'{']).await);
    all.push(rig.deliver(rig.command("f")).await);
    for acknowledged in all {
        acknowledged.wait().await;
    }
    for order in ["a", "b", "c", "d", "e", "f"] {
        assert_eq!(rig.tally(order).await.unwrap().count, 1, "{order}");
    }
    let dead = dead_letters(&rig).await;
    assert_eq!(dead.len(), bad.len() + 2);
    for (order, why) in bad.iter().zip([
        "panicked: ",
        "told to give up",
        "jump is saved as 2 over 0",
        "speaks without being there",
    ]) {
        let error = dead
            .iter()
            .find(|(bytes, _)| String::from_utf8_lossy(bytes).contains(order))
            .map(|(_, error)| error.clone());
        assert!(error.as_ref().is_some_and(|error| error.contains(why)), "{order}: {error:?}");
        assert!(rig.tally(order).await.is_none(), "nothing of {order} was stored");
    }
    assert!(dead.iter().any(|(bytes, _)| bytes == &[0, 0xff, b'{']), "bytes are kept as they came");
}

#[tokio::test]
async fn what_the_broker_gave_up_is_kept_and_not_decided_upon() {
    let rig = Rig::start().await;
    let given_up = rig.command("o1");
    for bytes in [given_up.clone().into_bytes(), vec![0, 0xff]] {
        rig.deliver_dead(bytes, Some("gave it up")).await.wait().await;
    }
    let kept = vec![
        (given_up.clone().into_bytes(), "given-up: gave it up".to_owned()),
        (vec![0, 0xff], "given-up: gave it up".to_owned()),
    ];
    assert_eq!(dead_letters(&rig).await, kept);
    assert!(rig.tally("o1").await.is_none(), "nothing was decided");

    // A message that was carried out after all, but not acknowledged in time, is no dead letter.
    let done = rig.command("o2");
    rig.deliver(done.clone()).await.wait().await;
    rig.deliver_dead(done, Some("gave it up")).await.wait().await;
    assert_eq!(dead_letters(&rig).await, kept);
}

#[tokio::test]
async fn a_request_that_cannot_be_carried_out_harms_no_other() {
    let rig = Rig::start().await;
    let asks = ["a", "panic", "b"].map(|id| rig.ask(Ask::Count(id.to_owned())));
    let answers = join_all(asks).await;
    assert!(matches!(&answers[0], Ok(Reply::Done { status: 200, .. })));
    assert_eq!(answers[1].as_ref().unwrap_err().status, 500);
    assert!(matches!(&answers[2], Ok(Reply::Done { status: 200, .. })));
}

#[tokio::test]
async fn concurrent_requests_share_commits() {
    let rig = Rig::start().await;
    let many = 200;
    let asks = (0..many).map(|n| rig.ask(Ask::Count(format!("o{}", n % 10))));
    for answer in join_all(asks).await {
        answer.unwrap();
    }
    let begun = rig.database.begun.load(Ordering::SeqCst);
    assert!(begun < many / 4, "{many} requests took {begun} transactions");
    assert_eq!(rig.tally("o3").await.unwrap().count, 20);
}

#[tokio::test]
async fn later_inputs_see_what_earlier_ones_of_their_batch_made() {
    let rig = Rig::start().await;
    // The second one names the sum only because the first one made the tally.
    let asks = (0..3).map(|_| rig.ask(Ask::CountInSum("o1".to_owned())));
    for answer in join_all(asks).await {
        answer.unwrap();
    }
    assert_eq!(rig.tally("o1").await.unwrap().count, 3);
    let all = rig.running.handle().get(&toy::sum()).await.unwrap().unwrap();
    assert_eq!(all.count, 2);
}

#[tokio::test]
async fn without_its_database_a_service_refuses_requests_and_loses_no_message() {
    let rig = Rig::start().await;
    rig.database.fail_with(Some(DbError::Unavailable("gone".to_owned())));
    let mut waiting = rig.deliver(rig.command("o1")).await;
    let problem = rig.ask(Ask::Count("o2".to_owned())).await.unwrap_err();
    assert_eq!((problem.status, problem.retry_after), (503, Some(1)));
    assert!(!waiting.given());
    rig.database.fail_with(None);
    waiting.wait().await;
    assert_eq!(rig.tally("o1").await.unwrap().count, 1);
    assert!(rig.tally("o2").await.is_none(), "what was refused was not done");
}

#[tokio::test]
async fn timers_fire_once_the_gate_is_open() {
    let rig = Rig::start().await;
    let now = rig.ports.now();
    rig.ask(Ask::Wake("due".to_owned(), now)).await.unwrap();
    let later = now.plus(Duration::from_secs(3600));
    rig.ask(Ask::Wake("later".to_owned(), later)).await.unwrap();
    assert_eq!(rig.tally("due").await.unwrap().woken, 0, "the gate is closed");
    rig.timers.send_replace(true);
    let rig = &rig;
    rig.until("the timer fires", || async { rig.tally("due").await.unwrap().woken == 1 }).await;
    // Set while the timers' task waits for another one that is due later.
    let soon = rig.ports.now().plus(Duration::from_millis(30));
    rig.ask(Ask::Wake("soon".to_owned(), soon)).await.unwrap();
    rig.until("an earlier timer fires", || async { rig.tally("soon").await.unwrap().woken == 1 })
        .await;
    assert_eq!(rig.tally("later").await.unwrap().woken, 0);
}

#[tokio::test]
async fn what_was_acknowledged_before_a_stop_is_stored() {
    let rig = Rig::start().await;
    let mut all = Vec::new();
    for n in 0..600 {
        all.push(rig.deliver(rig.command(&format!("o{n}"))).await);
    }
    let rest = all.split_off(1);
    all.remove(0).wait().await;
    let rig = rig.stop().await;
    let mut given = 1;
    for (n, mut acknowledged) in rest.into_iter().enumerate() {
        let key = toy::tally(&format!("o{}", n + 1));
        let stored = rig.database.reader().get(&key).await.unwrap().is_some();
        let acknowledged = acknowledged.given();
        given += u32::from(acknowledged);
        assert!(stored || !acknowledged, "o{} was acknowledged and is not there", n + 1);
    }
    assert!(given < 600, "it was stopped in the middle");
}

#[tokio::test]
async fn a_message_passes_its_trace_on() {
    let rig = Rig::start().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut envelope: serde_json::Value = serde_json::from_str(&rig.command("o1")).unwrap();
    envelope["traceparent"] = trace.into();
    rig.deliver(envelope.to_string()).await.wait().await;
    let rows = rig.database.outbox().read(0, 10).await.unwrap();
    let said: serde_json::Value = serde_json::from_str(&rows[0].payload).unwrap();
    assert_eq!(said["traceparent"], trace);
    assert_eq!(said["causationid"], envelope["id"]);
}

#[tokio::test]
async fn damage_and_long_conflicts_make_no_dead_letters() {
    for error in [DbError::Corrupt("a page".to_owned()), DbError::Conflict("a lock".to_owned())] {
        let rig = Rig::start().await;
        rig.database.fail_with(Some(error));
        let mut waiting = rig.deliver(rig.command("o1")).await;
        let problem = rig.ask(Ask::Count("o2".to_owned())).await.unwrap_err();
        assert_eq!(problem.status, 503);
        assert!(!waiting.given());
        rig.database.fail_with(None);
        waiting.wait().await;
        assert!(dead_letters(&rig).await.is_empty());
        assert_eq!(rig.tally("o1").await.unwrap().count, 1);
    }
}

#[tokio::test]
async fn what_the_database_rejects_is_found_and_buried() {
    let rig = Rig::start().await;
    rig.database.reject("bad");
    let mut all = Vec::new();
    for order in ["a", "b", "bad", "c", "d"] {
        all.push(rig.deliver(rig.command(order)).await);
    }
    for acknowledged in all {
        acknowledged.wait().await;
    }
    let dead = dead_letters(&rig).await;
    assert_eq!(dead.len(), 1);
    assert!(dead[0].1.starts_with("not-carried-out: "), "{dead:?}");
    assert!(dead[0].1.contains("the test rejects it"), "{dead:?}");
    for order in ["a", "b", "c", "d"] {
        assert_eq!(rig.tally(order).await.unwrap().count, 1, "{order}");
    }
}

#[tokio::test]
async fn a_timer_that_cannot_be_decided_about_is_put_off() {
    let rig = Rig::start().await;
    let now = rig.ports.now();
    rig.ask(Ask::Wake("trap".to_owned(), now)).await.unwrap();
    rig.timers.send_replace(true);
    let rig = &rig;
    rig.until("it is put off", || async {
        let row = rig.database.reader().get(&toy::tally("trap")).await.unwrap().unwrap();
        row.wake_at.unwrap() > now.plus(Duration::from_secs(30))
    })
    .await;
    assert!(dead_letters(rig).await.is_empty(), "a timer is no message");
}

#[tokio::test]
async fn while_no_message_reaches_the_service_its_timers_wait() {
    let rig = Rig::start_within(Reach::none_yet()).await;
    rig.timers.send_replace(true);
    let now = rig.ports.now();
    rig.ask(Ask::Wake("due".to_owned(), now)).await.unwrap();
    let rig = &rig;
    let long = now.plus(Duration::from_millis(1_500));
    rig.until("timers had their time", || async { rig.ports.now() > long }).await;
    assert_eq!(rig.tally("due").await.unwrap().woken, 0, "an answer may wait somewhere");
    let heard = rig.ports.now();
    rig.reach.regained(heard);
    rig.until("it fires", || async { rig.tally("due").await.unwrap().woken == 1 }).await;
    assert_eq!(rig.tally("due").await.unwrap().deaf_until, Some(heard), "and is told since when");

    rig.reach.lost(rig.ports.now());
    rig.ask(Ask::Wake("later".to_owned(), rig.ports.now())).await.unwrap();
    let long = rig.ports.now().plus(Duration::from_millis(1_500));
    rig.until("timers had their time", || async { rig.ports.now() > long }).await;
    assert_eq!(rig.tally("later").await.unwrap().woken, 0);
    rig.reach.regained(rig.ports.now());
    rig.until("it fires", || async { rig.tally("later").await.unwrap().woken == 1 }).await;
}

#[tokio::test]
async fn while_its_own_messages_wait_a_timer_is_told_that_others_may_wait_too() {
    let rig = Rig::start().await;
    rig.timers.send_replace(true);
    let rig = &rig;
    let told = |order: &'static str| async move {
        rig.ask(Ask::Wake(order.to_owned(), rig.ports.now())).await.unwrap();
        rig.until("it fires", || async { rig.tally(order).await.unwrap().woken == 1 }).await;
        rig.tally(order).await.unwrap().deaf_until
    };
    let began = rig.ports.now();
    assert_eq!(told("a").await, None);
    // Nobody relays here.
    let handle = rig.running.handle();
    let long = Duration::from_secs(7);
    rig.until("messages wait", || async { handle.backlog().age(rig.ports.now()) > long }).await;
    assert!(told("b").await.unwrap() >= began.plus(Duration::from_secs(5)), "until the last look");

    let rows = rig.database.outbox().read(0, 100).await.unwrap();
    rig.database.outbox().delete(rows.iter().map(|row| row.id).collect()).await.unwrap();
    rig.until("they have got through", || async { handle.backlog().rows() == 0 }).await;
    let heard = told("c").await.unwrap();
    rig.until("the outbox was looked at again", || async { handle.backlog().rows() > 0 }).await;
    assert_eq!(told("d").await, Some(heard), "from then on they reach it again");
}

/// The value of a series of the toy's, if it is there.
fn counted(rig: &Rig, name: &str, labels: &str) -> Option<f64> {
    let text = rig.metrics.text();
    let series = format!("{name}{{service=\"store\"{labels}}} ");
    text.lines().find_map(|line| line.strip_prefix(&series)?.parse().ok())
}

fn inputs(rig: &Rig, kind: &str, outcome: &str) -> f64 {
    let labels = format!(",kind=\"{kind}\",outcome=\"{outcome}\"");
    counted(rig, "expeditor_inputs_total", &labels).unwrap()
}

#[tokio::test]
async fn every_input_is_counted_once_by_what_became_of_it() {
    let rig = Rig::start().await;
    let same = rig.command("o1");
    for bytes in [same.clone(), same, rig.command("o2"), "not json".to_owned()] {
        rig.deliver(bytes).await.wait().await;
    }
    // Taken apart until it stands alone, and counted once nevertheless.
    rig.deliver(rig.command("panic")).await.wait().await;
    rig.ask(Ask::Count("o1".to_owned())).await.unwrap();
    rig.ask(Ask::Count("panic".to_owned())).await.unwrap_err();
    rig.ask(Ask::Wake("o3".to_owned(), rig.ports.now())).await.unwrap();
    rig.timers.send_replace(true);
    let rig = &rig;
    rig.until("the timer was looked at", || async { inputs(rig, "timer", "decided") > 0.5 }).await;
    for (kind, outcome, expected) in [
        ("message", "decided", 2.0),
        ("message", "repeated", 1.0),
        ("message", "dead_letter", 2.0),
        ("request", "decided", 2.0),
        ("request", "failed", 1.0),
        ("timer", "decided", 1.0),
        ("timer", "ignored", 0.0),
    ] {
        let found = inputs(rig, kind, outcome);
        assert!((found - expected).abs() < 0.1, "{kind} {outcome}: {found}");
    }
    assert_eq!(counted(rig, "expeditor_dead_letters_total", ""), Some(2.0));
    assert_eq!(counted(rig, "expeditor_consumer_connected", ""), Some(1.0));
    let batches = counted(rig, "expeditor_batch_inputs_count", "").unwrap();
    assert_eq!(counted(rig, "expeditor_transactions_total", ""), Some(batches));
    rig.until("the outbox was looked at", || async {
        counted(rig, "expeditor_outbox_rows", "") == Some(5.0)
    })
    .await;
    assert!(counted(rig, "expeditor_outbox_oldest_age_seconds", "").unwrap() > 0.0);
}

#[tokio::test]
async fn a_database_that_is_away_shows() {
    let rig = Rig::start().await;
    rig.database.fail_with(Some(DbError::Unavailable("gone".to_owned())));
    let waiting = rig.deliver(rig.command("o1")).await;
    rig.ask(Ask::Count("o2".to_owned())).await.unwrap_err();
    let rig = &rig;
    let shows = |inputs| {
        move || async move { counted(rig, "expeditor_inputs_waiting", "") == Some(inputs) }
    };
    rig.until("a message waits", shows(1.0)).await;
    assert!(inputs(rig, "request", "unavailable") > 0.5);
    rig.database.fail_with(None);
    waiting.wait().await;
    rig.until("none waits", shows(0.0)).await;
}

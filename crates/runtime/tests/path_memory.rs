//! The path on a database in memory: all of it works there, and whatever happens to a commit, a
//! message counts once.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use runtime::{
    broker::Reach,
    db::{
        Outbox, Reader,
        memory::{Fault, MemoryDatabase, Storage},
    },
};

mod toy;

use toy::{Ask, Rig};

/// The toy, in a process that opens the storage.
async fn start(storage: &Storage) -> (Rig, MemoryDatabase) {
    let database = storage.open();
    (Rig::start_on(Arc::new(database.clone()), Reach::always()).await, database)
}

/// The places of a tally's messages in their order.
async fn said_by(database: &MemoryDatabase, order: &str) -> Vec<u64> {
    let rows = database.read_key(&format!("tally/{order}"), 100).await.unwrap();
    rows.iter().map(|row| row.seq).collect()
}

#[tokio::test]
async fn every_kind_of_input_takes_the_path_and_is_there_for_the_next_process() {
    let storage = Storage::new();
    let (rig, database) = start(&storage).await;
    let same = rig.command("o1");
    for bytes in [same.clone(), same, rig.command("dead"), "not json".to_owned()] {
        rig.deliver(bytes).await.wait().await;
    }
    for _ in 0..2 {
        rig.ask(Ask::CountInSum("o1".to_owned())).await.unwrap();
    }
    rig.ask(Ask::Wake("due".to_owned(), rig.ports.now())).await.unwrap();
    rig.timers.send_replace(true);
    let process = &rig;
    rig.until("the timer fires", || async { process.tally("due").await.unwrap().woken == 1 }).await;
    database.crash();
    rig.stop().await;

    let (rig, database) = start(&storage).await;
    assert_eq!(rig.tally("o1").await.unwrap().count, 3);
    let sum = rig.running.handle().get(&toy::sum()).await.unwrap().unwrap();
    assert_eq!((sum.count, rig.tally("due").await.unwrap().woken), (2, 1));
    assert_eq!(said_by(&database, "o1").await, [1, 2, 3]);
    assert_eq!(database.published(0, 100).await.unwrap().len(), 5);
    assert_eq!(database.dead_letters(0, 100).await.unwrap().len(), 2);
    assert_eq!(database.next_due().await.unwrap(), None);
}

#[tokio::test]
async fn whatever_happens_to_a_commit_each_message_counts_once() {
    const MESSAGES: u64 = 4;
    for fault in Fault::ALL {
        for commit in 1..=MESSAGES {
            let storage = Storage::new();
            storage.plan(commit, fault);
            let (mut rig, mut database) = start(&storage).await;
            let messages = ["o1", "o1", "dead", "o1"].map(|order| rig.command(order));
            let mut crashes = 0;
            for message in messages {
                // What was not acknowledged when the process ended comes again.
                loop {
                    let acknowledged = rig.deliver(message.clone()).await;
                    tokio::select! {
                        () = acknowledged.wait() => break,
                        () = database.crashed() => {}
                    }
                    crashes += 1;
                    rig.stop().await;
                    (rig, database) = start(&storage).await;
                }
            }
            let context = format!("{fault:?} at {commit}");
            assert_eq!(storage.faults_to_come(), 0, "{context}");
            assert_eq!(crashes, u32::from(fault.crashes()), "{context}");
            assert_eq!(rig.tally("o1").await.unwrap().count, 3, "{context}");
            assert_eq!(said_by(&database, "o1").await, [1, 2, 3], "{context}");
            assert_eq!(database.published(0, 9).await.unwrap().len(), 3, "{context}");
            assert_eq!(database.dead_letters(0, 9).await.unwrap().len(), 1, "{context}");
            rig.stop().await;
        }
    }
}

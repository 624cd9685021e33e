//! Senders that are killed, that stop, and that work side by side.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::{
    builders::named,
    receiver::{Do, Receiver},
    rig::{Rig, hasty},
};
use crate::{
    channel::{Channel, Sent},
    message::Message,
};

const TIMEOUT: Duration = Duration::from_millis(300);
const MARGIN: Duration = Duration::from_millis(200);
const PATIENT: Duration = Duration::from_secs(20);

/// A channel that hands everything on, and never comes back to tell.
struct Silent {
    inner: Arc<dyn Channel>,
    handed_on: Arc<Notify>,
    keys: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Channel for Silent {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn time_limit(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn send(&self, message: &Message) -> Sent {
        assert_eq!(self.inner.send(message).await, Sent::Taken);
        self.keys.lock().unwrap().push(message.key.to_string());
        self.handed_on.notify_one();
        std::future::pending().await
    }
}

#[tokio::test]
async fn what_was_sent_and_not_recorded_is_sent_again_under_the_same_key() {
    let rig = Rig::start(hasty()).await;
    let receiver = Receiver::start(|_| Do::Answer(200)).await;
    rig.tell_all("o1", "c1", named("declined")).await;
    let (handed_on, keys) = (Arc::new(Notify::new()), Arc::default());
    let silent = Silent {
        inner: receiver.webhook(TIMEOUT),
        handed_on: Arc::clone(&handed_on),
        keys: Arc::clone(&keys),
    };
    let killed = rig.send(Arc::new(silent), MARGIN);
    handed_on.notified().await;
    killed.kill();
    assert_eq!(rig.messages("o1").await[0]["attempts"], 0, "nobody knows of it");
    let sender = rig.send(receiver.webhook(TIMEOUT), MARGIN);
    rig.until(&["o1"], "all are sent", |it| it["state"] == "sent").await;
    let first = keys.lock().unwrap()[0].clone();
    receiver.book(|book| {
        let taken = &book.taken["customer:c1"];
        assert_eq!(taken[..2], [first.clone(), first], "the same one again");
        assert_eq!((taken.len(), book.first_seen("customer:c1").len()), (4, 3));
        assert_eq!(book.broken, Vec::<String>::new());
    });
    sender.stop().await;
}

#[tokio::test]
async fn two_senders_never_send_to_one_recipient_at_a_time() {
    let rig = Rig::start(hasty()).await;
    let mut turn = 0_usize;
    let receiver = Receiver::start(move |_| {
        turn += 1;
        Do::Slowly(if turn.is_multiple_of(4) { 500 } else { 200 })
    })
    .await;
    let senders: Vec<_> = (0..3).map(|_| rig.send(receiver.webhook(PATIENT), PATIENT)).collect();
    let orders = ["o1", "o2", "o3", "o4"];
    for order in orders {
        rig.tell_all(order, &order.replace('o', "c"), named("returned")).await;
    }
    rig.until(&orders, "all are sent", |it| it["state"] == "sent").await;
    receiver.book(|book| {
        assert_eq!(book.broken, Vec::<String>::new());
        for customer in ["customer:c1", "customer:c2", "customer:c3", "customer:c4"] {
            assert_eq!(book.taken[customer].len(), 8, "each once");
            assert_eq!(book.first_seen(customer), book.taken[customer]);
        }
    });
    for sender in senders {
        sender.stop().await;
    }
}

#[tokio::test]
async fn a_sender_that_is_told_to_stop_ends_what_it_has_in_hand_and_leaves_the_rest() {
    let rig = Rig::start(hasty()).await;
    let (came, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = Slow { came: Arc::clone(&came), go_on: Arc::clone(&go_on) };
    rig.tell_all("o1", "c1", named("declined")).await;
    let sender = rig.send(Arc::new(slow), PATIENT);
    came.notified().await;
    let mut ends = std::pin::pin!(sender.stop());
    tokio::select! {
        biased;
        () = &mut ends => panic!("something is in hand"),
        () = std::future::ready(()) => {}
    }
    go_on.notify_one();
    ends.await;
    let states: Vec<_> = rig.messages("o1").await.iter().map(|it| it["state"].clone()).collect();
    assert_eq!(states, ["sent", "pending", "pending"]);
    let sender = rig.send(Arc::new(crate::channel::Log::Debug), PATIENT);
    rig.until(&["o1"], "nobody holds the rest", |it| it["state"] == "sent").await;
    sender.stop().await;
}

/// A channel that takes a message once it may.
struct Slow {
    came: Arc<Notify>,
    go_on: Arc<Notify>,
}

#[async_trait]
impl Channel for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn time_limit(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn send(&self, _: &Message) -> Sent {
        self.came.notify_one();
        self.go_on.notified().await;
        Sent::Taken
    }
}

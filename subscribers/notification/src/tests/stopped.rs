//! Senders that are killed, that stop, and that work side by side.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{
    builders::named,
    receiver::{Do, Receiver},
    rig::{Rig, hasty},
};
use crate::{
    Request,
    channel::{Channel, Sent},
    message::{Message, Outcome, State},
    recipient::{Kind, Recipient},
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
    let messages = rig.messages("o1").await;
    let states: Vec<_> = messages.iter().map(|it| it["state"].clone()).collect();
    assert_eq!(states, ["sent", "pending", "pending"]);
    assert_eq!(messages[1]["attempts"], 0, "it is not begun");
    let sender = rig.send(Arc::new(crate::channel::Log::Debug), PATIENT);
    rig.until(&["o1"], "nobody holds the rest", |it| it["state"] == "sent").await;
    sender.stop().await;
}

#[tokio::test]
async fn whoever_has_lost_a_claim_records_nothing() {
    let rig = Rig::start(hasty()).await;
    rig.tell_all("o1", "c1", &named("declined")[..1]).await;
    let recipient = Recipient { kind: Kind::Customer, id: "c1".to_owned() };
    let claim = async |id, lease| {
        let (recipient, claim) = (recipient.clone(), Uuid::from_u128(id));
        rig.decide(Request::Claim { recipient, claim, lease }).await
    };
    let message = claim(1, Duration::ZERO).await.message.unwrap();
    assert_eq!(claim(2, PATIENT).await.message.as_ref(), Some(&message), "the first one is over");
    let other = claim(3, PATIENT).await;
    assert!(other.held && other.message.is_none());
    for (id, settled) in [(1, None), (3, None), (2, Some(State::Sent)), (2, None)] {
        let (recipient, message) = (recipient.clone(), message.clone());
        let claim = Uuid::from_u128(id);
        let outcome = Outcome::Taken;
        let asked = Request::Settle { recipient, claim, message, outcome, lease: None };
        assert_eq!(rig.decide(asked).await.settled, settled, "{id}");
    }
    assert_eq!(rig.messages("o1").await[0]["attempts"], 1);
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

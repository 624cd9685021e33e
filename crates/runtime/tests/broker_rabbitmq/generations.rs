//! Lost connections and deleted queues: every generation is followed by another one.

use std::sync::Arc;

use contracts::ServiceName;
use lapin::{options::QueueDeleteOptions, types::FieldTable};
use runtime::{
    broker::{
        Broker, Outcome, Standing,
        rabbitmq::{Options, RabbitMq, StartError},
    },
    metrics::Metrics,
};

use crate::{
    proxy::Proxy,
    rig::{Look, Rig, next, send},
};

#[tokio::test]
async fn a_lost_connection_is_opened_again_on_both_sides() {
    let rig = Rig::new().await;
    let proxy = Proxy::to(rig.host(), &rig.ports).await;
    let url = rig.url.replace(rig.host(), proxy.host());
    let options = Options::new(url, &[ServiceName::Payment], "test");
    let broker = RabbitMq::start(options, &rig.ports).await.unwrap();
    let mut payment = broker.consume(ServiceName::Payment, 10).await;
    for round in 0..3 {
        let before = format!("{round} before");
        rig.insist(&broker, rig.command("payment", &before)).await;
        let held = next(&mut payment).await;
        assert_eq!(held.payload, before.as_bytes());
        proxy.cut();
        rig.until("the broker knows", || async {
            rig.look("payment.commands").await == Some(Look { ready: 1, consumers: 0 })
        })
        .await;
        assert_eq!(send(&broker, rig.command("payment", "x")).await, Outcome::Unavailable);
        proxy.mend();
        rig.insist(&broker, rig.command("payment", "after")).await;
        let again = next(&mut payment).await;
        assert_eq!(again.payload, before.as_bytes(), "what was not acknowledged comes again");
        // Given too late: it speaks of another connection's delivery.
        held.ack.give();
        again.ack.give();
        let after = next(&mut payment).await;
        assert_eq!(after.payload, "after");
        after.ack.give();
    }
}

#[tokio::test]
async fn a_service_knows_whether_messages_reach_it() {
    let rig = Rig::new().await;
    let proxy = Proxy::to(rig.host(), &rig.ports).await;
    let url = rig.url.replace(rig.host(), proxy.host());
    let options = Options::new(url, &[ServiceName::Payment], "test");
    let broker = RabbitMq::start(options, &rig.ports).await.unwrap();
    let reach = broker.reach(ServiceName::Payment);
    assert_eq!(reach.standing(), Standing::Deaf(None), "it has not subscribed yet");
    let _payment = broker.consume(ServiceName::Payment, 10).await;
    let heard_before = |now| reach.deaf_until(now).unwrap() <= now && reach.is_connected();
    rig.until("it hears", || async { heard_before(rig.ports.now()) }).await;
    assert_eq!(rig.look("payment.commands").await, Some(Look { ready: 0, consumers: 1 }));
    let first = reach.standing();
    for _ in 0..2 {
        let cut = rig.ports.now();
        proxy.cut();
        rig.until("it is deaf", || async { !reach.is_connected() }).await;
        assert!(matches!(reach.standing(), Standing::Deaf(Some(since)) if since >= cut));
        let mended = rig.ports.now();
        proxy.mend();
        rig.until("it hears again", || async { reach.is_connected() }).await;
        assert!(reach.deaf_until(rig.ports.now()).unwrap() >= mended);
        assert_ne!(reach.standing(), first);
    }
}

#[tokio::test]
async fn nobody_who_asks_for_tls_is_served_in_the_clear() {
    let rig = Rig::new().await;
    let url = rig.url.replace("amqp://", "amqps://");
    let started = RabbitMq::start(Options::new(url, &[], "test"), &rig.ports).await;
    assert!(matches!(started, Err(StartError::Tls(_))));
}

/// What was missing is made, and the first message goes all the same.
#[tokio::test]
async fn who_makes_what_is_missing_publishes_at_once() {
    let rig = Rig::new().await;
    let broker = rig.start(&[ServiceName::Payment]).await;
    assert_eq!(send(&broker, rig.command("payment", "first")).await, Outcome::Confirmed);
    assert_eq!(rig.look("payment.commands").await, Some(Look { ready: 1, consumers: 0 }));
}

#[tokio::test]
async fn events_that_nobody_hears_show() {
    let rig = Rig::new().await;
    let broker = Arc::new(rig.start(&[ServiceName::Rider]).await);
    for n in 0..3 {
        rig.insist(&*broker, rig.event("store.nobody-listens", &n.to_string())).await;
    }
    let metrics = Metrics::default();
    broker.show_unheard(&metrics);
    let shown = || async { metrics.text().contains("expeditor_unheard_events 3.0\n") };
    rig.until("they are counted", shown).await;
    drop(broker);
    let left_out = || async { !metrics.text().contains("expeditor_unheard_events") };
    rig.until("nobody asks any more", left_out).await;
}

#[tokio::test]
async fn a_consumer_whose_queue_is_deleted_subscribes_again() {
    let rig = Rig::new().await;
    let broker = rig.start(&[ServiceName::Rider]).await;
    let mut rider = broker.consume(ServiceName::Rider, 10).await;
    rig.insist(&broker, rig.event("cook.cook-finished", "1")).await;
    next(&mut rider).await.ack.give();
    let channel = rig.channel().await;
    for queue in ["rider.events", "rider.commands"] {
        channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
        rig.until("the queue is consumed again", || async {
            rig.look(queue).await.is_some_and(|look| look.consumers == 1)
        })
        .await;
    }
    rig.insist(&broker, rig.event("cook.cook-finished", "2")).await;
    assert_eq!(next(&mut rider).await.payload, "2");
}

#[tokio::test]
async fn who_starts_before_the_broker_works_as_soon_as_it_is_there() {
    let rig = Rig::new().await;
    let line = Proxy::to(rig.host(), &rig.ports).await;
    line.cut();
    let url = rig.url.replace(rig.host(), line.host());
    let options = Options::new(url, &[ServiceName::Payment], "test");
    let broker = RabbitMq::start(options, &rig.ports).await.unwrap();
    let mut payment = broker.consume(ServiceName::Payment, 10).await;
    assert_eq!(send(&broker, rig.command("payment", "early")).await, Outcome::Unavailable);
    let not_yet = Err("not connected yet".to_owned());
    assert_eq!(broker.publisher().check(), not_yet);
    assert_eq!(broker.reach(ServiceName::Payment).check(), not_yet);

    line.mend();
    rig.insist(&broker, rig.command("payment", "late")).await;
    assert_eq!(next(&mut payment).await.payload, "late");
    assert_eq!(broker.publisher().check(), Ok(None));
    assert_eq!(broker.reach(ServiceName::Payment).check(), Ok(None));
}

#[tokio::test]
async fn a_start_that_cannot_be_says_why() {
    let rig = Rig::new().await;
    let start = |url: String| {
        let options = Options::new(url, &[ServiceName::Payment], "test");
        let ports = rig.ports.clone();
        async move { RabbitMq::start(options, &ports).await.map(|_| ()).unwrap_err() }
    };
    let url = &rig.url;
    let wrong_password =
        start(url.replace(&format!("@{}", rig.host()), &format!("x@{}", rig.host()))).await;
    assert!(matches!(wrong_password, StartError::Refused(_)), "{wrong_password}");
    let unknown_vhost = start(url.replace(&rig.vhost, "nowhere")).await;
    assert!(matches!(unknown_vhost, StartError::Refused(_)), "{unknown_vhost}");
    let no_url = start("http://127.0.0.1".to_owned()).await;
    assert!(matches!(no_url, StartError::Url(_)), "{no_url}");

    let channel = rig.channel().await;
    let other = lapin::options::QueueDeclareOptions::durable();
    channel.queue_declare("payment.commands".into(), other, FieldTable::default()).await.unwrap();
    let other_queue = start(url.clone()).await;
    assert!(matches!(other_queue, StartError::Topology(_)), "{other_queue}");
}

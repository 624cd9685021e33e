//! Lost connections, deleted queues, alarms: every generation is followed by another one.

use contracts::ServiceName;
use lapin::{options::QueueDeleteOptions, types::FieldTable};
use runtime::broker::{
    Broker, Outcome,
    rabbitmq::{Options, RabbitMq, StartError},
};

use crate::rig::{Rig, next, outcome, send};

#[tokio::test]
async fn a_lost_connection_is_opened_again_on_both_sides() {
    let rig = Rig::quiet().await;
    let broker = rig.start(&[ServiceName::Payment]).await;
    let mut payment = broker.consume(ServiceName::Payment, 10).await;
    for round in 0..3 {
        let before = format!("{round} before");
        rig.insist(&broker, rig.command("payment", &before)).await;
        let held = next(&mut payment).await;
        assert_eq!(held.payload, before.as_bytes());
        rig.control(&["close_all_connections", "-p", &rig.url.vhost, "test"]).await;
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
async fn a_consumer_whose_queue_is_deleted_subscribes_again() {
    let rig = Rig::quiet().await;
    let broker = rig.start(&[ServiceName::Rider]).await;
    let mut rider = broker.consume(ServiceName::Rider, 10).await;
    rig.insist(&broker, rig.event("cook.cook-finished", "1")).await;
    next(&mut rider).await.ack.give();
    let channel = rig.channel().await;
    for queue in ["rider.events", "rider.commands"] {
        channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
        rig.until("the queue is consumed again", || async { rig.consumers(queue).await == 1 })
            .await;
    }
    rig.insist(&broker, rig.event("cook.cook-finished", "2")).await;
    assert_eq!(next(&mut rider).await.payload, "2");
}

#[tokio::test]
async fn a_restart_of_the_broker_loses_nothing_confirmed() {
    let rig = Rig::alone().await;
    let broker = rig.start(&[ServiceName::Payment]).await;
    let batch = (0..300).map(|n| rig.command("payment", &n.to_string())).collect();
    for confirm in broker.publish(batch).await {
        assert_eq!(outcome(confirm).await, Outcome::Confirmed);
    }
    rig.control(&["stop_app"]).await;
    assert_eq!(send(&broker, rig.command("payment", "x")).await, Outcome::Unavailable);
    rig.control(&["start_app"]).await;
    let mut payment = broker.consume(ServiceName::Payment, 300).await;
    for n in 0..300 {
        let delivery = next(&mut payment).await;
        assert_eq!(delivery.payload, n.to_string().as_bytes());
        delivery.ack.give();
    }
    rig.insist(&broker, rig.command("payment", "after")).await;
    assert_eq!(next(&mut payment).await.payload, "after");
}

/// Publishing is refused at once; acknowledgements go on, since they have their own connection.
#[tokio::test]
async fn an_alarm_blocks_publishing_only() {
    let rig = Rig::alone().await;
    let broker = rig.start(&[ServiceName::Payment]).await;
    let mut payment = broker.consume(ServiceName::Payment, 10).await;
    rig.insist(&broker, rig.command("payment", "before")).await;
    let held = next(&mut payment).await;

    rig.eval("rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []}).").await;
    let began = rig.ports.clock.elapsed();
    for round in 0..3 {
        let blocked = rig.command("payment", &format!("blocked {round}"));
        assert_eq!(send(&broker, blocked).await, Outcome::Unavailable);
    }
    let took = rig.ports.clock.elapsed().saturating_sub(began);
    assert!(took < rig.options(&[]).confirm_within, "refused at once, not by a confirm's timeout");
    held.ack.give();
    rig.until("it is acknowledged", || async { rig.unsettled("payment.commands").await == 0 })
        .await;

    rig.eval("rabbit_alarm:clear_alarm({resource_limit, memory, node()}).").await;
    rig.insist(&broker, rig.command("payment", "after")).await;
    loop {
        // What was on its way when the alarm came may have been taken nevertheless.
        let delivery = next(&mut payment).await;
        let last = delivery.payload == "after";
        delivery.ack.give();
        if last {
            break;
        }
    }
}

#[tokio::test]
async fn a_start_that_cannot_be_says_why() {
    let rig = Rig::quiet().await;
    let start = |url: String| {
        let options = Options::new(url, &[ServiceName::Payment], "test");
        let ports = rig.ports.clone();
        async move { RabbitMq::start(options, &ports).await.map(|_| ()).unwrap_err() }
    };
    let url = &rig.url.amqp;
    let wrong_password = start(url.replace("guest:guest", "guest:wrong")).await;
    assert!(matches!(wrong_password, StartError::Refused(_)), "{wrong_password}");
    let unknown_vhost = start(url.replace(&rig.url.vhost, "nowhere")).await;
    assert!(matches!(unknown_vhost, StartError::Refused(_)), "{unknown_vhost}");
    let nobody = start("amqp://guest:guest@127.0.0.1:1/v0".to_owned()).await;
    assert!(matches!(nobody, StartError::Unreachable(_)), "{nobody}");
    let no_url = start("http://127.0.0.1".to_owned()).await;
    assert!(matches!(no_url, StartError::Url(_)), "{no_url}");

    let channel = rig.channel().await;
    let other = lapin::options::QueueDeclareOptions::durable();
    channel.queue_declare("payment.commands".into(), other, FieldTable::default()).await.unwrap();
    let other_queue = start(url.clone()).await;
    assert!(matches!(other_queue, StartError::Topology(_)), "{other_queue}");
}

//! What disturbs everybody on a server: each test has one of its own.

use contracts::ServiceName;
use runtime::broker::{Broker, Outcome};

use crate::rig::{Rig, next, outcome, send};

#[tokio::test]
async fn a_crash_of_the_broker_loses_nothing_confirmed() {
    let mut rig = Rig::alone().await;
    let broker = rig.start(&[ServiceName::Payment]).await;
    // RabbitMQ 3.10 notes new queues on the disk after seconds, or when it stops: a crash before
    // that may leave one without a leader.
    rig.own(servers::RabbitMq::restart).await;
    rig.insist(&broker, rig.command("payment", "first")).await;
    let batch = (0..300).map(|n| rig.command("payment", &n.to_string())).collect();
    for confirm in broker.publish(batch).await {
        assert_eq!(outcome(confirm).await, Outcome::Confirmed);
    }
    rig.own(servers::RabbitMq::kill).await;
    assert_eq!(send(&broker, rig.command("payment", "x")).await, Outcome::Unavailable);
    rig.own(servers::RabbitMq::restart).await;
    let mut payment = broker.consume(ServiceName::Payment, 300).await;
    let first = next(&mut payment).await;
    assert_eq!(first.payload, "first");
    first.ack.give();
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
    let mut rig = Rig::alone().await;
    let broker = rig.start(&[ServiceName::Payment]).await;
    let mut payment = broker.consume(ServiceName::Payment, 1).await;
    for text in ["before", "behind"] {
        rig.insist(&broker, rig.command("payment", text)).await;
    }
    let before = next(&mut payment).await;

    let alarm = "rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []}).";
    rig.own(move |server| server.control(&["eval", alarm])).await;
    let began = rig.ports.clock.elapsed();
    for round in 0..3 {
        let blocked = rig.command("payment", &format!("blocked {round}"));
        assert_eq!(send(&broker, blocked).await, Outcome::Unavailable);
    }
    let took = rig.ports.clock.elapsed().saturating_sub(began);
    assert!(took < rig.options(&[]).confirm_within, "refused at once, not by a confirm's timeout");
    // With one delivery ahead, the next one comes when the broker has heard of the first.
    before.ack.give();
    let behind = next(&mut payment).await;
    assert_eq!(behind.payload, "behind");
    behind.ack.give();

    let over = "rabbit_alarm:clear_alarm({resource_limit, memory, node()}).";
    rig.own(move |server| server.control(&["eval", over])).await;
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

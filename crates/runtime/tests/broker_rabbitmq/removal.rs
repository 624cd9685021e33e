//! Somebody works in a virtual host for a while and leaves it as it was.

use contracts::{QueueKind, ServiceName::Cook, ServiceName::Store, routes};
use runtime::broker::{
    Broker,
    rabbitmq::{Depth, depths, remove},
};

use crate::rig::{Rig, next};

#[tokio::test]
async fn what_lies_in_the_queues_is_told_and_goes_with_them() {
    let rig = Rig::new().await;
    let both = rig.options(&[Cook, Store]);
    let look = async || depths(&both, &rig.ports).await.unwrap();
    assert_eq!(look().await, [], "nobody was here");
    remove(&both, &rig.ports).await.expect("what is not there is no error");

    let broker = rig.start(&[Cook, Store]).await;
    let commands = |service| routes::queue(service, QueueKind::Commands);
    rig.insist(&broker, rig.command("cook", "waits")).await;
    let mut deliveries = broker.consume(Store, 10).await;
    rig.insist(&broker, rig.command("store", "is taken")).await;
    next(&mut deliveries).await.ack.give();
    let of = async |queue: &str| {
        look().await.into_iter().find(|depth| depth.queue == queue).expect("it is declared")
    };
    rig.until("the message is counted", async || of(&commands(Cook)).await.messages == 1).await;
    let expected = Depth { queue: commands(Cook), messages: 1, consumers: 0 };
    assert_eq!(of(&commands(Cook)).await, expected);
    assert_eq!(of(&commands(Store)).await.consumers, 1);
    assert_eq!(look().await.len(), 6);

    drop((deliveries, broker));
    let nobody = async || look().await.iter().all(|depth| depth.consumers == 0);
    rig.until("nobody consumes", nobody).await;
    remove(&both, &rig.ports).await.unwrap();
    assert_eq!(look().await, []);
}

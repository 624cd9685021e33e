//! Somebody hears what passes, and takes nothing from anybody.

use contracts::{ServiceName::Store, routes};
use runtime::broker::{
    Broker,
    rabbitmq::{Passing, overhear, remove},
};
use tokio::time::timeout;

use crate::rig::{BOUND, Rig, next};

#[tokio::test]
async fn what_passes_is_heard_and_taken_from_nobody() {
    let rig = Rig::new().await;
    let options = rig.options(&[Store]);
    let bindings = [(routes::COMMANDS_EXCHANGE, "store"), (routes::UNHEARD_EXCHANGE, "")];
    let mut heard = overhear(&options, &bindings, &rig.ports).await.unwrap();

    let broker = rig.start(&[Store]).await;
    let mut deliveries = broker.consume(Store, 10).await;
    rig.insist(&broker, rig.command("store", "is meant for the store")).await;
    rig.insist(&broker, rig.event("orchestrator.order-completed", "nobody listens")).await;
    let meant = next(&mut deliveries).await;
    assert_eq!(&meant.payload[..], b"is meant for the store");
    meant.ack.give();
    assert_eq!(broker.unheard().await.unwrap(), 1, "it is kept as if nobody had heard it");
    for (exchange, routing_key, text) in [
        (routes::COMMANDS_EXCHANGE, "store", "is meant for the store"),
        (routes::EVENTS_EXCHANGE, "orchestrator.order-completed", "nobody listens"),
    ] {
        let (exchange, routing_key) = (exchange.to_owned(), routing_key.to_owned());
        let expected = Passing { exchange, routing_key, payload: text.into() };
        assert_eq!(timeout(BOUND, heard.next()).await.unwrap(), Some(expected));
    }
    drop((deliveries, broker));
    remove(&options, &rig.ports).await.unwrap();
}

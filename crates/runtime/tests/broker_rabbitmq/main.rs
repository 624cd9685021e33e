//! The broker on a real RabbitMQ: the contract of every broker, and what is its own.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use contracts::ServiceName;

mod alone;
#[path = "../broker_contract/mod.rs"]
mod broker_contract;
mod dead_letters;
mod generations;
mod overheard;
mod proxy;
mod removal;
mod returned;
mod rig;

use rig::Rig;

macro_rules! contract {
    ($($property:ident,)*) => {$(
        #[tokio::test]
        async fn $property() {
            let rig = Rig::new().await;
            let broker = Arc::new(rig.start(&ServiceName::ALL).await);
            // A busy server takes long to make so many queues, and refuses what is published before.
            let connected = || async { broker.publisher().check() == Ok(None) };
            rig.until("it takes messages", connected).await;
            broker_contract::$property(broker).await;
        }
    )*};
}

contract! {
    bytes_arrive_as_published,
    order_is_kept,
    an_event_reaches_all_listeners,
    a_command_without_a_queue_is_unroutable,
    what_is_sent_again_reaches_one_subscriber,
    what_is_sent_again_to_nobody_is_unroutable,
    an_unheard_event_is_confirmed,
    each_publication_is_judged_by_itself,
}

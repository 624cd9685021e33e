//! What services' users can do at the broker.

use bytes::Bytes;
use contracts::{MessageId, QueueKind, ServiceName, routes};
use reqwest::Method;
use runtime::{
    broker::{
        Broker, Outcome, Publication,
        rabbitmq::{Options, RabbitMq, StartError},
    },
    ports::Ports,
};
use serde_json::{Value, json};

use crate::world::World;

/// Connects as a service, to see to the queues of one.
async fn start(
    world: &World,
    service: ServiceName,
    queues: ServiceName,
) -> Result<RabbitMq, StartError> {
    let options = Options::new(world.amqp_url(service), &[queues], "test");
    RabbitMq::start(options, &Ports::system()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn users_have_rights_in_one_virtual_host_and_no_tags() {
    let world = World::new().await;
    world.provision(&[]);
    for service in ServiceName::ALL {
        let name = world.names.service(service);
        let get = async |path: String| world.ask(Method::GET, &path, &Value::Null).await.unwrap();
        let user = get(format!("users/{name}")).await;
        assert_eq!(user["tags"], json!([]), "{user}");
        let rights = get(format!("users/{name}/permissions")).await;
        assert_eq!(rights.as_array().unwrap().len(), 1, "{rights}");
        assert_eq!(rights[0]["vhost"], json!(world.prefix));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_service_publishes_under_its_own_name_only() {
    let world = World::new().await;
    world.provision(&[]);
    let (events, commands) = (routes::EVENTS_EXCHANGE, routes::COMMANDS_EXCHANGE);
    let replay = routes::REPLAY_EXCHANGE;
    for (service, exchange, key, outcome) in [
        (ServiceName::Cook, events, "cook.cook-started", Outcome::Confirmed),
        (ServiceName::Cook, events, "store.order-accepted", Outcome::Unavailable),
        (ServiceName::Cook, commands, "payment", Outcome::Unavailable),
        (ServiceName::Cook, replay, "mypage.cook.cook-started", Outcome::Confirmed),
        (ServiceName::Cook, replay, "mypage.store.order-accepted", Outcome::Unavailable),
        (ServiceName::Orchestrator, commands, "payment", Outcome::Confirmed),
        (ServiceName::Orchestrator, events, "payment.payment-captured", Outcome::Unavailable),
    ] {
        let broker = start(&world, service, service).await.unwrap();
        let publication = Publication {
            exchange: exchange.to_owned(),
            routing_key: key.to_owned(),
            message_id: MessageId(Ports::system().ids.next()),
            payload: Bytes::from_static(b"{}"),
        };
        let confirm = broker.publish(vec![publication]).await.remove(0);
        assert_eq!(confirm.await.unwrap(), outcome, "{service}: {exchange} {key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_service_sees_to_its_own_queues_only() {
    let world = World::new().await;
    world.provision(&[]);
    for service in ServiceName::ALL {
        start(&world, service, service).await.unwrap();
        let other = match service {
            ServiceName::Orchestrator => ServiceName::Payment,
            _ => ServiceName::Orchestrator,
        };
        let refused = start(&world, service, other).await.map(drop).unwrap_err();
        assert!(refused.to_string().contains("ACCESS_REFUSED"), "{service}: {refused}");
        for kind in [QueueKind::Commands, QueueKind::Events] {
            let name = routes::queue(service, kind);
            let path = format!("queues/{}/{name}", world.prefix);
            assert!(world.ask(Method::GET, &path, &Value::Null).await.is_some(), "{name}");
        }
    }
}

//! What services' users can do at the broker.

use std::time::Duration;

use bytes::Bytes;
use contracts::{MessageId, QueueKind, ServiceName, routes};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, ErrorKind, ExchangeKind,
    options::{
        BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
        QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
    },
    types::FieldTable,
};
use reqwest::Method;
use runtime::{
    broker::{
        Broker, Outcome, Publication,
        rabbitmq::{DELIVERY_LIMIT, Options, RabbitMq, StartError},
    },
    ports::Ports,
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::world::{World, one_line};

/// How long what must happen may take.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// What each of a service's own hears, it hears as that user: commands, events, what was given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_service_hears_what_is_for_it() {
    let world = World::new().await;
    world.provision(&[]);
    let orchestrator =
        start(&world, ServiceName::Orchestrator, ServiceName::Orchestrator).await.unwrap();
    let cook = start(&world, ServiceName::Cook, ServiceName::Cook).await.unwrap();
    let rider = start(&world, ServiceName::Rider, ServiceName::Rider).await.unwrap();
    let mut heard = rider.consume(ServiceName::Rider, 1).await;
    for (broker, exchange, key) in [
        (&orchestrator, routes::COMMANDS_EXCHANGE, "rider"),
        (&cook, routes::EVENTS_EXCHANGE, "cook.cook-finished"),
    ] {
        assert_eq!(send(broker, exchange, key).await, Outcome::Confirmed);
        let delivery = timeout(PATIENCE, heard.recv()).await.unwrap().unwrap();
        assert_eq!(delivery.dead, None);
        delivery.ack.give();
    }
    assert_eq!(send(&orchestrator, routes::COMMANDS_EXCHANGE, "rider").await, Outcome::Confirmed);
    // Not acknowledged, it comes again, and in the end as what was given up.
    let mut deliveries = 0;
    while timeout(PATIENCE, heard.recv()).await.unwrap().unwrap().dead.is_none() {
        deliveries += 1;
    }
    assert_eq!(deliveries, DELIVERY_LIMIT + 1);
}

/// By the broker's own rules, not by what the program would do.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nobody_may_do_more_at_the_broker_than_its_service_needs() {
    let world = World::new().await;
    world.provision(&[]);
    for (service, may, may_not) in [
        (
            ServiceName::Payment,
            &[] as &[Try<'_>],
            &[Try::Bind("payment.events", "expeditor.events", "order.order-placed")]
                as &[Try<'_>],
        ),
        (
            ServiceName::Rider,
            &[Try::Bind("rider.events", "expeditor.events", "cook.cook-finished")],
            &[],
        ),
    ] {
        let name = service.as_str();
        let (commands, other) = (format!("{name}.commands"), "store.commands");
        let channel = Probe::of(&world, service).await;
        for attempt in may {
            assert_eq!(channel.refusal(attempt).await, None, "{service}: {attempt:?}");
        }
        for attempt in [
            Try::Look(routes::EVENTS_EXCHANGE),
            Try::Look(routes::DEAD_EXCHANGE),
            Try::Get(&commands),
        ] {
            assert_eq!(channel.refusal(&attempt).await, None, "{service}: {attempt:?}");
        }
        for attempt in [
            Try::Exchange(routes::EVENTS_EXCHANGE),
            Try::Exchange("mine"),
            Try::Queue("mine"),
            Try::Queue(other),
            Try::Get(other),
            Try::Get(routes::UNHEARD_EXCHANGE),
            Try::Bind(&commands, routes::COMMANDS_EXCHANGE, "store"),
            Try::Bind(&commands, routes::DEAD_EXCHANGE, "store.commands"),
            Try::Delete(other),
            Try::Publish("", other),
            Try::Publish(routes::DEAD_EXCHANGE, other),
            Try::Publish(routes::UNHEARD_EXCHANGE, ""),
        ]
        .iter()
        .chain(may_not)
        {
            assert_eq!(channel.refusal(attempt).await, Some(403), "{service}: {attempt:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_missing_is_named_and_provision_makes_it() {
    let world = World::new().await;
    world.provision(&[]);
    let service = ServiceName::Store;
    for (what, path) in [
        ("exchange expeditor.events", "exchanges/VHOST/expeditor.events"),
        ("queue store.commands", "queues/VHOST/store.commands"),
    ] {
        let path = path.replace("VHOST", &world.prefix);
        world.ask(Method::DELETE, &path, &Value::Null).await;
        let refused = start(&world, service, service).await.map(drop).unwrap_err();
        assert!(matches!(refused, StartError::Topology(_)), "{refused}");
        let told = refused.to_string();
        assert!(told.contains(&format!("there is no {what}")), "{told}");
        assert!(told.contains("expeditor provision") && told.lines().count() == 1, "{told}");
        let output = world.serve(service);
        let told = one_line(&output, 3);
        let user = format!("as {}", world.names.service(service));
        assert!(told.contains(&format!("there is no {what}")) && told.contains(&user), "{told}");
        world.provision(&[]);
        start(&world, service, service).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_right_that_is_missing_is_named() {
    let world = World::new().await;
    world.provision(&[]);
    let service = ServiceName::Rider;
    let user = world.names.service(service);
    let path = format!("permissions/{}/{user}", world.prefix);
    let rights = world.ask(Method::GET, &path, &Value::Null).await.unwrap();
    for (right, to) in [
        ("configure", "queue 'rider.dead'"),
        ("write", "queue 'rider.events'"),
        ("read", "exchange 'expeditor.events'"),
    ] {
        let mut less = rights.clone();
        less[right] = json!("^$");
        world.ask(Method::PUT, &path, &less).await;
        let told = one_line(&world.serve(service), 3);
        assert!(told.contains("the broker refuses: ") && told.contains(to), "{right}: {told}");
        assert!(told.contains(&user), "{told}");
    }
    world.provision(&[]);
    start(&world, service, service).await.unwrap();
}

async fn send(broker: &RabbitMq, exchange: &str, key: &str) -> Outcome {
    let publication = Publication {
        exchange: exchange.to_owned(),
        routing_key: key.to_owned(),
        message_id: MessageId(Ports::system().ids.next()),
        payload: Bytes::from_static(b"{}"),
    };
    timeout(PATIENCE, broker.publish(vec![publication]).await.remove(0)).await.unwrap().unwrap()
}

/// What somebody who has a service's password could try.
#[derive(Debug)]
enum Try<'a> {
    Look(&'a str),
    Exchange(&'a str),
    Queue(&'a str),
    Bind(&'a str, &'a str, &'a str),
    Get(&'a str),
    Delete(&'a str),
    Publish(&'a str, &'a str),
}

/// A connection as a service's user.
struct Probe(Connection);

impl Probe {
    async fn of(world: &World, service: ServiceName) -> Self {
        let url = world.amqp_url(service);
        Self(Connection::connect(&url, ConnectionProperties::default()).await.unwrap())
    }

    /// The reply code with which the broker refuses; none where it does not.
    async fn refusal(&self, attempt: &Try<'_>) -> Option<u16> {
        let channel = self.0.create_channel().await.unwrap();
        let none = FieldTable::default;
        let exchange =
            ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let done = match *attempt {
            Try::Look(name) => {
                let look = ExchangeDeclareOptions { passive: true, ..exchange };
                channel.exchange_declare(name.into(), ExchangeKind::Topic, look, none()).await
            }
            Try::Exchange(name) => {
                channel.exchange_declare(name.into(), ExchangeKind::Topic, exchange, none()).await
            }
            Try::Queue(name) => {
                let durable = QueueDeclareOptions::durable();
                channel.queue_declare(name.into(), durable, none()).await.map(drop)
            }
            Try::Bind(queue, exchange, key) => {
                let options = QueueBindOptions::default();
                channel.queue_bind(queue.into(), exchange.into(), key.into(), options, none()).await
            }
            Try::Get(queue) => {
                channel.basic_get(queue.into(), BasicGetOptions::default()).await.map(drop)
            }
            Try::Delete(queue) => {
                channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.map(drop)
            }
            Try::Publish(exchange, key) => publish(&channel, exchange, key).await,
        };
        let error = done.err()?;
        let ErrorKind::ProtocolError(error) = error.kind() else { panic!("{attempt:?}: {error}") };
        Some(error.get_id())
    }
}

/// With a confirm, so that a refusal has come before it is over.
async fn publish(channel: &Channel, exchange: &str, key: &str) -> lapin::Result<()> {
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    channel
        .basic_publish(exchange.into(), key.into(), options, b"{}", properties)
        .await?
        .await
        .map(drop)
}

//! Exchanges, queues and bindings: declared by everybody who needs them, the same each time.
//!
//! Quorum queues with a delivery limit: without one, a requeue loses the order, and from 4.0 on
//! there is a limit anyway, beyond which messages are *dropped* where no dead-letter exchange is
//! named. Dead letters go at least once, which a queue only does when it also refuses to publish
//! on overflow.

use contracts::{QueueKind, ServiceName, routes};
use lapin::{
    Channel, Connection, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};

use crate::broker::rabbitmq::StartError;

/// After so many deliveries that were not acknowledged the broker gives a message up. Each crash
/// of a consumer is one for all that it held, so this is far more than restarts in a row; and it
/// bounds how often a message can take its consumer down with it.
pub const DELIVERY_LIMIT: i32 = 50;
/// How many events without a listener are kept, the latest ones.
pub const UNHEARD_KEPT: i32 = 10_000;
/// How many queues a service has: commands, events, dead letters.
pub(super) const QUEUES: usize = 3;

const KINDS: [QueueKind; 2] = [QueueKind::Commands, QueueKind::Events];

/// The queue of what the broker has given up on one service's behalf.
pub(super) fn dead_queue(service: ServiceName) -> String {
    format!("{service}.dead")
}

/// Whether an exchange is one of those that [`establish`] declares for publishing.
pub(super) fn is_known(exchange: &str) -> bool {
    [routes::COMMANDS_EXCHANGE, routes::EVENTS_EXCHANGE, routes::REPLAY_EXCHANGE]
        .contains(&exchange)
}

/// The kind of queue that such a message came from: its routing key is that queue's name.
pub(super) fn kind_of_dead(service: ServiceName, routing_key: &str) -> QueueKind {
    if routing_key == routes::queue(service, QueueKind::Events) {
        QueueKind::Events
    } else {
        QueueKind::Commands
    }
}

/// Declares all that these services need, then looks whether it is there.
pub(super) async fn establish(
    connection: &Connection,
    services: &[ServiceName],
) -> Result<(), StartError> {
    let steps = async {
        let channel = connection.create_channel().await?;
        declare_exchanges(&channel, false).await?;
        declare_unheard(&channel).await?;
        for &service in services {
            declare_queues(&channel, service).await?;
        }
        declare_exchanges(&channel, true).await?;
        for &service in services {
            verify_queues(&channel, service).await?;
        }
        channel.close(200, "OK".into()).await
    };
    steps.await.map_err(|error| refused(&error))
}

/// How many messages lie in the queue of unheard events.
pub(super) async fn unheard(connection: &Connection) -> Result<u32, StartError> {
    let look = async {
        let channel = connection.create_channel().await?;
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
        channel.queue_declare(routes::UNHEARD_EXCHANGE.into(), options, FieldTable::default()).await
    };
    Ok(look.await.map_err(|error| refused(&error))?.message_count())
}

pub(super) fn refused(error: &lapin::Error) -> StartError {
    match error.kind() {
        lapin::ErrorKind::ProtocolError(error) => StartError::Topology(error.to_string()),
        _ => StartError::Unreachable(error.to_string()),
    }
}

async fn declare_exchanges(channel: &Channel, passive: bool) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions { durable: true, passive, ..Default::default() };
    let plain = FieldTable::default;
    let events = arguments([("alternate-exchange", text(routes::UNHEARD_EXCHANGE))]);
    for (name, kind, arguments) in [
        (routes::UNHEARD_EXCHANGE, ExchangeKind::Fanout, plain()),
        (routes::DEAD_EXCHANGE, ExchangeKind::Direct, plain()),
        (routes::COMMANDS_EXCHANGE, ExchangeKind::Direct, plain()),
        (routes::EVENTS_EXCHANGE, ExchangeKind::Topic, events),
        (routes::REPLAY_EXCHANGE, ExchangeKind::Topic, plain()),
    ] {
        channel.exchange_declare(name.into(), kind, options, arguments).await?;
    }
    Ok(())
}

async fn declare_unheard(channel: &Channel) -> lapin::Result<()> {
    let arguments = arguments([
        ("x-queue-type", text("quorum")),
        ("x-max-length", AMQPValue::LongInt(UNHEARD_KEPT)),
        ("x-overflow", text("drop-head")),
    ]);
    declare(channel, routes::UNHEARD_EXCHANGE, arguments).await?;
    bind(channel, routes::UNHEARD_EXCHANGE, routes::UNHEARD_EXCHANGE, "").await
}

async fn declare_queues(channel: &Channel, service: ServiceName) -> lapin::Result<()> {
    let dead = dead_queue(service);
    let dead_arguments = arguments([
        ("x-queue-type", text("quorum")),
        // This is where messages end: they must never be given up once more.
        ("x-delivery-limit", AMQPValue::LongInt(i32::MAX)),
    ]);
    declare(channel, &dead, dead_arguments).await?;
    for kind in KINDS {
        let queue = routes::queue(service, kind);
        bind(channel, &dead, routes::DEAD_EXCHANGE, &queue).await?;
        let arguments = arguments([
            ("x-queue-type", text("quorum")),
            ("x-delivery-limit", AMQPValue::LongInt(DELIVERY_LIMIT)),
            ("x-dead-letter-exchange", text(routes::DEAD_EXCHANGE)),
            ("x-dead-letter-routing-key", text(&queue)),
            ("x-dead-letter-strategy", text("at-least-once")),
            ("x-overflow", text("reject-publish")),
        ]);
        declare(channel, &queue, arguments).await?;
        match kind {
            QueueKind::Commands => {
                bind(channel, &queue, routes::COMMANDS_EXCHANGE, service.as_str()).await?;
            }
            QueueKind::Events => {
                for &event in routes::subscriptions(service) {
                    let key = routes::event_key(event);
                    bind(channel, &queue, routes::EVENTS_EXCHANGE, &key).await?;
                }
                if service.is_subscriber() {
                    let key = routes::replay_binding(service);
                    bind(channel, &queue, routes::REPLAY_EXCHANGE, &key).await?;
                }
            }
        }
    }
    Ok(())
}

async fn verify_queues(channel: &Channel, service: ServiceName) -> lapin::Result<()> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
    let queues = KINDS.map(|kind| routes::queue(service, kind));
    for queue in queues.into_iter().chain([dead_queue(service)]) {
        channel.queue_declare(queue.into(), options, FieldTable::default()).await?;
    }
    Ok(())
}

async fn declare(channel: &Channel, queue: &str, arguments: FieldTable) -> lapin::Result<()> {
    channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments).await?;
    Ok(())
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> lapin::Result<()> {
    let (options, none) = (QueueBindOptions::default(), FieldTable::default());
    channel.queue_bind(queue.into(), exchange.into(), key.into(), options, none).await
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

fn arguments<const N: usize>(entries: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in entries {
        table.insert(name.into(), value);
    }
    table
}

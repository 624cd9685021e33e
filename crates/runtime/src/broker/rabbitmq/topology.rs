//! Exchanges, queues and bindings: the same each time, whoever makes them.
//!
//! A service's user may see to its own queues and no more (`expeditor provision` makes such users):
//! even an exchange that is there already is declared only by who may configure it. So everybody
//! looks first, which takes no right, and makes all of it only where something is missing.
//!
//! Quorum queues with a delivery limit: without one, a requeue loses the order, and from 4.0 on
//! there is a limit anyway, beyond which messages are *dropped* where no dead-letter exchange is
//! named. Dead letters go at least once, which a queue only does when it also refuses to publish
//! on overflow.

use contracts::{QueueKind, ServiceName, routes};
use lapin::{
    Channel, Connection, ErrorKind, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use mutants::mutant;

use crate::{
    broker::rabbitmq::{
        Options, StartError,
        link::{self, Link},
    },
    ports::Ports,
};

/// After so many deliveries that were not acknowledged the broker gives a message up. Each crash
/// of a consumer is one for all that it held, so this is far more than restarts in a row; and it
/// bounds how often a message can take its consumer down with it.
pub const DELIVERY_LIMIT: i32 = 50;
/// How many events without a listener are kept, the latest ones.
pub const UNHEARD_KEPT: i32 = 10_000;
/// How many queues a service has: commands, events, dead letters.
pub(super) const QUEUES: usize = 3;

const KINDS: [QueueKind; 2] = [QueueKind::Commands, QueueKind::Events];

/// The reply codes by which a broker says that there is no such thing, and that one may not.
const NOT_FOUND: u16 = 404;
const ACCESS_REFUSED: u16 = 403;

/// All queues of a service.
pub(super) fn queues(service: ServiceName) -> [String; QUEUES] {
    let [commands, events] = KINDS.map(|kind| routes::queue(service, kind));
    [commands, events, dead_queue(service)]
}

fn unheard_queue() -> String {
    routes::UNHEARD_EXCHANGE.to_owned()
}

/// The queue of what the broker has given up on one service's behalf.
pub(super) fn dead_queue(service: ServiceName) -> String {
    format!("{service}.dead")
}

/// Whether an exchange is one of those that messages are published to.
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

/// A connection over which all is found that these services need: looks, and makes it where something
/// is missing. Queues that are there must be as they are to be, and are bound to the events that this
/// version listens to.
pub(super) async fn connect(
    options: &Options,
    purpose: &str,
    services: &[ServiceName],
    ports: &Ports,
) -> Result<Link, StartError> {
    let link = link::open(options, purpose, ports).await?;
    match link::set_up(ports, establish(&link.connection, services)).await? {
        Found::Whole => Ok(link),
        // Whoever asks for what is not there loses a channel, and who listens to the connection
        // would hear of it as a loss.
        Found::Lacking => {
            link.close().await;
            link::open(options, purpose, ports).await
        }
    }
}

/// How it was before.
enum Found {
    Whole,
    Lacking,
}

async fn establish(connection: &Connection, services: &[ServiceName]) -> Result<Found, StartError> {
    let Some(missing) = missing(connection, services).await.map_err(|error| refused(&error))?
    else {
        own(connection, services).await.map_err(|error| refused(&error))?;
        return Ok(Found::Whole);
    };
    declare(connection, services).await.map_err(|error| match error.kind() {
        ErrorKind::ProtocolError(error) if error.get_id() == ACCESS_REFUSED => {
            StartError::Topology(format!(
                "there is no {missing}, and this user may not make what is missing (`expeditor \
                 provision` does): {error}"
            ))
        }
        _ => refused(&error),
    })?;
    Ok(Found::Lacking)
}

/// Makes all that these services need, whatever is there, and finds out whether it is as it is to
/// be. Wants the rights for it.
pub(super) async fn declare(
    connection: &Connection,
    services: &[ServiceName],
) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    declare_exchanges(&channel).await?;
    declare_unheard(&channel).await?;
    for &service in services {
        declare_queues(&channel, service).await?;
        bind_queues(&channel, service).await?;
    }
    channel.close(200, "OK".into()).await
}

/// What a service's own user may see to.
async fn own(connection: &Connection, services: &[ServiceName]) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    for &service in services {
        declare_queues(&channel, service).await?;
        bind_events(&channel, service).await?;
    }
    channel.close(200, "OK".into()).await
}

/// The first of all these that is not there.
async fn missing(
    connection: &Connection,
    services: &[ServiceName],
) -> lapin::Result<Option<String>> {
    let channel = connection.create_channel().await?;
    let options = ExchangeDeclareOptions {
        durable: true,
        passive: true,
        ..ExchangeDeclareOptions::default()
    };
    for (name, kind, _) in exchanges() {
        let look = channel.exchange_declare(name.into(), kind, options, FieldTable::default());
        if is_missing(look.await)? {
            return Ok(Some(format!("exchange {name}")));
        }
    }
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
    for queue in services.iter().flat_map(|&service| queues(service)).chain([unheard_queue()]) {
        let look = channel.queue_declare(queue.as_str().into(), options, FieldTable::default());
        if is_missing(look.await.map(drop))? {
            return Ok(Some(format!("queue {queue}")));
        }
    }
    channel.close(200, "OK".into()).await?;
    Ok(None)
}

/// Whoever asks for what is not there loses the channel.
fn is_missing(looked: lapin::Result<()>) -> lapin::Result<bool> {
    match looked {
        Ok(()) => Ok(false),
        Err(error) if is_not_found(&error) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether a broker says that there is no such queue or exchange.
pub(super) fn is_not_found(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_id() == NOT_FOUND)
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
        ErrorKind::ProtocolError(error) if error.get_id() == ACCESS_REFUSED => {
            StartError::Refused(error.to_string())
        }
        ErrorKind::ProtocolError(error) => StartError::Topology(error.to_string()),
        _ => StartError::Unreachable(error.to_string()),
    }
}

fn exchanges() -> [(&'static str, ExchangeKind, FieldTable); 5] {
    let plain = FieldTable::default;
    let events = arguments([("alternate-exchange", text(routes::UNHEARD_EXCHANGE))]);
    [
        (routes::UNHEARD_EXCHANGE, ExchangeKind::Fanout, plain()),
        (routes::DEAD_EXCHANGE, ExchangeKind::Direct, plain()),
        (routes::COMMANDS_EXCHANGE, ExchangeKind::Direct, plain()),
        (routes::EVENTS_EXCHANGE, ExchangeKind::Topic, events),
        (routes::REPLAY_EXCHANGE, ExchangeKind::Topic, plain()),
    ]
}

async fn declare_exchanges(channel: &Channel) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    for (name, kind, arguments) in exchanges() {
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
    declare_queue(channel, routes::UNHEARD_EXCHANGE, arguments).await?;
    bind(channel, routes::UNHEARD_EXCHANGE, routes::UNHEARD_EXCHANGE, "").await
}

async fn declare_queues(channel: &Channel, service: ServiceName) -> lapin::Result<()> {
    let dead = dead_queue(service);
    let dead_arguments = arguments([
        ("x-queue-type", text("quorum")),
        // This is where messages end: they must never be given up once more.
        ("x-delivery-limit", AMQPValue::LongInt(i32::MAX)),
    ]);
    declare_queue(channel, &dead, dead_arguments).await?;
    for kind in KINDS {
        let queue = routes::queue(service, kind);
        let unlimited = mutant!("rabbitmq-delivers-a-poison-for-ever");
        let limit = if unlimited { i32::MAX } else { DELIVERY_LIMIT };
        let arguments = arguments([
            ("x-queue-type", text("quorum")),
            ("x-delivery-limit", AMQPValue::LongInt(limit)),
            ("x-dead-letter-exchange", text(routes::DEAD_EXCHANGE)),
            ("x-dead-letter-routing-key", text(&queue)),
            ("x-dead-letter-strategy", text("at-least-once")),
            ("x-overflow", text("reject-publish")),
        ]);
        declare_queue(channel, &queue, arguments).await?;
    }
    Ok(())
}

async fn bind_queues(channel: &Channel, service: ServiceName) -> lapin::Result<()> {
    let dead = dead_queue(service);
    for kind in KINDS {
        bind(channel, &dead, routes::DEAD_EXCHANGE, &routes::queue(service, kind)).await?;
    }
    let commands = routes::queue(service, QueueKind::Commands);
    bind(channel, &commands, routes::COMMANDS_EXCHANGE, service.as_str()).await?;
    if service.is_read_model() {
        let events = routes::queue(service, QueueKind::Events);
        let key = routes::replay_binding(service);
        bind(channel, &events, routes::REPLAY_EXCHANGE, &key).await?;
    }
    bind_events(channel, service).await
}

async fn bind_events(channel: &Channel, service: ServiceName) -> lapin::Result<()> {
    let queue = routes::queue(service, QueueKind::Events);
    for &event in routes::subscriptions(service) {
        bind(channel, &queue, routes::EVENTS_EXCHANGE, &routes::event_key(event)).await?;
    }
    Ok(())
}

async fn declare_queue(channel: &Channel, queue: &str, arguments: FieldTable) -> lapin::Result<()> {
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

//! The routes as a document: for those who declare queues in another language, and to hold a
//! change of them against what was released.

use serde_json::{Map, Value, json};

use crate::{
    CommandType, EventType, QueueKind, ServiceName,
    routes::{
        COMMANDS_EXCHANGE, DEAD_EXCHANGE, EVENTS_EXCHANGE, REPLAY_EXCHANGE, UNHEARD_EXCHANGE,
        event_key, queue, subscriptions,
    },
    schema::MessageType,
};

impl MessageType {
    /// The exchange that it is published to.
    pub const fn exchange(self) -> &'static str {
        match self {
            Self::Command(_) => COMMANDS_EXCHANGE,
            Self::Event(_) => EVENTS_EXCHANGE,
        }
    }

    /// The routing key that it is published with.
    pub fn routing_key(self) -> String {
        match self {
            Self::Command(kind) => kind.destination().as_str().to_owned(),
            Self::Event(kind) => event_key(kind),
        }
    }

    /// The service that says it.
    pub const fn sender(self) -> ServiceName {
        match self {
            Self::Command(_) => ServiceName::Orchestrator,
            Self::Event(kind) => kind.source(),
        }
    }
}

/// What a service's queue is there for.
pub(crate) fn received(service: ServiceName, kind: QueueKind) -> Vec<MessageType> {
    match kind {
        QueueKind::Commands => CommandType::ALL
            .iter()
            .filter(|command| command.destination() == service)
            .map(|&command| MessageType::Command(command))
            .collect(),
        QueueKind::Events => {
            subscriptions(service).iter().map(|&event| MessageType::Event(event)).collect()
        }
    }
}

/// The routing keys by which a service's queue is bound to its exchange.
pub(crate) fn bindings(service: ServiceName, kind: QueueKind) -> (&'static str, Vec<String>) {
    match kind {
        QueueKind::Commands => (COMMANDS_EXCHANGE, vec![service.as_str().to_owned()]),
        QueueKind::Events => {
            let keys = |event: &EventType| event_key(*event);
            (EVENTS_EXCHANGE, subscriptions(service).iter().map(keys).collect())
        }
    }
}

/// Exchanges, queues with their bindings, and by which exchange and routing key each message goes.
pub fn routing() -> Value {
    let messages = MessageType::all().map(|kind| {
        let route = json!({
            "source": kind.sender().source(),
            "exchange": kind.exchange(),
            "routing_key": kind.routing_key(),
        });
        (kind.as_str().to_owned(), route)
    });
    let mut queues = Map::new();
    for service in ServiceName::ALL {
        for kind in [QueueKind::Commands, QueueKind::Events] {
            let (exchange, keys) = bindings(service, kind);
            queues.insert(
                queue(service, kind),
                json!({ "service": service, "exchange": exchange, "routing_keys": keys }),
            );
        }
    }
    json!({
        "exchanges": {
            COMMANDS_EXCHANGE: { "type": "direct" },
            EVENTS_EXCHANGE: { "type": "topic", "alternate_exchange": UNHEARD_EXCHANGE },
            DEAD_EXCHANGE: { "type": "direct" },
            REPLAY_EXCHANGE: { "type": "topic" },
            UNHEARD_EXCHANGE: { "type": "fanout" },
        },
        "messages": messages.collect::<Map<String, Value>>(),
        "queues": queues,
    })
}

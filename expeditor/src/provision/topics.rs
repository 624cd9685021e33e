//! What a service's user of the broker may do: regular expressions over names.

use contracts::{QueueKind, ServiceName, routes};
use serde::{Deserialize, Serialize};

/// All rights of a user in a virtual host.
#[derive(Clone, Debug)]
pub(super) struct Rights {
    pub(super) names: NameRights,
    pub(super) topics: Vec<TopicRights>,
}

/// Which exchanges and queues. As the API has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NameRights {
    configure: String,
    write: String,
    read: String,
}

/// Which routing keys of a topic exchange. As the API has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct TopicRights {
    exchange: String,
    write: String,
    read: String,
}

impl NameRights {
    /// An administrator's.
    pub(super) fn everything() -> Self {
        let all = || ".*".to_owned();
        Self { configure: all(), write: all(), read: all() }
    }
}

/// A service's rights. It fills and reads its own queues alone; it publishes events under its own
/// name, also those that are sent again to one subscriber, and only the orchestrator publishes commands. It declares the exchanges as well, as long as
/// services do that themselves when they start.
pub(super) fn rights(service: ServiceName) -> Rights {
    let kinds = QueueKind::Commands.as_str().to_owned() + "|" + QueueKind::Events.as_str();
    let queues = format!(r"{service}\.({kinds}|dead)");
    let literal = |name: &str| name.replace('.', r"\.");
    let [commands, events, replay, dead, unheard] = [
        routes::COMMANDS_EXCHANGE,
        routes::EVENTS_EXCHANGE,
        routes::REPLAY_EXCHANGE,
        routes::DEAD_EXCHANGE,
        routes::UNHEARD_EXCHANGE,
    ]
    .map(literal);
    let all = format!("^({queues}|{commands}|{events}|{replay}|{dead}|{unheard})$");
    let write = match service {
        ServiceName::Orchestrator => all.clone(),
        _ => format!("^({queues}|{events}|{replay}|{dead}|{unheard})$"),
    };
    let topic = |exchange: &str, write| TopicRights {
        exchange: exchange.to_owned(),
        write,
        read: ".*".to_owned(),
    };
    // In the order in which they are compared with what the broker tells.
    let topics = vec![
        topic(routes::EVENTS_EXCHANGE, format!(r"^{service}\.[a-z-]+$")),
        topic(routes::REPLAY_EXCHANGE, format!(r"^[a-z]+\.{service}\.[a-z-]+$")),
    ];
    Rights { names: NameRights { configure: all.clone(), write, read: all }, topics }
}

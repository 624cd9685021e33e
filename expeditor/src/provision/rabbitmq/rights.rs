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

/// A service's rights. It sees to its own queues alone; it publishes events under its own name, and
/// only the orchestrator publishes commands; it binds its queue to the events that it listens to.
/// Exchanges and all other bindings are the administrator's.
pub(super) fn of(service: ServiceName) -> Rights {
    let literal = |name: &str| name.replace('.', r"\.");
    let (events, commands) = (routes::EVENTS_EXCHANGE, routes::COMMANDS_EXCHANGE);
    let kinds = [QueueKind::Commands, QueueKind::Events].map(QueueKind::as_str).join("|");
    let queues = format!(r"{service}\.({kinds}|dead)");
    let with = |exchanges: &[&str]| {
        let exchanges = exchanges.iter().map(|name| literal(name));
        let names: Vec<_> = std::iter::once(queues.clone()).chain(exchanges).collect();
        format!("^({})$", names.join("|"))
    };
    let write = match service {
        ServiceName::Orchestrator => with(&[events, commands]),
        _ => with(&[events]),
    };
    let read = match routes::subscriptions(service) {
        [] => with(&[]),
        _ => with(&[events]),
    };
    let topic = TopicRights {
        exchange: events.to_owned(),
        write: format!(r"^{service}\.[a-z-]+$"),
        read: ".*".to_owned(),
    };
    Rights { names: NameRights { configure: with(&[]), write, read }, topics: vec![topic] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_what_it_needs_and_no_more() {
        for (service, configure, write, read, topic) in [
            (
                ServiceName::Payment,
                r"^(payment\.(commands|events|dead))$",
                r"^(payment\.(commands|events|dead)|expeditor\.events)$",
                r"^(payment\.(commands|events|dead))$",
                r"^payment\.[a-z-]+$",
            ),
            (
                ServiceName::Rider,
                r"^(rider\.(commands|events|dead))$",
                r"^(rider\.(commands|events|dead)|expeditor\.events)$",
                r"^(rider\.(commands|events|dead)|expeditor\.events)$",
                r"^rider\.[a-z-]+$",
            ),
            (
                ServiceName::Orchestrator,
                r"^(orchestrator\.(commands|events|dead))$",
                r"^(orchestrator\.(commands|events|dead)|expeditor\.events|expeditor\.commands)$",
                r"^(orchestrator\.(commands|events|dead)|expeditor\.events)$",
                r"^orchestrator\.[a-z-]+$",
            ),
        ] {
            let Rights { names, topics } = of(service);
            assert_eq!((&*names.configure, &*names.write, &*names.read), (configure, write, read));
            assert_eq!(topics.len(), 1);
            assert_eq!((&*topics[0].exchange, &*topics[0].write), ("expeditor.events", topic));
        }
    }
}

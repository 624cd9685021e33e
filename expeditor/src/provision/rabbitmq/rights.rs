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
/// only the orchestrator publishes commands; what it has published it may send again to one
/// subscriber, and a subscriber publishes nothing; it binds its queue to the events that it listens to.
/// Exchanges and all other bindings are the administrator's.
pub(super) fn of(service: ServiceName) -> Rights {
    let literal = |name: &str| name.replace('.', r"\.");
    let (events, commands) = (routes::EVENTS_EXCHANGE, routes::COMMANDS_EXCHANGE);
    let replay = routes::REPLAY_EXCHANGE;
    let kinds = [QueueKind::Commands, QueueKind::Events].map(QueueKind::as_str).join("|");
    let queues = format!(r"{service}\.({kinds}|dead)");
    let with = |exchanges: &[&str]| {
        let exchanges = exchanges.iter().map(|name| literal(name));
        let names: Vec<_> = std::iter::once(queues.clone()).chain(exchanges).collect();
        format!("^({})$", names.join("|"))
    };
    let write = match service {
        ServiceName::Orchestrator => with(&[events, commands, replay]),
        service if service.is_subscriber() => with(&[]),
        _ => with(&[events, replay]),
    };
    let read = match routes::subscriptions(service) {
        [] => with(&[]),
        _ => with(&[events]),
    };
    let topic = |exchange: &str, write| TopicRights {
        exchange: exchange.to_owned(),
        write,
        read: ".*".to_owned(),
    };
    // In the order in which they are compared with what the broker tells.
    let topics = vec![
        topic(events, format!(r"^{service}\.[a-z-]+$")),
        topic(replay, format!(r"^[a-z]+\.{service}\.[a-z-]+$")),
    ];
    Rights { names: NameRights { configure: with(&[]), write, read }, topics }
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
                r"^(payment\.(commands|events|dead)|expeditor\.events|expeditor\.replay)$",
                r"^(payment\.(commands|events|dead))$",
                r"^payment\.[a-z-]+$",
            ),
            (
                ServiceName::Rider,
                r"^(rider\.(commands|events|dead))$",
                r"^(rider\.(commands|events|dead)|expeditor\.events|expeditor\.replay)$",
                r"^(rider\.(commands|events|dead)|expeditor\.events)$",
                r"^rider\.[a-z-]+$",
            ),
            (
                ServiceName::Orchestrator,
                r"^(orchestrator\.(commands|events|dead))$",
                r"^(orchestrator\.(commands|events|dead)|expeditor\.events|expeditor\.commands|expeditor\.replay)$",
                r"^(orchestrator\.(commands|events|dead)|expeditor\.events)$",
                r"^orchestrator\.[a-z-]+$",
            ),
            (
                ServiceName::Mypage,
                r"^(mypage\.(commands|events|dead))$",
                r"^(mypage\.(commands|events|dead))$",
                r"^(mypage\.(commands|events|dead)|expeditor\.events)$",
                r"^mypage\.[a-z-]+$",
            ),
            (
                ServiceName::Notification,
                r"^(notification\.(commands|events|dead))$",
                r"^(notification\.(commands|events|dead))$",
                r"^(notification\.(commands|events|dead)|expeditor\.events)$",
                r"^notification\.[a-z-]+$",
            ),
        ] {
            let Rights { names, topics } = of(service);
            assert_eq!((&*names.configure, &*names.write, &*names.read), (configure, write, read));
            assert_eq!(topics.len(), 2);
            assert_eq!((&*topics[0].exchange, &*topics[0].write), ("expeditor.events", topic));
            let again = topic.replace('^', r"^[a-z]+\.");
            assert_eq!((&*topics[1].exchange, &*topics[1].write), ("expeditor.replay", &*again));
        }
    }
}

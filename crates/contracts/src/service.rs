//! The services by name.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A service; its name is its routing key, its URL prefix and its source (`/payment`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceName {
    /// Owns orders, sagas and the catalog.
    Orchestrator,
    /// Owns authorizations, captures and refunds.
    Payment,
    /// Owns menus, stock and order tickets.
    Store,
    /// Owns kitchen tickets.
    Cook,
    /// Owns riders and deliveries.
    Rider,
    /// A subscriber: shows customers their orders, from public events alone.
    Mypage,
    /// A subscriber: sends customers, stores and riders messages about orders.
    Notification,
}

impl ServiceName {
    /// Every service, in the order in which an order meets them.
    pub const ALL: [Self; 7] = [
        Self::Orchestrator,
        Self::Payment,
        Self::Store,
        Self::Cook,
        Self::Rider,
        Self::Mypage,
        Self::Notification,
    ];

    /// Those that only react to public events: nothing is asked of them and they tell nothing, so
    /// that nobody refers to what they hold.
    pub const SUBSCRIBERS: [Self; 2] = [Self::Mypage, Self::Notification];

    /// Those of the [`SUBSCRIBERS`](Self::SUBSCRIBERS) whose every row can be made again from what
    /// the others have published. What was sent to whom is no such thing: it would be sent again.
    pub const READ_MODELS: [Self; 1] = [Self::Mypage];

    /// The name as in routes: `payment`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Orchestrator => "orchestrator",
            Self::Payment => "payment",
            Self::Store => "store",
            Self::Cook => "cook",
            Self::Rider => "rider",
            Self::Mypage => "mypage",
            Self::Notification => "notification",
        }
    }

    /// Whether it is one of the [`SUBSCRIBERS`](Self::SUBSCRIBERS).
    pub const fn is_subscriber(self) -> bool {
        matches!(self, Self::Mypage | Self::Notification)
    }

    /// Whether it is one of the [`READ_MODELS`](Self::READ_MODELS).
    pub const fn is_read_model(self) -> bool {
        matches!(self, Self::Mypage)
    }

    /// The service of that name, if there is one.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.as_str() == name)
    }

    /// The `source` of its messages: `/payment`.
    pub const fn source(self) -> &'static str {
        match self {
            Self::Orchestrator => "/orchestrator",
            Self::Payment => "/payment",
            Self::Store => "/store",
            Self::Cook => "/cook",
            Self::Rider => "/rider",
            Self::Mypage => "/mypage",
            Self::Notification => "/notification",
        }
    }

    /// The service whose [`source`](Self::source) that is.
    pub fn from_source(source: &str) -> Option<Self> {
        source.strip_prefix('/').and_then(Self::parse)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The two queues of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueueKind {
    /// Requests to this service, each of which can be refused.
    Commands,
    /// Facts of other services that this one listens to.
    Events,
}

impl QueueKind {
    /// The last part of the queue's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Events => "events",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_subscribers_is_what_each_says_of_itself() {
        let all: Vec<_> = ServiceName::ALL.into_iter().filter(|it| it.is_subscriber()).collect();
        assert_eq!(all, ServiceName::SUBSCRIBERS);
        let all: Vec<_> = ServiceName::ALL.into_iter().filter(|it| it.is_read_model()).collect();
        assert_eq!(all, ServiceName::READ_MODELS);
        assert!(all.into_iter().all(ServiceName::is_subscriber));
    }
}

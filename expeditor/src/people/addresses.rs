//! Where the services are, as an app knows it: for each the addresses of its replicas, or one
//! address for all of them. Asks nobody whether they are up.

use std::collections::BTreeMap;

use contracts::ServiceName;

/// The base URLs (`http://127.0.0.1:8080`) of everything that answers requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Of what answers for every service that has no addresses of its own.
    everything: Vec<String>,
    services: BTreeMap<ServiceName, Vec<String>>,
}

impl Addresses {
    /// One address for all services: the whole system in one process.
    pub fn one(base: impl Into<String>) -> Self {
        Self { everything: vec![trimmed(base)], services: BTreeMap::new() }
    }

    /// One more replica of a service.
    #[must_use]
    pub fn with(mut self, service: ServiceName, base: impl Into<String>) -> Self {
        self.services.entry(service).or_default().push(trimmed(base));
        self
    }

    /// The replicas that answer requests to a path.
    pub fn of(&self, path: &str) -> &[String] {
        let own = whose(path).and_then(|service| self.services.get(&service));
        own.unwrap_or(&self.everything)
    }
}

/// Whose routes a path belongs to: its first segment says so.
fn whose(path: &str) -> Option<ServiceName> {
    let path = path.strip_prefix('/').unwrap_or(path);
    match path.split(['/', '?']).next().unwrap_or_default() {
        "orders" | "operator" | "catalog" => Some(ServiceName::Orchestrator),
        name => ServiceName::parse(name),
    }
}

fn trimmed(base: impl Into<String>) -> String {
    base.into().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_segment_says_whose_addresses_are_asked() {
        let addresses = Addresses::one("http://all/")
            .with(ServiceName::Orchestrator, "http://o-1/")
            .with(ServiceName::Orchestrator, "http://o-2")
            .with(ServiceName::Cook, "http://cook");
        for (path, of) in [
            ("/orders", &["http://o-1", "http://o-2"][..]),
            ("/orders/7?a=/cook", &["http://o-1", "http://o-2"]),
            ("/operator/sagas", &["http://o-1", "http://o-2"]),
            ("/catalog/stores/s1", &["http://o-1", "http://o-2"]),
            ("/orchestrator/dead-letters", &["http://o-1", "http://o-2"]),
            ("/cook/tickets/7", &["http://cook"]),
            ("/cook?limit=1", &["http://cook"]),
            ("/rider/riders/r1", &["http://all"]),
            ("/readyz", &["http://all"]),
        ] {
            assert_eq!(addresses.of(path), of, "{path}");
        }
    }
}

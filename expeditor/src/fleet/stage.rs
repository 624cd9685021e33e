//! A fleet as the simulated people have it: its services' addresses, and what is on its way.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use contracts::ServiceName;
use runtime::ports::Ports;

use super::{Fleet, Ground};
use crate::{
    audit::Databases,
    exit::Failure,
    people::{addresses::Addresses, client::Client, show::Stage, tokens::Tokens},
};

/// A fleet on its servers.
pub struct OnServers {
    /// The processes.
    pub fleet: Fleet,
    /// What they stand on.
    pub ground: Arc<Ground>,
    /// Their databases, to be looked at.
    pub databases: Databases,
    /// By what its people are believed.
    pub tokens: Option<Arc<dyn Tokens>>,
    /// Clock, ids and tasks.
    pub ports: Ports,
}

impl Fleet {
    /// Where the services listen: what an app that knows all replicas is told.
    pub fn addresses(&self) -> Addresses {
        self.members().into_iter().fold(Addresses::default(), |all, member| {
            let service =
                member.name.rsplit_once('-').and_then(|(name, _)| ServiceName::parse(name));
            match service.zip(member.address) {
                Some((service, address)) => all.with(service, format!("http://{address}")),
                None => all,
            }
        })
    }
}

#[async_trait]
impl Stage for OnServers {
    fn client(&self, patience: Duration) -> Client {
        let client = Client::of(self.fleet.addresses(), self.ports.clone(), patience);
        match &self.tokens {
            Some(tokens) => client.with_tokens(Arc::clone(tokens)),
            None => client,
        }
    }

    /// A message that a consumer has in hand is not seen.
    async fn on_their_way(&self) -> Result<u64, Failure> {
        let unsent = self.databases.backlog().await?;
        Ok(unsent + self.ground.queued().await?)
    }
}

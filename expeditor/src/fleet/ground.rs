//! What a fleet stands on for a while: databases of its own on a server, and the queues in a virtual
//! host. It is removed in the end as if nobody had been there.
//!
//! It takes nothing from anybody: a virtual host whose queues somebody uses is refused.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use contracts::ServiceName;
use runtime::{
    broker::rabbitmq::{self, Depth},
    db::{
        Migrations,
        postgres::{Connect, PostgresDatabase, create_database, drop_database},
    },
    ports::Ports,
};

use super::{Access, Reach};
use crate::{audit::Databases, exit::Failure, process::servers::cannot_be_used};

/// Databases `<prefix>_<service>` on a server, and queues in a virtual host.
pub struct Ground {
    database_url: String,
    broker: rabbitmq::Options,
    prefix: String,
    /// Whether the queues are nobody else's, and so may be removed.
    queues_taken: AtomicBool,
    ports: Ports,
}

impl Ground {
    /// On these servers, under a name that nobody else has. Touches nothing yet.
    pub fn new(database_url: &str, amqp_url: &str, ports: &Ports) -> Self {
        // The last digits are drawn, the first ones are the time.
        let drawn = ports.ids.next().simple().to_string();
        Self {
            database_url: database_url.to_owned(),
            broker: rabbitmq::Options::new(amqp_url, &ServiceName::ALL, "expeditor demo"),
            prefix: format!("demo_{}", &drawn[drawn.len() - 8..]),
            queues_taken: AtomicBool::new(false),
            ports: ports.clone(),
        }
    }

    /// What the names of its databases begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Makes the databases, at this program's version, unless somebody uses the queues.
    pub async fn prepare(&self) -> Result<Access, Failure> {
        if let Some(used) = self.depths().await?.into_iter().find(is_used) {
            return Err(Failure::Usage(format!(
                "the queue {} of that virtual host has {} messages and {} consumers: services of \
                 somebody else are at home there; name another virtual host in --amqp-url",
                used.queue, used.messages, used.consumers
            )));
        }
        self.queues_taken.store(true, Ordering::Relaxed);
        let server = Connect::to(&self.database_url)?;
        let mut access = Access {
            services: BTreeMap::default(),
            sources: BTreeMap::default(),
            amqp_url: self.broker.url.clone(),
            source_amqp_urls: BTreeMap::default(),
            keys: None,
        };
        for service in ServiceName::ALL {
            let name = self.database(service);
            create_database(&server, &name, &self.ports).await?;
            let database_url = crate::audit::with_database(&self.database_url, &name)?;
            let connect = Connect::to(&database_url)?;
            PostgresDatabase::migrate(&connect, &Migrations::postgres(service)).await?;
            access.sources.insert(service, database_url.clone());
            let amqp_url = self.broker.url.clone();
            access.services.insert(service, Reach { database_url, amqp_url });
        }
        Ok(access)
    }

    /// The databases, to be looked at.
    pub async fn databases(&self) -> Result<Databases, Failure> {
        Databases::on_server(&self.database_url, &self.prefix, &self.ports).await
    }

    /// How many messages wait in the queues that nobody has been given.
    pub async fn queued(&self) -> Result<u64, Failure> {
        Ok(self.depths().await?.iter().map(|depth| u64::from(depth.messages)).sum())
    }

    /// Removes the queues and exchanges, unless they were found to be somebody else's.
    pub async fn remove_queues(&self) -> Result<(), Failure> {
        if !self.queues_taken.load(Ordering::Relaxed) {
            return Ok(());
        }
        rabbitmq::remove(&self.broker, &self.ports).await.map_err(|error| cannot_be_used(&error))
    }

    /// Removes the databases.
    pub async fn remove_databases(&self) -> Result<(), Failure> {
        let server = Connect::to(&self.database_url)?;
        for service in ServiceName::ALL {
            drop_database(&server, &self.database(service), &self.ports).await?;
        }
        Ok(())
    }

    async fn depths(&self) -> Result<Vec<Depth>, Failure> {
        let depths = rabbitmq::depths(&self.broker, &self.ports).await;
        depths.map_err(|error| cannot_be_used(&error))
    }

    fn database(&self, service: ServiceName) -> String {
        format!("{}_{service}", self.prefix)
    }
}

const fn is_used(depth: &Depth) -> bool {
    depth.messages > 0 || depth.consumers > 0
}

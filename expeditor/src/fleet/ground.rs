//! What a fleet stands on for a while: databases of its own on a server, and the queues in a virtual
//! host. It is removed in the end as if nobody had been there.
//!
//! It takes nothing from anybody: a virtual host whose queues somebody uses is refused.

use std::{collections::BTreeMap, sync::OnceLock};

use contracts::{QueueKind, ServiceName, routes::queue};
use runtime::{
    broker::rabbitmq::{self, Depth},
    db::{
        Migrations,
        postgres::{Connect, PostgresDatabase, create_database, drop_database},
    },
    ports::Ports,
};

use super::{Access, Reach, vhost::Vhost};
use crate::{audit::Databases, exit::Failure, process::servers::cannot_be_used};

/// Databases `<prefix>_<service>` on a server, and queues in a virtual host.
pub struct Ground {
    database_url: String,
    amqp_url: String,
    vhost: Option<Vhost>,
    /// Whose it is, as the broker shows it to people.
    owner: String,
    prefix: String,
    /// Where the queues are, once they were found to be nobody else's.
    queues: OnceLock<rabbitmq::Options>,
    ports: Ports,
}

impl Ground {
    /// The demo's, on these servers, under a name that nobody else has. Touches nothing yet. Where
    /// the broker's HTTP API is known, in a virtual host of its own.
    pub fn new(
        database_url: &str,
        amqp_url: &str,
        amqp_api_url: Option<&str>,
        ports: &Ports,
    ) -> Result<Self, Failure> {
        Self::of("demo", database_url, amqp_url, amqp_api_url, ports)
    }

    /// The same of another command, whose name all names on the servers begin with.
    pub fn of(
        command: &str,
        database_url: &str,
        amqp_url: &str,
        amqp_api_url: Option<&str>,
        ports: &Ports,
    ) -> Result<Self, Failure> {
        // The last digits are drawn, the first ones are the time.
        let drawn = ports.ids.next().simple().to_string();
        let prefix = format!("{command}_{}", &drawn[drawn.len() - 8..]);
        let vhost =
            amqp_api_url.map(|url| Vhost::new(url, amqp_url, &prefix, ports)).transpose()?;
        Ok(Self {
            database_url: database_url.to_owned(),
            amqp_url: amqp_url.to_owned(),
            vhost,
            owner: format!("expeditor {command}"),
            prefix,
            queues: OnceLock::new(),
            ports: ports.clone(),
        })
    }

    /// What the names of its databases begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Makes the databases, at this program's version, and the queues, unless somebody uses these.
    pub async fn prepare(&self) -> Result<Access, Failure> {
        let broker = self.claim_queues().await?;
        let declared = rabbitmq::declare(broker, &self.ports).await;
        declared.map_err(|error| cannot_be_used(&broker.url, &error))?;
        let amqp_url = broker.url.clone();
        let mut access = Access {
            services: BTreeMap::default(),
            sources: BTreeMap::default(),
            amqp_url: Some(amqp_url.clone()),
            source_amqp_urls: BTreeMap::default(),
            keys: None,
        };
        for service in ServiceName::ALL {
            let database_url = self.prepare_database(service).await?;
            access.sources.insert(service, database_url.clone());
            let amqp_url = amqp_url.clone();
            access.services.insert(service, Reach { database_url, amqp_url });
        }
        Ok(access)
    }

    /// Sees to it that nobody else uses the queues, so that they may be removed in the end; makes
    /// none. Answers where they are.
    pub async fn claim_queues(&self) -> Result<&rabbitmq::Options, Failure> {
        let amqp_url = match &self.vhost {
            Some(vhost) => vhost.make().await?,
            None => self.amqp_url.clone(),
        };
        let broker = rabbitmq::Options::new(&amqp_url, &ServiceName::ALL, &self.owner);
        if let Some(used) = self.depths(&broker).await?.into_iter().find(is_used) {
            return Err(Failure::Usage(format!(
                "the queue {} of that virtual host has {} messages and {} consumers: services of \
                 somebody else are at home there; name another virtual host in --amqp-url",
                used.queue, used.messages, used.consumers
            )));
        }
        // Claimed again, it is the same.
        Ok(self.queues.get_or_init(|| broker))
    }

    /// Makes a service's database, at this program's version. Answers its URL.
    pub async fn prepare_database(&self, service: ServiceName) -> Result<String, Failure> {
        let name = self.database(service);
        create_database(&Connect::to(&self.database_url)?, &name, &self.ports).await?;
        let database_url = crate::audit::with_database(&self.database_url, &name)?;
        let connect = Connect::to(&database_url)?;
        PostgresDatabase::migrate(&connect, &Migrations::postgres(service)).await?;
        Ok(database_url)
    }

    /// The databases, to be looked at.
    pub async fn databases(&self) -> Result<Databases, Failure> {
        Databases::on_server(&self.database_url, &self.prefix, &self.ports).await
    }

    /// How many messages wait in the queues that nobody has been given.
    pub async fn queued(&self) -> Result<u64, Failure> {
        let Some(broker) = self.queues.get() else { return Ok(0) };
        Ok(self.depths(broker).await?.iter().map(|depth| u64::from(depth.messages)).sum())
    }

    /// How many of them wait for that service.
    pub async fn queued_for(&self, service: ServiceName) -> Result<u64, Failure> {
        let Some(broker) = self.queues.get() else { return Ok(0) };
        let own = [QueueKind::Commands, QueueKind::Events].map(|kind| queue(service, kind));
        let depths = self.depths(broker).await?;
        let own = depths.iter().filter(|depth| own.contains(&depth.queue));
        Ok(own.map(|depth| u64::from(depth.messages)).sum())
    }

    /// Removes the queues and exchanges with their messages, unless they were found to be somebody
    /// else's.
    pub async fn remove_queues(&self) -> Result<(), Failure> {
        match (&self.vhost, self.queues.get()) {
            (Some(vhost), _) => vhost.remove().await,
            (None, Some(broker)) => {
                let removed = rabbitmq::remove(broker, &self.ports).await;
                removed.map_err(|error| cannot_be_used(&broker.url, &error))
            }
            (None, None) => Ok(()),
        }
    }

    /// Removes the databases.
    pub async fn remove_databases(&self) -> Result<(), Failure> {
        let server = Connect::to(&self.database_url)?;
        for service in ServiceName::ALL {
            drop_database(&server, &self.database(service), &self.ports).await?;
        }
        Ok(())
    }

    async fn depths(&self, broker: &rabbitmq::Options) -> Result<Vec<Depth>, Failure> {
        let depths = rabbitmq::depths(broker, &self.ports).await;
        depths.map_err(|error| cannot_be_used(&broker.url, &error))
    }

    fn database(&self, service: ServiceName) -> String {
        format!("{}_{service}", self.prefix)
    }
}

const fn is_used(depth: &Depth) -> bool {
    depth.messages > 0 || depth.consumers > 0
}

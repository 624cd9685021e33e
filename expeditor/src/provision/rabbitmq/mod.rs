//! RabbitMQ: a virtual host with exchanges and queues, and a user for each service that may do what
//! the service does and no more.
//!
//! A user of ours has no tags and no rights beyond our virtual host. One with a name of ours that
//! has more was not made here, and ends everything before anything is changed.

mod rights;

use std::collections::{BTreeMap, BTreeSet};

use contracts::ServiceName;
use runtime::{broker::rabbitmq, ports::Ports};
use serde::Deserialize;
use serde_json::{Value, json};

use self::rights::{NameRights, Rights, TopicRights};
use super::{
    files::Secrets,
    names::Names,
    passwords::{Password, RABBITMQ_ALGORITHM},
    places::{Place, plain},
    report::{Outcome, Report},
};
use crate::{exit::Failure, management::Management, process::servers::cannot_be_used};

/// A broker that has been looked at.
pub struct Server<'a> {
    place: &'a Place,
    names: &'a Names,
    api: Management,
    vhost: bool,
    users: BTreeMap<String, User>,
}

/// A user as the API tells of it.
#[derive(Debug, Deserialize)]
struct User {
    #[serde(default)]
    password_hash: String,
    #[serde(default)]
    hashing_algorithm: String,
    /// A list, or in older versions a text with commas.
    #[serde(default)]
    tags: Value,
}

impl User {
    fn has_tags(&self) -> bool {
        match &self.tags {
            Value::Array(tags) => !tags.is_empty(),
            Value::String(tags) => !tags.is_empty(),
            _ => false,
        }
    }
}

/// Who asks.
#[derive(Deserialize)]
struct Me {
    #[serde(default)]
    tags: Value,
}

/// Rights in a virtual host.
#[derive(Deserialize)]
struct InVhost {
    vhost: String,
}

/// Anything with a name.
#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Binding {
    source: String,
    destination: String,
    routing_key: String,
}

impl<'a> Server<'a> {
    /// Asks what is there. Changes nothing.
    pub async fn look(
        place: &'a Place,
        api: &str,
        names: &'a Names,
        ports: &Ports,
    ) -> Result<Self, Failure> {
        let api = Management::new(api, place.url(), ports)?;
        let me: Option<Me> = api.find(&["whoami"]).await?;
        let me = me.ok_or_else(|| api.told("it is no management API of RabbitMQ"))?;
        if !me.tags.to_string().contains("administrator") {
            return Err(api.told("who logs in is no administrator"));
        }
        let vhost = api.find::<Named>(&["vhosts", names.vhost()]).await?.is_some();
        let mut users = BTreeMap::new();
        for service in ServiceName::ALL {
            let name = names.service(service);
            let Some(user) = api.find::<User>(&["users", &name]).await? else { continue };
            let rights: Vec<InVhost> = api.list(&["users", &name, "permissions"]).await?;
            let elsewhere = rights.iter().any(|it| it.vhost != names.vhost());
            if user.has_tags() || elsewhere {
                return Err(api.told(format_args!(
                    "the user {name} is there and was not made by provision, as it may do more; \
                     nothing was changed; choose another --prefix"
                )));
            }
            users.insert(name, user);
        }
        Ok(Self { place, names, api, vhost, users })
    }

    /// Makes what is missing.
    pub async fn set_up(
        &self,
        secrets: &Secrets,
        ports: &Ports,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let outcome = self.vhost().await?;
        report.step(format_args!("virtual host {}", self.names.vhost()), outcome);
        let before = self.topology().await?;
        self.declare(ports).await?;
        let outcome = match before == self.topology().await? {
            true => Outcome::There,
            false if before.is_empty() => Outcome::Made,
            false => Outcome::Changed,
        };
        report.step(format_args!("exchanges and queues of {}", self.names.vhost()), outcome);
        for service in ServiceName::ALL {
            let name = self.names.service(service);
            let outcome = self.user(&name, &secrets.users[&name]).await?;
            report.step(format_args!("user {name}"), outcome);
            let outcome = self.rights(&name, &rights::of(service)).await?;
            report.step(format_args!("rights of {name}"), outcome);
        }
        Ok(())
    }

    /// The administrator declares what is in it, and may need leave to.
    async fn vhost(&self) -> Result<Outcome, Failure> {
        let (vhost, admin) = (self.names.vhost(), plain(self.place.url().username()));
        if !self.vhost {
            self.api.put(&["vhosts", vhost], &json!({"description": self.names.mark()})).await?;
        }
        let path = ["permissions", vhost, &admin];
        let may = self.api.find::<Value>(&path).await?.is_some();
        if !may {
            let all = NameRights::everything();
            self.api.put(&path, &json!(all)).await?;
        }
        Ok(match (self.vhost, may) {
            (false, _) => Outcome::Made,
            (true, false) => Outcome::Changed,
            (true, true) => Outcome::There,
        })
    }

    /// All that services need, so that none of them needs leave to make it.
    async fn declare(&self, ports: &Ports) -> Result<(), Failure> {
        let url = self.place.within(self.names.vhost());
        let options = rabbitmq::Options::new(url, &ServiceName::ALL, "expeditor provision");
        let declared = rabbitmq::declare(&options, ports).await;
        declared.map_err(|error| cannot_be_used(&options.url, &error))
    }

    /// All that is in the virtual host, by name.
    async fn topology(&self) -> Result<BTreeSet<String>, Failure> {
        let vhost = self.names.vhost();
        let mut found = BTreeSet::new();
        for kind in ["exchanges", "queues"] {
            let all: Vec<Named> = self.api.list(&[kind, vhost]).await?;
            // The broker's own have no name of ours.
            let own = |name: &String| !name.is_empty() && !name.starts_with("amq.");
            found.extend(all.into_iter().map(|it| it.name).filter(own));
        }
        let bindings: Vec<Binding> = self.api.list(&["bindings", vhost]).await?;
        found.extend(
            bindings
                .into_iter()
                .filter(|it| !it.source.is_empty())
                .map(|it| format!("{} → {} by {}", it.source, it.destination, it.routing_key)),
        );
        Ok(found)
    }

    async fn user(&self, name: &str, password: &Password) -> Result<Outcome, Failure> {
        let found = self.users.get(name);
        if found.is_some_and(|user| {
            password.is_kept_by_rabbitmq(&user.hashing_algorithm, &user.password_hash)
        }) {
            return Ok(Outcome::There);
        }
        let body = json!({
            "password_hash": password.for_rabbitmq()?,
            "hashing_algorithm": RABBITMQ_ALGORITHM,
            "tags": "",
        });
        self.api.put(&["users", name], &body).await?;
        Ok(if found.is_some() { Outcome::Changed } else { Outcome::Made })
    }

    async fn rights(&self, user: &str, wanted: &Rights) -> Result<Outcome, Failure> {
        let vhost = self.names.vhost();
        let mut changed = false;
        let path = ["permissions", vhost, user];
        let found: Option<NameRights> = self.api.find(&path).await?;
        if found.as_ref() != Some(&wanted.names) {
            self.api.put(&path, &json!(wanted.names)).await?;
            changed = true;
        }
        let path = ["topic-permissions", vhost, user];
        let mut topics: Vec<TopicRights> = self.api.list(&path).await?;
        topics.sort();
        if topics != wanted.topics {
            if !topics.is_empty() {
                self.api.delete(&path).await?;
            }
            for topic in &wanted.topics {
                self.api.put(&path, &json!(topic)).await?;
            }
            changed = true;
        }
        Ok(match (found, changed) {
            (None, _) => Outcome::Made,
            (Some(_), true) => Outcome::Changed,
            (Some(_), false) => Outcome::There,
        })
    }
}

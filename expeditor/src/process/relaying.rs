//! `relay`: brings the messages of services' outboxes to the broker, in a process of its own and
//! beside others of its kind, until it is told to end.

use std::{
    collections::BTreeMap, fmt::Display, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration,
};

use contracts::ServiceName;
use futures_util::future::try_join_all;
use relay::SharedOptions;
use runtime::{
    auth::Verifier,
    broker::{Broker, rabbitmq::RabbitMq},
    db::{
        SharedOutbox,
        postgres::{PostgresOutbox, Sole},
    },
    http::{Access, Guarded, Readiness, Server, health, openapi},
    metrics::{self, Metrics},
    ports::Ports,
};
use uuid::Uuid;

use super::{
    options::{RELAY_PORT, RelayArgs, wanted},
    servers,
};
use crate::{
    commands::dev::loopback, config::File, credentials, exit::Failure, print, signals, system,
};

/// Where it listens unless told otherwise.
const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), RELAY_PORT);

/// How long a predecessor of the same name may take to end.
const PATIENCE: Duration = Duration::from_secs(12);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// One outbox, and the broker as its service's own user.
#[derive(Debug, PartialEq, Eq)]
struct Source {
    service: ServiceName,
    database_url: String,
    amqp_url: String,
}

/// Relays what is named.
pub async fn run(options: RelayArgs, file: File) -> Result<(), Failure> {
    let section = file.relay;
    let amqp_url = options.amqp_url.or(section.amqp_url);
    let databases = given(&options.source, section.sources)?;
    let brokers = given(&options.source_amqp_url, section.source_amqp_urls)?;
    let sources = sources(databases, brokers, amqp_url.as_deref())?;
    let listen = options.listen.or(section.listen).unwrap_or(LISTEN);
    let access = access("relay", options.keys.or(section.keys), listen)?;
    let ports = Ports::system();
    let mut closing = signals::closing(&ports);
    let metrics = Metrics::default();
    let server = Server::bind(listen).await.map_err(|it| system::cannot_listen(&it))?;
    let server = server.with_metrics(metrics.clone());
    let address = server.local_addr();
    let name = options.name.or(section.name).unwrap_or_else(|| default_name(address));
    let readiness = Readiness::default();
    // All at the same time: messages wait for each of them.
    let opening = sources.iter().map(|source| open(source, &name, &ports));
    let opened = try_join_all(opening).await?;
    let (mut running, mut alone) = (Vec::new(), Vec::new());
    for (source, (sole, outbox, broker)) in sources.iter().zip(opened) {
        watch(source, &outbox, &broker, &readiness);
        alone.push(sole);
        let options = SharedOptions { metrics: metrics.clone(), ..SharedOptions::default() };
        let (shared, broker): (Arc<dyn SharedOutbox>, Arc<dyn Broker>) = (outbox.clone(), broker);
        let relay =
            relay::start_shared(source.service, shared, broker, &ports, options, owner(&name));
        running.push((relay, outbox));
    }
    let routes = routes("Expeditor: relay", metrics, readiness, &ports);
    print::line(format_args!("relay listens on http://{address}"));
    server.serve(routes, access, &ports, closing.wait()).await;
    // Nothing is lost: what is not confirmed stays where it is, for whoever reads it next.
    for (relay, outbox) in running {
        relay.stop().await;
        outbox.close().await;
    }
    drop(alone);
    Ok(())
}

/// What a process answers that has no service in it.
pub fn routes(title: &str, metrics: Metrics, readiness: Readiness, ports: &Ports) -> Guarded {
    let routes = metrics::routes(metrics).merge(health::routes(readiness, ports.clone()));
    openapi::routes(title, routes)
}

/// Without keys nobody has to log in, so nobody from elsewhere may come in.
pub fn access(command: &str, keys: Option<PathBuf>, listen: SocketAddr) -> Result<Access, Failure> {
    match keys {
        Some(keys) => Ok(Access::Tokens(Verifier::new(credentials::read(&keys)?))),
        None => loopback(&format!("{command} without --keys"), listen).map(|()| Access::Open),
    }
}

/// Waits for a while until nobody of the same name runs: its predecessor may be about to end.
async fn sole(source: &Source, name: &str, ports: &Ports) -> Result<Sole, Failure> {
    let connect = servers::connect(&source.database_url)?;
    let begun = ports.clock.elapsed();
    loop {
        if let Some(sole) = PostgresOutbox::sole(&connect, owner(name), ports).await? {
            return Ok(sole);
        }
        if ports.clock.elapsed().saturating_sub(begun) > PATIENCE {
            return Err(Failure::Environment(format!(
                "relay: another relay called {name} is at work on {}; each wants a --name of its own",
                source.service
            )));
        }
        ports.clock.sleep(LOOK_AGAIN).await;
    }
}

/// Opens one source: outbox and broker.
async fn open(
    source: &Source,
    name: &str,
    ports: &Ports,
) -> Result<(Sole, Arc<PostgresOutbox>, Arc<RabbitMq>), Failure> {
    let sole = sole(source, name, ports).await?;
    // Leases, reads and deletes go on beside one another.
    let mut connect = servers::connect(&source.database_url)?;
    connect.outbox = 3;
    let outbox = Arc::new(PostgresOutbox::open(&connect, ports).await?);
    let connection = format!("{name} {}", source.service);
    let broker = servers::broker(&source.amqp_url, &[source.service], &connection, ports).await?;
    Ok((sole, outbox, broker))
}

/// What is asked of a source before the relay is ready.
fn watch(
    source: &Source,
    outbox: &Arc<PostgresOutbox>,
    broker: &Arc<RabbitMq>,
    readiness: &Readiness,
) {
    let look = Arc::clone(outbox);
    readiness.add(format!("{}/outbox", source.service), move || {
        let look = Arc::clone(&look);
        async move { look.parked_count().await.map(drop).map_err(|error| error.to_string()) }
    });
    let reach = broker.publisher().clone();
    readiness.add_noting(format!("{}/broker", source.service), move || {
        let checked = reach.check();
        async move { checked }
    });
}

/// What the command line gives, or else the file. What is wrong is not repeated: URLs have passwords.
fn given(
    options: &[String],
    file: BTreeMap<String, String>,
) -> Result<BTreeMap<ServiceName, String>, Failure> {
    let options = options.iter().map(|option| match option.split_once('=') {
        Some((name, url)) => Ok((name.to_owned(), url.to_owned())),
        None => Err(usage("a source is a service and its URL: payment=URL")),
    });
    let options: Vec<(String, String)> = options.collect::<Result<_, _>>()?;
    let given = if options.is_empty() { file.into_iter().collect() } else { options };
    let mut all = BTreeMap::new();
    for (name, url) in given {
        let service = ServiceName::parse(&name).ok_or_else(|| {
            usage(format_args!("there is no service called '{name}', as in {name}=URL"))
        })?;
        if all.insert(service, url).is_some() {
            return Err(usage(format_args!("{service} is given twice")));
        }
    }
    Ok(all)
}

fn sources(
    databases: BTreeMap<ServiceName, String>,
    mut brokers: BTreeMap<ServiceName, String>,
    amqp_url: Option<&str>,
) -> Result<Vec<Source>, Failure> {
    if databases.is_empty() {
        return Err(usage(
            "--source is wanted (or EXPEDITOR_SOURCE, or [relay.sources] in the file of --config)",
        ));
    }
    let mut sources = Vec::with_capacity(databases.len());
    for (service, database_url) in databases {
        let amqp_url = match brokers.remove(&service) {
            Some(url) => url,
            None => wanted("relay", "amqp-url", amqp_url.map(str::to_owned))?,
        };
        sources.push(Source { service, database_url, amqp_url });
    }
    match brokers.keys().next() {
        None => Ok(sources),
        Some(other) => {
            Err(usage(format_args!("--source-amqp-url names {other}, which no --source names")))
        }
    }
}

fn usage(reason: impl Display) -> Failure {
    Failure::Usage(format!("relay: {reason}"))
}

/// One that starts again under the same name is the same one, and goes on with its leases.
fn owner(name: &str) -> Uuid {
    const RELAYS: Uuid = Uuid::from_u128(0x9b1f_34d2_5c0e_4d55_8a57_5e1d_0c4a_6b21);
    Uuid::new_v5(&RELAYS, name.as_bytes())
}

/// The machine's name and the port: the same after a restart, and another one's is another.
fn default_name(address: SocketAddr) -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let machine = Some(machine.trim()).filter(|name| !name.is_empty()).unwrap_or("localhost");
    format!("relay@{machine}:{}", address.port())
}

#[cfg(test)]
mod tests {
    use ServiceName::{Payment, Store};

    use super::*;

    fn urls(all: &[(ServiceName, &str)]) -> BTreeMap<ServiceName, String> {
        all.iter().map(|(service, url)| (*service, (*url).to_owned())).collect()
    }

    #[test]
    fn each_source_has_a_broker_of_its_own_or_the_common_one() {
        let databases = || urls(&[(Payment, "p"), (Store, "s")]);
        let found = sources(databases(), urls(&[(Store, "own")]), Some("common")).unwrap();
        let source = |service, database_url: &str, amqp_url: &str| Source {
            service,
            database_url: database_url.to_owned(),
            amqp_url: amqp_url.to_owned(),
        };
        assert_eq!(found, [source(Payment, "p", "common"), source(Store, "s", "own")]);
        let both = urls(&[(Store, "own"), (Payment, "own")]);
        assert!(sources(databases(), both, None).is_ok());
        for (databases, brokers, says) in [
            (urls(&[]), urls(&[]), "--source is wanted"),
            (databases(), urls(&[(Store, "own")]), "--amqp-url is wanted"),
            (urls(&[(Payment, "p")]), urls(&[(Store, "own")]), "names store, which no --source"),
        ] {
            let common = says.starts_with("names").then_some("common");
            let failure = sources(databases, brokers, common).unwrap_err();
            assert!(failure.to_string().contains(says), "{failure}");
            assert_eq!(failure.status(), 2);
        }
    }

    #[test]
    fn the_command_line_stands_for_the_file() {
        let file = || BTreeMap::from([("payment".to_owned(), "file".to_owned())]);
        let option = ["store=postgres://h/d?options=-c%20x=y".to_owned()];
        let found = urls(&[(Store, "postgres://h/d?options=-c%20x=y")]);
        assert_eq!(given(&option, file()).unwrap(), found);
        assert_eq!(given(&[], file()).unwrap(), urls(&[(Payment, "file")]));
        for (options, says) in [
            (["store=a", "store=b"].as_slice(), "store is given twice"),
            (&["shop=postgres://u:secret@h/d"], "no service called 'shop'"),
            (&["postgres://u:secret@h/d"], "payment=URL"),
        ] {
            let options: Vec<String> = options.iter().map(|it| (*it).to_owned()).collect();
            let failure = given(&options, file()).unwrap_err().to_string();
            assert!(failure.contains(says) && !failure.contains("secret"), "{failure}");
        }
    }

    #[test]
    fn a_name_is_an_owner() {
        assert_eq!(owner("relay-1"), owner("relay-1"));
        assert_ne!(owner("relay-1"), owner("relay-2"));
    }
}

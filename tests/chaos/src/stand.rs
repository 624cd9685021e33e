//! What the faults happen to: two servers, every service and two relays, and between them proxies that
//! understand what they say.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use contracts::ServiceName;
use expeditor::{
    exit::Failure,
    fleet::{Access, FleetPlan, Ground, OnServers},
};
use runtime::ports::Ports;
use servers::{Postgres, PostgresOptions, RabbitMq, RabbitMqOptions};
use tempfile::TempDir;
use testkit::{
    Own,
    fleet::{long_deadlines, start_fleet},
    proxy::{Proxy, Wire},
};
use tokio::sync::{Mutex, RwLock};

/// The deadlines: longer than anything of what goes wrong lasts, and than what comes together of
/// it, so that nobody is late but who is silent on purpose.
const DEADLINE: Duration = Duration::from_secs(45);

/// What all relays are called together.
pub const RELAY: &str = "relay";

/// The ways of a service's replicas, or of the relays, to their servers.
pub struct Ways {
    /// To PostgreSQL.
    pub database: Proxy,
    /// To RabbitMQ.
    pub broker: Proxy,
}

/// All of it.
pub struct Stand {
    /// The processes. They end first.
    pub stage: OnServers,
    /// The databases.
    pub database: Mutex<Own<Postgres>>,
    /// The broker.
    pub broker: Mutex<Own<RabbitMq>>,
    /// Held to write while there is no database server. A process does not start without one, which
    /// is for its supervisor to repeat; here it is started when there is one again.
    pub database_is_there: RwLock<()>,
    /// Whom something happens to, only one thing happens to at a time.
    pub processes: BTreeMap<String, Mutex<()>>,
    /// By a service's name, or [`RELAY`].
    pub ways: BTreeMap<String, Ways>,
    /// The processes' files.
    pub directory: TempDir,
}

impl Stand {
    /// Starts all of it. The processes are that program.
    pub async fn start(program: &str, ports: &Ports) -> Result<Self, Failure> {
        let database = Own::start(|| Postgres::start(&PostgresOptions::default()));
        let broker = Own::start(|| RabbitMq::start(&RabbitMqOptions::default()));
        let (database, broker) = tokio::try_join!(database, broker).map_err(of_servers)?;
        let directory = tempfile::Builder::new().prefix("expeditor-chaos-").tempdir();
        let directory =
            directory.map_err(|error| expeditor::exit::disk("cannot make a directory", &error))?;
        let (database_url, amqp_url) = (database.server().url(), broker.server().url());
        let ground = Arc::new(Ground::of("chaos", &database_url, &amqp_url, None, ports)?);
        let servers = [&database_url, &amqp_url].map(|url| address_of(url));
        let mut ways = BTreeMap::new();
        for name in ServiceName::ALL.map(ServiceName::as_str).into_iter().chain([RELAY]) {
            ways.insert(name.to_owned(), Ways::to(servers, ports).await?);
        }
        let planned = |plan: &mut FleetPlan| {
            patient(plan);
            lead(&mut plan.access, &ways);
        };
        let stage = start_fleet(program, &ground, directory.path(), ports, planned).await?;
        let names = stage.fleet.members().into_iter().map(|member| member.name);
        Ok(Self {
            processes: names.map(|name| (name, Mutex::default())).collect(),
            stage,
            database: Mutex::new(database),
            broker: Mutex::new(broker),
            database_is_there: RwLock::default(),
            ways,
            directory,
        })
    }

    /// The names of the processes.
    pub fn names(&self) -> Vec<String> {
        self.processes.keys().cloned().collect()
    }
}

impl Ways {
    async fn to([database, broker]: [SocketAddr; 2], ports: &Ports) -> Result<Self, Failure> {
        let started = tokio::try_join!(
            Proxy::start(Wire::Postgres, database, ports),
            Proxy::start(Wire::Amqp, broker, ports),
        );
        let (database, broker) =
            started.map_err(|error| expeditor::exit::disk("cannot listen", &error))?;
        Ok(Self { database, broker })
    }
}

/// Where a server of ours listens.
fn address_of(url: &str) -> SocketAddr {
    let host = url.rsplit('@').next().and_then(|rest| rest.split('/').next());
    host.and_then(|host| host.parse().ok()).expect("our servers tell their address and port")
}

/// Leads each service and the relays to their servers by ways of their own.
fn lead(access: &mut Access, ways: &BTreeMap<String, Ways>) {
    for (service, reach) in &mut access.services {
        let ways = &ways[service.as_str()];
        reach.database_url = ways.database.through(&reach.database_url);
        reach.amqp_url = ways.broker.through(&reach.amqp_url);
    }
    let ways = &ways[RELAY];
    for url in access.sources.values_mut() {
        *url = ways.database.through(url);
    }
    access.amqp_url = access.amqp_url.as_ref().map(|url| ways.broker.through(url));
}

/// What a server's failure is to whoever runs this.
#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub fn of_servers(error: servers::Error) -> Failure {
    Failure::Environment(error.to_string())
}

fn patient(plan: &mut FleetPlan) {
    long_deadlines(plan, DEADLINE);
    let deadlines = &mut plan.settings.orchestrator.deadlines;
    deadlines.reprice = Some(DEADLINE);
    deadlines.amend = Some(DEADLINE);
}

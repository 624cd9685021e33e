//! What the faults happen to: two servers, every service and two relays.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use expeditor::{
    exit::Failure,
    fleet::{FleetPlan, Ground, OnServers},
};
use runtime::ports::Ports;
use servers::{Postgres, PostgresOptions, RabbitMq, RabbitMqOptions};
use tempfile::TempDir;
use testkit::{
    Own,
    fleet::{long_deadlines, start_fleet},
};
use tokio::sync::{Mutex, RwLock};

/// The deadlines: longer than anything of what goes wrong lasts, and than what comes together of
/// it, so that nobody is late but who is silent on purpose.
const DEADLINE: Duration = Duration::from_secs(60);
/// When the slow gateway answers: well after its deadline.
const SLOW: Duration = Duration::from_secs(90);

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
        let stage = start_fleet(program, &ground, directory.path(), ports, patient).await?;
        let names = stage.fleet.members().into_iter().map(|member| member.name);
        Ok(Self {
            processes: names.map(|name| (name, Mutex::default())).collect(),
            stage,
            database: Mutex::new(database),
            broker: Mutex::new(broker),
            database_is_there: RwLock::default(),
            directory,
        })
    }

    /// The names of the processes.
    pub fn names(&self) -> Vec<String> {
        self.processes.keys().cloned().collect()
    }
}

/// What a server's failure is to whoever runs this.
pub fn of_servers(error: servers::Error) -> Failure {
    Failure::Environment(error.to_string())
}

fn patient(plan: &mut FleetPlan) {
    long_deadlines(plan, DEADLINE);
    let deadlines = &mut plan.settings.orchestrator.deadlines;
    deadlines.reprice = Some(DEADLINE);
    deadlines.amend = Some(DEADLINE);
    plan.settings.payment.slow_after = SLOW;
}

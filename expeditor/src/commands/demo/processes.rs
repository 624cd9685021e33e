//! The demo over real processes, on servers that are given: each service a process of its own, two
//! orchestrators, two relays.
//!
//! What it makes on the servers bears a name of this run alone. It goes when all is well or when the
//! run is interrupted; where something failed, the databases are kept and named, with the logs.

use std::{path::Path, sync::Arc};

use runtime::ports::Ports;

use super::{chaos, end_and_judge, home::Home};
use crate::{
    cli::DemoArgs,
    config::DemoFile,
    exit::Failure,
    fleet::{self, Access, FleetPlan, Ground, OnServers},
    people::{pace::Closing, show::Script},
    print, signals,
    system::Settings,
    tables,
};

/// The servers to work on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Servers {
    database: String,
    broker: String,
    broker_api: Option<String>,
}

impl Servers {
    /// Those that are named, if any are: on the command line, else in the file.
    pub(super) fn named(
        options: &DemoArgs,
        file: &DemoFile,
        on_files: bool,
    ) -> Result<Option<Self>, Failure> {
        let database = options.database_url.as_ref().or(file.database_url.as_ref()).cloned();
        let amqp = options.amqp_url.as_ref().or(file.amqp_url.as_ref()).cloned();
        let api = options.amqp_api_url.as_ref().or(file.amqp_api_url.as_ref()).cloned();
        let wrong = match (database, amqp, api) {
            (None, None, None) => return Ok(None),
            (Some(_), Some(_), _) if on_files => {
                "--data or --database-url, not both: either files or servers"
            }
            (Some(database), Some(broker), broker_api) => {
                return Ok(Some(Self { database, broker, broker_api }));
            }
            (None, _, _) => "--database-url is wanted too: processes need both servers",
            (Some(_), None, _) => "--amqp-url is wanted too: processes need both servers",
        };
        Err(Failure::Usage(format!("demo: {wrong}")))
    }
}

/// Makes what is needed on the servers, plays, and removes it.
pub(super) async fn run(
    script: &Script,
    servers: Servers,
    settings: Settings,
    chaos: bool,
    ports: Ports,
) -> Result<(), Failure> {
    let closing = signals::closing(&ports);
    let home = Home::choose(None)?;
    let Servers { database, broker, broker_api } = &servers;
    let ground = Ground::new(database, broker, broker_api.as_deref(), &ports)?;
    let ground = Arc::new(ground);
    let starting = start(script, &ground, home.path(), settings, closing.clone(), &ports).await;
    let played = match starting {
        Ok(stage) => play(script, stage, closing.clone(), chaos).await,
        Err(failure) => Err(failure),
    };
    let interrupted = closing.is_now();
    leave(&ground, home, played, interrupted).await
}

async fn start(
    script: &Script,
    ground: &Arc<Ground>,
    directory: &Path,
    settings: Settings,
    mut closing: Closing,
    ports: &Ports,
) -> Result<OnServers, Failure> {
    let (seed, prefix) = (script.seed, ground.prefix());
    let logs = directory.display();
    print::aside(format_args!("seed {seed}, databases {prefix}_SERVICE, logs in {logs}"));
    // Not to be broken off: a server that makes a database goes on when nobody waits for it.
    let access = ground.prepare().await?;
    let starting = async {
        let (keys, tokens) = fleet::new_keys(directory, ports)?;
        let access = Access { keys: Some(keys), ..access };
        let plan = FleetPlan::new(directory, access, settings)?;
        let fleet = plan.start(ports).await?;
        let databases = ground.databases().await?;
        let (ground, ports) = (Arc::clone(ground), ports.clone());
        Ok::<_, Failure>(OnServers { fleet, ground, databases, tokens: Some(tokens), ports })
    };
    tokio::select! {
        biased;
        () = closing.wait() => {
            Err(Failure::No("stopped before all processes had started".to_owned()))
        }
        stage = starting => stage,
    }
}

async fn play(
    script: &Script,
    stage: OnServers,
    closing: Closing,
    chaos: bool,
) -> Result<(), Failure> {
    print::line(tables::processes(&stage.fleet.members()));
    let played = chaos::play(&stage, &stage.fleet, script, closing, chaos, &stage.ports).await;
    end_and_judge(&stage.fleet, stage.databases, played).await
}

/// Removes what nobody needs. The queues go in any case: without their services nobody would empty
/// them, and the next run would find them in use.
async fn leave(
    ground: &Ground,
    home: Home,
    played: Result<(), Failure>,
    interrupted: bool,
) -> Result<(), Failure> {
    let queues = ground.remove_queues().await;
    if played.is_ok() || interrupted || matches!(played, Err(Failure::Usage(_))) {
        let removed = ground.remove_databases().await;
        drop(home);
        return played.and(queues).and(removed);
    }
    let kept = format!("databases {}_SERVICE are kept; logs are", ground.prefix());
    home.leave(played, &kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_servers_are_named_or_none() {
        let some = |it: &str| (!it.is_empty()).then(|| it.to_owned());
        for (database, amqp, api, on_files, says) in [
            ("", "", "", false, None),
            ("", "", "", true, None),
            ("d", "a", "", false, None),
            ("d", "a", "h", false, None),
            ("d", "a", "", true, Some("not both")),
            ("d", "", "", false, Some("--amqp-url")),
            ("", "a", "", false, Some("--database-url")),
            ("", "", "h", false, Some("--database-url")),
        ] {
            let options = DemoArgs { database_url: some(database), ..DemoArgs::default() };
            let file =
                DemoFile { amqp_url: some(amqp), amqp_api_url: some(api), ..DemoFile::default() };
            let named = Servers::named(&options, &file, on_files);
            match says {
                None => assert_eq!(named.unwrap().is_some(), !database.is_empty()),
                Some(says) => {
                    let failure = named.unwrap_err();
                    assert!(failure.to_string().contains(says), "{failure}");
                    assert_eq!(failure.status(), 2);
                }
            }
        }
    }
}

//! The fleet: each service and each relay in a process of its own, as children of this one, all of
//! them this very program.
//!
//! It starts them, ends them and tells when one ends by itself. It starts none again that nobody
//! asked for, and knows nothing of what they do.

mod ground;
mod keys;
mod one;
mod plan;
pub(crate) mod process;
mod settings;
mod stage;
mod toll;
mod vhost;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use runtime::ports::Ports;

use self::process::{Ending, Process};
pub use self::{
    ground::Ground,
    keys::new_keys,
    one::OneProcess,
    plan::{Access, FleetPlan, Reach},
    process::Spec,
    stage::OnServers,
    toll::{Deaths, Toll},
};
use crate::exit::{Failure, disk};

/// How long a process may take until it can work, once all that it needs is there.
const READY: Duration = Duration::from_secs(60);
/// How long a process may take to end in order: longer than it gives requests in hand.
const END: Duration = Duration::from_secs(30);
/// How long the answer of `/readyz` may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How long until something is looked at again: nobody tells of a change.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Processes that run, or were told to end. Those that run are killed when this is dropped; use
/// [`stop_all`](Self::stop_all) for an orderly end.
pub struct Fleet {
    program: PathBuf,
    processes: Vec<Process>,
    http: reqwest::Client,
    ports: Ports,
}

/// One of the fleet, as it is now.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its process id, while it is meant to run.
    pub id: Option<u32>,
    /// Where it listens, or listened.
    pub address: Option<SocketAddr>,
    /// What it prints goes there.
    pub log: PathBuf,
}

impl Fleet {
    /// Starts these, all at the same time, and waits until each can work. `directory` is where
    /// their logs are written.
    pub async fn start(
        program: impl Into<PathBuf>,
        directory: &std::path::Path,
        specs: impl IntoIterator<Item = Spec>,
        ports: &Ports,
    ) -> Result<Self, Failure> {
        let http = reqwest::Client::builder().timeout(ANSWER).no_proxy().build();
        let fleet = Self {
            program: program.into(),
            processes: specs.into_iter().map(|spec| Process::new(spec, directory)).collect(),
            http: http.expect("a client without TLS and proxies has nothing that could fail"),
            ports: ports.clone(),
        };
        for process in &fleet.processes {
            fleet.spawn(process, &[])?;
        }
        for process in &fleet.processes {
            fleet.until_ready(process).await?;
        }
        Ok(fleet)
    }

    /// All of them.
    pub fn members(&self) -> Vec<Member> {
        let member = |process: &Process| Member {
            name: process.spec.name.clone(),
            id: process.id(),
            address: process.address(),
            log: process.log.clone(),
        };
        self.processes.iter().map(member).collect()
    }

    /// Starts one that does not run, where it listened before, and waits until it can work.
    pub async fn launch(&self, name: &str) -> Result<(), Failure> {
        self.begin(name)?;
        self.ready(name).await
    }

    /// Starts one that does not run, where it listened before, and does not wait for it.
    pub fn begin(&self, name: &str) -> Result<(), Failure> {
        self.begin_with(name, &[])
    }

    /// The same, with these environment variables besides, which last until it is started again.
    pub fn begin_with(&self, name: &str, variables: &[(&str, &str)]) -> Result<(), Failure> {
        let process = self.find(name)?;
        process.forget();
        self.spawn(process, variables)
    }

    /// Waits until one that was started can work: a minute from now, at most.
    pub async fn ready(&self, name: &str) -> Result<(), Failure> {
        self.until_ready(self.find(name)?).await
    }

    /// Ends one at once, as a crash does.
    pub fn kill(&self, name: &str) -> Result<(), Failure> {
        self.find(name)?.kill();
        Ok(())
    }

    /// Asks one to end in order, and waits until it has. One that does not is killed, and told of.
    pub async fn terminate(&self, name: &str) -> Result<(), Failure> {
        self.end(self.find(name)?).await
    }

    /// Ends one in order and starts it again.
    pub async fn restart(&self, name: &str) -> Result<(), Failure> {
        self.terminate(name).await?;
        self.launch(name).await
    }

    /// Fails where that one has ended by itself: with how, and what it said last.
    pub fn check(&self, name: &str) -> Result<(), Failure> {
        fallen(self.find(name)?).map_or(Ok(()), Err)
    }

    /// Resolves when one has ended by itself: with how, and what it said last.
    pub async fn fallen(&self) -> Failure {
        loop {
            if let Some(failure) = self.processes.iter().find_map(fallen) {
                return failure;
            }
            self.ports.clock.sleep(LOOK_AGAIN).await;
        }
    }

    /// Ends all of them in order: services first, all at the same time, then what has no service in
    /// it, so that relays can still send what the services' last transactions have left. Answers
    /// the first thing that went wrong, when all are gone.
    pub async fn stop_all(&self) -> Result<(), Failure> {
        let (relays, services): (Vec<_>, Vec<_>) =
            self.processes.iter().partition(|process| process.spec.name.starts_with(RELAY));
        let mut ended = Vec::new();
        for some in [services, relays] {
            ended.extend(
                futures_util::future::join_all(some.into_iter().map(|it| self.end(it))).await,
            );
        }
        ended.into_iter().collect()
    }

    async fn end(&self, process: &Process) -> Result<(), Failure> {
        process.terminate();
        let start = self.ports.clock.elapsed();
        loop {
            match process.ending() {
                Ending::Runs => {}
                Ending::Absent => return Ok(()),
                Ending::Ended(status) if status.success() => return Ok(()),
                Ending::Ended(status) => {
                    return Err(told(process, &format!("ended with {status}")));
                }
            }
            if self.ports.clock.elapsed().saturating_sub(start) > END {
                process.kill();
                let what = format!("did not end within {} s and was killed", END.as_secs());
                return Err(told(process, &what));
            }
            self.ports.clock.sleep(LOOK_AGAIN).await;
        }
    }

    fn spawn(&self, process: &Process, with: &[(&str, &str)]) -> Result<(), Failure> {
        let what = || format!("cannot start {}", process.spec.name);
        process.spawn(&self.program, with).map_err(|error| disk(what(), &error))
    }

    async fn until_ready(&self, process: &Process) -> Result<(), Failure> {
        let start = self.ports.clock.elapsed();
        let mut answer = "it does not listen".to_owned();
        loop {
            if let Some(failure) = fallen(process) {
                // Some connection of anybody may have been given its port while it was down.
                let taken = process.address().is_some() && process.last_words().contains("in use");
                if !taken || self.since(start) > READY {
                    return Err(failure);
                }
                process.forget();
                self.ports.clock.sleep(LOOK_AGAIN * 10).await;
                self.spawn(process, &[])?;
            }
            if let Some(address) = process.address().filter(|_| process.listens()) {
                let request = self.http.get(format!("http://{address}/readyz"));
                match request.send().await {
                    Ok(response) if response.status().is_success() => return Ok(()),
                    Ok(response) => answer = response.text().await.unwrap_or_default(),
                    Err(error) => answer = error.without_url().to_string(),
                }
            }
            if self.since(start) > READY {
                let what = format!("was not ready within {} s ({answer})", READY.as_secs());
                return Err(told(process, &what));
            }
            self.ports.clock.sleep(LOOK_AGAIN).await;
        }
    }

    fn since(&self, start: Duration) -> Duration {
        self.ports.clock.elapsed().saturating_sub(start)
    }

    fn find(&self, name: &str) -> Result<&Process, Failure> {
        let found = self.processes.iter().find(|process| process.spec.name == name);
        found.ok_or_else(|| Failure::Usage(format!("there is no {name} in the fleet")))
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.processes.iter().for_each(Process::kill);
    }
}

/// Begins the names of relays.
const RELAY: &str = "relay";

/// What is told of one that has ended by itself.
fn fallen(process: &Process) -> Option<Failure> {
    Some(told(process, &format!("has ended by itself with {}", process.fallen()?)))
}

fn told(process: &Process, what: &str) -> Failure {
    let (name, words) = (&process.spec.name, process.last_words());
    Failure::Environment(format!("{name} {what}; it last said: {words}"))
}

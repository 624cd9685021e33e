//! `cargo xtask services`: the servers of the `servers` crate as commands, and for the tests.
//!
//! `up` prints URLs on standard output and nothing else there, so that a script can read them.

use std::thread;

use servers::{AMQP_API_URL, AMQP_URL, Kind, POSTGRES_URL, Services, Standing};

use crate::Failure;

/// What is to be done with the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Find or start them.
    Up {
        /// Whether commits wait for the disk.
        durable: bool,
    },
    /// End them and remove their data.
    Down,
    /// Say what runs.
    Status,
}

/// Does it. Answers the closing line; none after `up`.
pub(crate) fn run(wish: Wish) -> Result<String, Failure> {
    let services = Services::of_workspace();
    match wish {
        Wish::Up { durable } => {
            for standing in up(&services, &Kind::ALL, durable)? {
                println!("{}", standing.url);
            }
            Ok(String::new())
        }
        Wish::Down => {
            let ended = services.down()?;
            let names: Vec<&str> = ended.into_iter().map(Kind::name).collect();
            Ok(match names.as_slice() {
                [] => "there were no servers".to_owned(),
                names => format!("ended {}", names.join(" and ")),
            })
        }
        Wish::Status => {
            let standing = services.status()?;
            for one in &standing {
                println!("{}", told(one));
            }
            let running = standing.iter().filter(|one| one.runs).count();
            Ok(match running {
                0 => "no server runs; to start them: cargo xtask services up".to_owned(),
                1 => "1 server runs".to_owned(),
                count => format!("{count} servers run"),
            })
        }
    }
}

/// All at the same time: a broker takes its time to start.
fn up(services: &Services, kinds: &[Kind], durable: bool) -> Result<Vec<Standing>, Failure> {
    // Installing is one at a time: the lock of the package system is the machine's.
    let lacking = servers::lacking();
    if servers::installs_packages() && !lacking.is_empty() {
        let packages: Vec<&str> = lacking.iter().flat_map(|one| one.packages).copied().collect();
        eprintln!("xtask: installing {}", packages.join(" "));
        servers::install(&packages)?;
    }
    let outcomes: Vec<_> = thread::scope(|scope| {
        let start = |kind| scope.spawn(move || services.up(kind, durable));
        let threads: Vec<_> = kinds.iter().copied().map(start).collect();
        threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let panicked = |_| Err(servers::Error::Failed("starting a server panicked".to_owned()));
    let outcomes = outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(panicked));
    Ok(outcomes.collect::<Result<_, _>>()?)
}

fn told(standing: &Standing) -> String {
    let name = standing.kind.name();
    let directory = standing.directory.display();
    if !standing.runs {
        return format!("{name} has ended; its data are in {directory}");
    }
    let pid = standing.pid.map_or("in a container".to_owned(), |pid| format!("process {pid}"));
    let mut lines = vec![format!("{name} runs: {pid}, {directory}"), format!("  {}", standing.url)];
    lines.extend(standing.api_url.iter().map(|url| format!("  {url} (HTTP API)")));
    lines.join("\n")
}

/// The servers of a run of the tests. Those that it has started end with it; those that ran
/// before stay.
#[derive(Default)]
pub(crate) struct ForTests {
    started: Vec<Kind>,
    /// Where the tests find them.
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl ForTests {
    /// Finds or starts those that the environment does not name already.
    pub(crate) fn bring(&mut self) -> Result<(), Failure> {
        let named =
            |kind: &Kind| std::env::var_os(variable(*kind)).is_some_and(|url| !url.is_empty());
        let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| !named(kind)).collect();
        for standing in up(&Services::of_workspace(), &kinds, false)? {
            println!("{}", told(&standing));
            self.started.extend(standing.started.then_some(standing.kind));
            self.environment.push((variable(standing.kind), standing.url));
            self.environment.extend(standing.api_url.map(|url| (AMQP_API_URL, url)));
        }
        Ok(())
    }
}

fn variable(kind: Kind) -> &'static str {
    match kind {
        Kind::Postgres => POSTGRES_URL,
        Kind::RabbitMq => AMQP_URL,
    }
}

impl Drop for ForTests {
    fn drop(&mut self) {
        for kind in self.started.drain(..) {
            if let Err(error) = Services::of_workspace().down_one(kind) {
                eprintln!("xtask: {error}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(runs: bool) -> Standing {
        Standing {
            kind: Kind::RabbitMq,
            url: "amqp://u:p@127.0.0.1:17001/v".to_owned(),
            api_url: Some("http://u:p@127.0.0.1:17002".to_owned()),
            pid: runs.then_some(7),
            directory: "/d".into(),
            runs,
            started: false,
        }
    }

    #[test]
    fn a_server_is_told_with_all_that_one_needs_to_reach_it() {
        assert_eq!(
            told(&standing(true)),
            "RabbitMQ runs: process 7, /d\n  amqp://u:p@127.0.0.1:17001/v\n  \
             http://u:p@127.0.0.1:17002 (HTTP API)"
        );
        assert_eq!(told(&standing(false)), "RabbitMQ has ended; its data are in /d");
    }
}

//! The servers of the services profile, and what each run has there: databases and queues of its own,
//! which are removed however it ends.

use contracts::ServiceName;
use runtime::ports::Ports;

use super::options::{BenchFile, Common};
use crate::{exit::Failure, fleet::Ground, people::pace::Closing, print};

/// What is said when somebody does not want to wait any longer.
pub const ENDED_EARLY: &str = "ended before everything was measured";

/// PostgreSQL and RabbitMQ.
#[derive(Clone, Debug)]
pub struct Servers {
    database_url: String,
    amqp_url: String,
    amqp_api_url: Option<String>,
    closing: Closing,
}

impl Servers {
    /// Those that are named on the command line, else in the file.
    pub fn named(common: &Common, file: &BenchFile, closing: Closing) -> Result<Self, Failure> {
        let either =
            |one: &Option<String>, other: &Option<String>| one.as_ref().or(other.as_ref()).cloned();
        let wanted = |option: &str, value: Option<String>| {
            value.ok_or_else(|| {
                Failure::Usage(format!("bench: the services profile wants --{option} too"))
            })
        };
        let database_url = either(&common.database_url, &file.database_url);
        let amqp_url = either(&common.amqp_url, &file.amqp_url);
        Ok(Self {
            database_url: wanted("database-url", database_url)?,
            amqp_url: wanted("amqp-url", amqp_url)?,
            amqp_api_url: either(&common.amqp_api_url, &file.amqp_api_url),
            closing,
        })
    }

    /// Does some work on a new ground, once that is made ready, and removes it.
    pub async fn on_ground<R, T>(
        &self,
        ports: &Ports,
        prepare: impl AsyncFnOnce(&Ground) -> Result<R, Failure>,
        work: impl AsyncFnOnce(&Ground, R) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (database, broker) = (&self.database_url, &self.amqp_url);
        let ground = Ground::of("bench", database, broker, self.amqp_api_url.as_deref(), ports)?;
        let mut closing = self.closing.clone();
        // Not to be broken off: a server that makes a database goes on when nobody waits for it.
        let done = match prepare(&ground).await {
            Ok(ready) => tokio::select! {
                biased;
                () = closing.wait() => Err(Failure::No(ENDED_EARLY.to_owned())),
                done = work(&ground, ready) => done,
            },
            Err(failure) => Err(failure),
        };
        let queues = ground.remove_queues().await;
        let databases = ground.remove_databases().await;
        let done = done?;
        queues.and(databases).map(|()| done)
    }

    /// Does some work on queues that nobody else uses, with the broker's URL.
    pub async fn on_queues<T>(
        &self,
        ports: &Ports,
        work: impl AsyncFnOnce(String) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let prepare = async |ground: &Ground| Ok(ground.claim_queues().await?.url.clone());
        self.on_ground(ports, prepare, async |_: &Ground, url| work(url).await).await
    }

    /// Does some work on one service's database, with its URL, and queues.
    pub async fn on_database<T>(
        &self,
        service: ServiceName,
        ports: &Ports,
        work: impl AsyncFnOnce(String, String) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let prepare = async |ground: &Ground| {
            let broker = ground.claim_queues().await?.url.clone();
            name(ground);
            Ok((ground.prepare_database(service).await?, broker))
        };
        self.on_ground(ports, prepare, async |_: &Ground, (database, broker)| {
            work(database, broker).await
        })
        .await
    }
}

/// Who is killed leaves them behind.
pub fn name(ground: &Ground) {
    print::aside(format_args!("databases {}_SERVICE", ground.prefix()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_servers_are_wanted_and_the_command_line_wins_over_the_file() {
        let some = |it: &str| (!it.is_empty()).then(|| it.to_owned());
        for (database, amqp, in_file, found) in [
            ("d", "a", "", Ok("d a")),
            ("d", "", "f", Ok("d f")),
            ("", "", "f", Ok("f f")),
            ("d", "", "", Err("--amqp-url")),
            ("", "a", "", Err("--database-url")),
        ] {
            let common =
                Common { database_url: some(database), amqp_url: some(amqp), ..Common::default() };
            let (database_url, amqp_url) = (some(in_file), some(in_file));
            let file = BenchFile { database_url, amqp_url, ..BenchFile::default() };
            match (Servers::named(&common, &file, Closing::new().1), found) {
                (Ok(servers), Ok(urls)) => {
                    assert_eq!(format!("{} {}", servers.database_url, servers.amqp_url), urls);
                }
                (Err(failure), Err(says)) => {
                    assert!(failure.to_string().contains(says), "{failure}");
                    assert_eq!(failure.status(), 2);
                }
                (found, _) => panic!("{database} {amqp} {in_file}: {found:?}"),
            }
        }
    }
}

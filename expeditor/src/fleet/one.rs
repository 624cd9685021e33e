//! The whole system as one child process, on the files of a directory.

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use runtime::ports::Ports;

use super::{Fleet, Spec, plan, settings};
use crate::{
    audit::Databases,
    exit::{Failure, disk},
    people::{addresses::Addresses, client::Client, show::Stage},
    system::Settings,
};

/// What the process is called.
const NAME: &str = "expeditor";

/// A fleet of one, and its databases.
pub struct OneProcess {
    /// The process.
    pub fleet: Fleet,
    /// Its databases, to be looked at.
    pub databases: Databases,
    /// Clock, ids and tasks.
    pub ports: Ports,
}

impl OneProcess {
    /// Starts it, `expeditor dev`, on the databases in that directory; its options and its log are
    /// written there too. Answers when it can work.
    pub async fn start(
        directory: &Path,
        settings: &Settings,
        ports: &Ports,
    ) -> Result<Self, Failure> {
        std::fs::create_dir_all(directory)
            .map_err(|error| disk(format_args!("cannot make {}", directory.display()), &error))?;
        let options = directory.join(format!("{NAME}.toml"));
        plan::write(&options, &settings::sections(settings))?;
        let words = ["dev", "--data"].map(str::to_owned).into_iter();
        let words = words.chain([directory.display().to_string(), "--config".to_owned()]);
        let arguments = words.chain([options.display().to_string()]).collect();
        let spec = Spec { name: NAME.to_owned(), arguments };
        let fleet = Fleet::start(plan::this_program()?, directory, [spec], ports).await?;
        let databases = Databases::in_directory(directory).await?;
        Ok(Self { fleet, databases, ports: ports.clone() })
    }
}

#[async_trait]
impl Stage for OneProcess {
    fn client(&self, patience: Duration) -> Client {
        let address = self.fleet.members().into_iter().find_map(|member| member.address);
        let base = address.map(|address| format!("http://{address}")).unwrap_or_default();
        Client::of(Addresses::one(base), self.ports.clone(), patience)
    }

    async fn on_their_way(&self) -> Result<u64, Failure> {
        Ok(self.databases.backlog().await?)
    }
}

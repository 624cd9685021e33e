//! The whole system in a process of its own, to be looked at from outside. It ends with this one.

use std::{path::Path, time::Duration};

use runtime::ports::Ports;

use crate::{
    exit::{Failure, disk},
    fleet::process::{Ending, Process, Spec},
};

/// How long it may take to begin, and to end.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A system that runs. Dropped, it is ended at once.
pub struct Served {
    process: Process,
    url: String,
    id: u32,
}

impl Served {
    /// Starts it with its data and its log in that directory.
    pub async fn start(directory: &Path, ports: &Ports) -> Result<Self, Failure> {
        let program = std::env::current_exe();
        let program = program.map_err(|error| disk("cannot find this program", &error))?;
        let data = directory.join("data").display().to_string();
        let arguments = ["dev", "--log", "warn", "--data", &data].map(str::to_owned).to_vec();
        let process = Process::new(Spec { name: "system".to_owned(), arguments }, directory);
        let served = Self { process, url: String::new(), id: 0 };
        let started = served.process.spawn(&program, &[]);
        started.map_err(|error| disk("cannot start the system", &error))?;
        let began = ports.clock.elapsed();
        let address = loop {
            if let Some(address) = served.process.address() {
                break address;
            }
            let late = ports.clock.elapsed().saturating_sub(began) > PATIENCE;
            if late || served.process.fallen().is_some() {
                let words = served.process.last_words();
                return Err(Failure::Environment(format!("the system did not start: {words}")));
            }
            ports.clock.sleep(LOOK_AGAIN).await;
        };
        let id = served.process.id().unwrap_or_default();
        let mut served = served;
        (served.url, served.id) = (format!("http://{address}"), id);
        Ok(served)
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Ends it in order, or at once where that takes too long.
    pub async fn end(self, ports: &Ports) {
        self.process.terminate();
        let began = ports.clock.elapsed();
        while matches!(self.process.ending(), Ending::Runs)
            && ports.clock.elapsed().saturating_sub(began) < PATIENCE
        {
            ports.clock.sleep(LOOK_AGAIN).await;
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.process.kill();
    }
}

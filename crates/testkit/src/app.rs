//! The whole system in this process, on a temporary directory.

use std::{path::Path, sync::Arc, time::Duration};

use expeditor::{
    audit::{self, Databases, Knowledge},
    system::{Fittings, Settings, System},
    tables,
};
use runtime::{ServiceName, broker::Broker, db::Database, ports::Ports};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::Client;

/// No test waits longer than this for what must happen.
pub const BOUND: Duration = Duration::from_secs(60);

/// How long until a condition is looked at again. Conditions are read over HTTP, where nothing
/// tells of a change.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Another broker, if there is one.
struct Other(Option<Arc<dyn Broker>>);

impl Fittings for Other {
    fn broker(&self, usual: Arc<dyn Broker>) -> Arc<dyn Broker> {
        self.0.clone().unwrap_or(usual)
    }

    fn database(&self, _: ServiceName, database: Arc<dyn Database>) -> Arc<dyn Database> {
        database
    }
}

/// The system, running.
pub struct App {
    system: System,
    client: Client,
    directory: TempDir,
    ports: Ports,
}

impl App {
    /// Starts it with default settings.
    pub async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    /// Starts it.
    pub async fn start_with(settings: Settings) -> Self {
        Self::start_on(tempfile::tempdir().unwrap(), settings, None).await
    }

    /// Starts it with another broker in place of the one within the process.
    pub async fn start_with_broker(settings: Settings, broker: Arc<dyn Broker>) -> Self {
        Self::start_on(tempfile::tempdir().unwrap(), settings, Some(broker)).await
    }

    /// Starts it on what another one left.
    pub async fn start_on(
        directory: TempDir,
        settings: Settings,
        broker: Option<Arc<dyn Broker>>,
    ) -> Self {
        let ports = Ports::system();
        let listen = "127.0.0.1:0".parse().unwrap();
        let system =
            System::start_fitted(directory.path(), listen, settings, ports.clone(), &Other(broker))
                .await
                .unwrap();
        let client = Client::new(system.url());
        Self { system, client, directory, ports }
    }

    /// Stops it in order, whatever is on its way, and starts it on the same directory.
    pub async fn restart(self, settings: Settings) -> Self {
        self.system.stop().await;
        Self::start_on(self.directory, settings, None).await
    }

    /// Stops it in order; what it stored is left.
    pub async fn stop(self) -> TempDir {
        self.system.stop().await;
        self.directory
    }

    /// Where its databases lie.
    pub fn data(&self) -> &Path {
        self.directory.path()
    }

    /// Speaks to it.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Clock and ids.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Returns after that long: for a race whose sides start at different moments. What must have
    /// happened is waited for with [`until`](Self::until).
    pub async fn later(&self, offset: Duration) {
        self.ports.clock.sleep(offset).await;
    }

    /// Waits until a condition holds.
    pub async fn until<F: Future<Output = bool>>(&self, what: &str, condition: impl Fn() -> F) {
        let wait = async {
            while !condition().await {
                self.ports.clock.sleep(LOOK_AGAIN).await;
            }
        };
        timeout(BOUND, wait).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
    }

    /// Waits until no message is on its way.
    pub async fn drained(&self) {
        self.until("the outboxes are empty", || async {
            self.system.backlog().await.unwrap() == 0
        })
        .await;
    }

    /// Ends it and lets the auditor look: no message may be left or dead, no invariant violated.
    pub async fn finish(self) -> TempDir {
        self.drained().await;
        self.system.stop().await;
        let stored = Databases::in_directory(self.directory.path()).await.unwrap();
        let report = audit::audit(&stored, &Knowledge::default()).await.unwrap();
        stored.close().await;
        assert!(report.holds(), "the audit found:\n{}", tables::audit(&report));
        let dead: u64 = report.dead_letters().values().sum();
        assert_eq!(dead, 0, "dead letters: {:?}", report.dead_letters());
        self.directory
    }
}

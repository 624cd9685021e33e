//! The whole system in one process: every service on its own SQLite file, the in-process broker,
//! the relays, and all routes on one port. It only puts together what the services bring; they
//! share no memory but the bytes that the broker carries.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use contracts::ServiceName;
use runtime::{
    Service,
    broker::{Broker, in_process::InProcess},
    db::{Database, Migrations, sqlite::SqliteDatabase},
    host,
    http::{
        Access, Guarded, Handle, Readiness, ServeError, Server, dead_letters, health, openapi,
        parked,
    },
    metrics::{self, Metrics},
    ports::Ports,
};
use serde::Deserialize;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    commands::openapi::TITLE,
    directory::Making,
    exit::Failure,
    lock::DataLock,
    people::{client::Client, show::Stage},
};

/// The services' settings, a section each.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Of the orchestrator: deadlines and retries.
    pub orchestrator: orchestrator::Settings,
    /// Of payment.
    pub payment: payment::Settings,
    /// Of the store.
    pub store: store::Settings,
    /// Of the cook.
    pub cook: cook::Settings,
    /// Of the rider.
    pub rider: rider::Settings,
    /// Of notification: languages and retries.
    pub notification: notification::Settings,
}

/// Where a service's database lies in a data directory.
pub fn database_path(data: &Path, service: ServiceName) -> PathBuf {
    data.join(format!("{service}.db"))
}

/// What is fitted between the services and what they run on, to look on: it passes everything on as
/// it is.
pub trait Fittings: Send + Sync {
    /// Around the broker.
    fn broker(&self, broker: Arc<dyn Broker>) -> Arc<dyn Broker>;
    /// Around a service's database.
    fn database(&self, service: ServiceName, database: Arc<dyn Database>) -> Arc<dyn Database>;
}

/// Nothing is fitted.
struct Bare;

impl Fittings for Bare {
    fn broker(&self, broker: Arc<dyn Broker>) -> Arc<dyn Broker> {
        broker
    }

    fn database(&self, _service: ServiceName, database: Arc<dyn Database>) -> Arc<dyn Database> {
        database
    }
}

/// The system, running.
pub struct System {
    address: SocketAddr,
    ports: Ports,
    routes: Guarded,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    timers: JoinHandle<()>,
    services: Services,
    sender: notification::sender::Running,
    relays: Vec<relay::Running>,
    databases: Vec<Arc<dyn Database>>,
    _lock: DataLock,
}

struct Services {
    orchestrator: host::Running<orchestrator::Orchestrator>,
    payment: host::Running<payment::Payment>,
    store: host::Running<store::Store>,
    cook: host::Running<cook::Cook>,
    rider: host::Running<rider::Rider>,
    mypage: host::Running<mypage::Mypage>,
    notification: host::Running<notification::Notification>,
}

impl System {
    /// Starts everything on that directory and address. What is there goes on where it was.
    pub async fn start(
        data: &Path,
        listen: SocketAddr,
        settings: Settings,
        ports: Ports,
    ) -> Result<Self, Failure> {
        Self::start_fitted(data, listen, settings, ports, &Bare).await
    }

    /// [`start`](Self::start), with something fitted that looks on.
    pub async fn start_fitted(
        data: &Path,
        listen: SocketAddr,
        settings: Settings,
        ports: Ports,
        fittings: &dyn Fittings,
    ) -> Result<Self, Failure> {
        let start = ports.now();
        // The port comes before the data: a port in use must leave no trace.
        let server = Server::bind(listen).await.map_err(|error| cannot_listen(&error))?;
        let address = server.local_addr();
        let lock = DataLock::take(data)?;
        let making = Making::begin(data)?;
        let mut databases: Vec<Arc<dyn Database>> = Vec::new();
        for service in ServiceName::ALL {
            let path = database_path(data, service);
            let migrations = Migrations::sqlite(service);
            let database = SqliteDatabase::open(&path, &migrations, &ports).await?;
            databases.push(fittings.database(service, Arc::new(database)));
        }
        making.end()?;
        let broker = fittings.broker(Arc::new(InProcess::new(&ServiceName::ALL)));
        let (open_timers, timers_gate) = watch::channel(false);
        let metrics = Metrics::default();
        let house = House {
            ports: &ports,
            broker: &broker,
            databases: &databases,
            timers_gate,
            metrics: &metrics,
        };
        let services = Services {
            orchestrator: house.start(orchestrator::Orchestrator::new(settings.orchestrator)).await,
            payment: house.start(payment::Payment::new(settings.payment)).await,
            store: house.start(store::Store::new(settings.store)).await,
            cook: house.start(cook::Cook::new(settings.cook)).await,
            rider: house.start(rider::Rider::new(settings.rider)).await,
            mypage: house.start(mypage::Mypage).await,
            notification: house.start(notification::Notification::new(settings.notification)).await,
        };
        let sender = notification::sender::start(
            services.notification.handle(),
            Arc::new(notification::channel::Log::Debug),
            &metrics,
        );
        let relays = house.relays();
        let timers = host::open_timers(open_timers, databases.clone(), start, ports.clone());
        let timers = ports.spawn(timers);
        let readiness = Readiness::default();
        services.watch(&readiness);
        let (stop, mut stopped) = watch::channel(false);
        let routes = services
            .routes()
            .merge(health::routes(readiness, ports.clone()))
            .merge(metrics::routes(metrics.clone()));
        let routes = openapi::routes(TITLE, routes);
        let server = {
            let server = server.with_metrics(metrics);
            let (routes, own_ports) = (routes.clone(), ports.clone());
            ports.spawn(async move {
                let told = async move { host::told_to_stop(&mut stopped).await };
                // On loopback only: see `commands::dev::loopback`.
                server.serve(routes, Access::Open, &own_ports, told).await;
            })
        };
        Ok(Self {
            address,
            ports,
            routes,
            stop,
            server,
            timers,
            services,
            sender,
            relays,
            databases,
            _lock: lock,
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every route, with who may use it where somebody asks: here nobody does.
    pub const fn routes(&self) -> &Guarded {
        &self.routes
    }

    /// An app of somebody who lives with this system, as patient as that.
    pub fn client(&self, patience: Duration) -> Client {
        Client::new(self.url(), self.ports.clone(), patience)
    }

    /// How many messages wait in all outboxes.
    pub async fn backlog(&self) -> Result<u64, Failure> {
        let mut rows = 0;
        for database in &self.databases {
            rows += database.outbox().backlog().await?.0;
        }
        Ok(rows)
    }

    /// Ends it in order: no new requests, those in hand are answered, then the services, then the
    /// relays, then the files. Nothing is lost: what was not sent or not committed comes again.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        // The server bounds this itself: it gives requests in hand a period of grace.
        if let Err(error) = self.server.await {
            tracing::error!(%error, "the server did not end well");
        }
        self.timers.abort();
        self.sender.stop().await;
        let Services { orchestrator, payment, store, cook, rider, mypage, notification } =
            self.services;
        orchestrator.stop().await;
        payment.stop().await;
        store.stop().await;
        cook.stop().await;
        rider.stop().await;
        mypage.stop().await;
        notification.stop().await;
        for relay in self.relays {
            relay.stop().await;
        }
        for database in self.databases {
            database.close().await;
        }
    }
}

#[async_trait]
impl Stage for System {
    fn client(&self, patience: Duration) -> Client {
        self.client(patience)
    }

    async fn on_their_way(&self) -> Result<u64, Failure> {
        self.backlog().await
    }
}

/// What services are started with.
struct House<'a> {
    ports: &'a Ports,
    broker: &'a Arc<dyn Broker>,
    databases: &'a [Arc<dyn Database>],
    timers_gate: watch::Receiver<bool>,
    metrics: &'a Metrics,
}

impl House<'_> {
    async fn start<S: Service>(&self, service: S) -> host::Running<S> {
        let database = self.database(service.name());
        let options = host::Options::new(self.timers_gate.clone());
        let options = options.with_metrics(self.metrics.clone());
        host::start(service, database, Arc::clone(self.broker), self.ports.clone(), options).await
    }

    fn relays(&self) -> Vec<relay::Running> {
        let start = |service: ServiceName| {
            let (database, broker) = (self.database(service), Arc::clone(self.broker));
            relay::start(service, database, broker, self.ports, relay::Options::default())
        };
        ServiceName::ALL.into_iter().map(start).collect()
    }

    fn database(&self, service: ServiceName) -> Arc<dyn Database> {
        let place = ServiceName::ALL.into_iter().position(|name| name == service);
        let place = place.expect("ALL holds every service");
        Arc::clone(&self.databases[place])
    }
}

impl Services {
    /// Adds the checks of each.
    fn watch(&self, readiness: &Readiness) {
        self.orchestrator.watch(readiness);
        self.payment.watch(readiness);
        self.store.watch(readiness);
        self.cook.watch(readiness);
        self.rider.watch(readiness);
        self.mypage.watch(readiness);
        self.notification.watch(readiness);
    }

    fn routes(&self) -> Guarded {
        served(orchestrator::routes, self.orchestrator.handle())
            .merge(served(payment::routes, self.payment.handle()))
            .merge(served(store::routes, self.store.handle()))
            .merge(served(cook::routes, self.cook.handle()))
            .merge(served(rider::routes, self.rider.handle()))
            .merge(served(mypage::routes, self.mypage.handle()))
            .merge(served(notification::routes, self.notification.handle()))
    }
}

/// [`routes_of`] a service that runs.
pub fn served<S: Service>(own: fn() -> Guarded<Handle<S>>, handle: Handle<S>) -> Guarded {
    routes_of(own, handle.service().name()).with_state(handle)
}

/// The routes of a service: its own, and those that every service has.
pub fn routes_of<S: Service>(
    own: fn() -> Guarded<Handle<S>>,
    service: ServiceName,
) -> Guarded<Handle<S>> {
    own().merge(dead_letters::routes(service)).merge(parked::routes(service)).of(service)
}

/// What is told where an address cannot be listened on.
pub fn cannot_listen(error: &ServeError) -> Failure {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    Failure::Usage(format!("{error}{}", cause.unwrap_or_default()))
}

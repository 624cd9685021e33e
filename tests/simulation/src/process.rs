//! One service's process: the service that is shipped on its runtime, its relay, and its routes with
//! the layers around them, on a machine of the simulation.

use std::{any::Any, sync::Arc};

use axum::Router;
use contracts::ServiceName;
use expeditor::system::{Settings, routes_of};
use notification::channel::Log;
use runtime::{
    Service,
    broker::Broker,
    db::Database,
    host,
    http::{Access, Guarded, Handle, layers},
    metrics::Metrics,
};
use tokio::sync::watch;

use crate::{
    disk::{Disk, OpenDisk},
    endpoint::Endpoint,
    machine::Machine,
    network::Network,
};

/// A process that runs.
pub struct Process {
    /// What it runs on.
    pub machine: Machine,
    /// Its routes.
    pub routes: Router,
    /// Its database.
    pub database: OpenDisk,
    /// Ends in order when it is dropped; a crash comes first.
    _kept: Box<dyn Any + Send + Sync>,
}

/// With what it is started.
pub struct Place<'a> {
    /// The settings of all services.
    pub settings: &'a Settings,
    /// The network.
    pub network: &'a Arc<Network>,
    /// Its disk.
    pub disk: &'a Disk,
    /// Its machine.
    pub machine: Machine,
}

impl Process {
    /// Starts that service's process.
    pub async fn start(service: ServiceName, place: Place<'_>) -> Self {
        let settings = place.settings.clone();
        match service {
            ServiceName::Orchestrator => {
                let service = orchestrator::Orchestrator::new(settings.orchestrator);
                place.start(service, orchestrator::routes, |_, _| ()).await
            }
            ServiceName::Payment => {
                place
                    .start(payment::Payment::new(settings.payment), payment::routes, |_, _| ())
                    .await
            }
            ServiceName::Store => {
                place.start(store::Store::new(settings.store), store::routes, |_, _| ()).await
            }
            ServiceName::Cook => {
                place.start(cook::Cook::new(settings.cook), cook::routes, |_, _| ()).await
            }
            ServiceName::Rider => {
                place.start(rider::Rider::new(settings.rider), rider::routes, |_, _| ()).await
            }
            ServiceName::Mypage => place.start(mypage::Mypage, mypage::routes, |_, _| ()).await,
            ServiceName::Notification => {
                let service = notification::Notification::new(settings.notification);
                let sender = |handle, metrics: &Metrics| {
                    notification::sender::start(handle, Arc::new(Log::Debug), metrics)
                };
                place.start(service, notification::routes, sender).await
            }
        }
    }

    /// Ends it where it is.
    pub fn crash(&self) {
        self.machine.end();
        self.database.crash();
    }
}

impl Place<'_> {
    async fn start<S: Service, B: Send + Sync + 'static>(
        self,
        service: S,
        routes: fn() -> Guarded<Handle<S>>,
        beside: impl FnOnce(Handle<S>, &Metrics) -> B,
    ) -> Process {
        let (name, ports) = (service.name(), self.machine.ports());
        let (start, metrics) = (ports.now(), Metrics::default());
        let opened = self.disk.open(self.machine.clone());
        let database: Arc<dyn Database> = Arc::new(opened.clone());
        let endpoint = Endpoint::new(Arc::clone(self.network), self.machine.clone(), name);
        let broker: Arc<dyn Broker> = Arc::new(endpoint);
        let (open_timers, gate) = watch::channel(false);
        let options = host::Options::new(gate).with_metrics(metrics.clone());
        let running = host::start(
            service,
            Arc::clone(&database),
            Arc::clone(&broker),
            ports.clone(),
            options,
        )
        .await;
        let own = vec![Arc::clone(&database)];
        let timers = ports.spawn(host::open_timers(open_timers, own, start, ports.clone()));
        let relay = relay::start(name, database, broker, &ports, relay::Options::default());
        let beside = beside(running.handle(), &metrics);
        let routes = routes_of(routes, name).with_state(running.handle());
        let limits = layers::Limits::default();
        let routes = layers::wrap(routes, Access::Open, ports, limits, &metrics);
        let kept = Box::new((running, relay, beside, timers));
        Process { machine: self.machine, routes, database: opened, _kept: kept }
    }
}

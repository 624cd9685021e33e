//! `serve`: one service in a process of its own, until it is told to end.

use std::{net::SocketAddr, sync::Arc};

use contracts::ServiceName;
use notification::sender;
use runtime::{
    Service,
    auth::Verifier,
    broker::Broker,
    db::Database,
    host,
    http::{Access, Guarded, Handle, Limits, Readiness, Server, ServerSettings, health, openapi},
    metrics::{self, Metrics},
    ports::Ports,
};
use tokio::sync::watch;

use super::{
    channel::WebhookOptions,
    options::{ServeArgs, port, wanted},
    servers,
};
use crate::{
    commands::openapi::title, config::File, credentials, exit::Failure, people::pace::Closing,
    print, signals, system,
};

/// What a service is served with.
struct Place {
    listen: SocketAddr,
    limits: Limits,
    database_url: String,
    amqp_url: String,
    access: Access,
    ports: Ports,
    closing: Closing,
}

/// Serves what is named.
pub async fn run(options: ServeArgs, file: File) -> Result<(), Failure> {
    let service = ServiceName::parse(&options.service)
        .expect("the command line takes the names of services only");
    let settings = file.services;
    let (mut options, mut section) = (options, file.serve);
    let webhook = WebhookOptions::take(&mut options, &mut section);
    let default = SocketAddr::from(([127, 0, 0, 1], port(service)));
    let database_url = options.database_url.or(section.database_url);
    let amqp_url = options.amqp_url.or(section.amqp_url);
    let listen = options.listen.or(section.listen).unwrap_or(default);
    let ports = Ports::system();
    let (database_url, amqp_url, keys) = (
        wanted("serve", "database-url", database_url)?,
        wanted("serve", "amqp-url", amqp_url)?,
        wanted("serve", "keys", options.keys.or(section.keys))?,
    );
    let limits = Limits::default();
    let streams = options.streams.or(section.streams).unwrap_or(limits.streams);
    let place = Place {
        listen,
        limits: Limits { streams, ..limits },
        database_url,
        amqp_url,
        access: Access::Tokens(Verifier::new(credentials::read(&keys)?)),
        closing: signals::closing(&ports),
        ports,
    };
    let channel = webhook.channel(service, &place.ports)?;
    match service {
        ServiceName::Orchestrator => {
            let service = orchestrator::Orchestrator::new(settings.orchestrator);
            place.serve(service, orchestrator::routes).await
        }
        ServiceName::Payment => {
            place.serve(payment::Payment::new(settings.payment), payment::routes).await
        }
        ServiceName::Store => place.serve(store::Store::new(settings.store), store::routes).await,
        ServiceName::Cook => place.serve(cook::Cook::new(settings.cook), cook::routes).await,
        ServiceName::Rider => place.serve(rider::Rider::new(settings.rider), rider::routes).await,
        ServiceName::Mypage => place.serve(mypage::Mypage, mypage::routes).await,
        ServiceName::Notification => {
            let service = notification::Notification::new(settings.notification);
            let start = |handle, metrics: &Metrics| sender::start(handle, channel, metrics);
            place.serve_with(service, notification::routes, start, sender::Running::stop).await
        }
    }
}

impl Place {
    async fn serve<S: Service>(
        self,
        service: S,
        routes: fn() -> Guarded<Handle<S>>,
    ) -> Result<(), Failure> {
        self.serve_with(service, routes, |_, _| (), |()| std::future::ready(())).await
    }

    /// [`serve`](Self::serve), with something beside the service that is started with it and ended
    /// before it.
    async fn serve_with<S: Service, B, E: Future<Output = ()>>(
        mut self,
        service: S,
        routes: fn() -> Guarded<Handle<S>>,
        beside: impl FnOnce(Handle<S>, &Metrics) -> B,
        end: impl FnOnce(B) -> E,
    ) -> Result<(), Failure> {
        let (name, ports) = (service.name(), self.ports.clone());
        let start = ports.now();
        let metrics = Metrics::default();
        let server = Server::bind(self.listen).await.map_err(|it| system::cannot_listen(&it))?;
        let settings = ServerSettings { limits: self.limits, ..ServerSettings::default() };
        let server = server.with_settings(settings).with_metrics(metrics.clone());
        let address = server.local_addr();
        let database: Arc<dyn Database> =
            Arc::new(servers::database(&self.database_url, name, &ports).await?);
        let broker: Arc<dyn Broker> =
            servers::broker(&self.amqp_url, &[name], name.as_str(), &ports).await?;
        let (open_timers, gate) = watch::channel(false);
        let options = host::Options::new(gate).with_metrics(metrics.clone());
        let running =
            host::start(service, Arc::clone(&database), broker, ports.clone(), options).await;
        let own = vec![Arc::clone(&database)];
        let timers = ports.spawn(host::open_timers(open_timers, own, start, ports.clone()));
        let readiness = Readiness::default();
        running.watch(&readiness);
        let beside = beside(running.handle(), &metrics);
        let routes = system::served(routes, running.handle())
            .merge(metrics::routes(metrics))
            .merge(health::routes(readiness, ports.clone()));
        let routes = openapi::routes(&title(name), routes);
        print::line(format_args!("{name} listens on http://{address}"));
        server.serve(routes, self.access, &ports, self.closing.wait()).await;
        // Requests in hand were answered; now the batch in hand, then the connections. Nothing is
        // lost: what was not committed comes again.
        timers.abort();
        end(beside).await;
        running.stop().await;
        database.close().await;
        Ok(())
    }
}

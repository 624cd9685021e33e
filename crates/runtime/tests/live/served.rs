//! The toy service with a route that streams a tally, on a server of its own.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    extract::{Path, State},
    response::Response,
};
use runtime::{
    Aggregate as _, Problem, Timestamp,
    http::{
        Access, Guarded, Handle, Operation, Readiness, Server, ServerSettings, Show, Streaming,
        Who, health,
    },
    live::{Shown, Subject, Watch},
    metrics,
    ports::{Clock, Ports},
};
use serde_json::json;
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
};

use super::{
    client::soon,
    listener::Listener,
    toy::{Ask, Rig, Toy, tally},
};

/// At this count the tally of [`ENDS`] is at its end.
pub(crate) const END: u64 = 40;
pub(crate) const ENDS: &str = "ends";

/// How long the answer of `/big` is: longer than all buffers on its way.
pub(crate) const BIG: usize = 64 * 1024 * 1024;

/// The toy, served.
pub(crate) struct Served {
    pub(crate) rig: Rig,
    /// Whether reading fails.
    pub(crate) away: Arc<AtomicBool>,
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    stopped: JoinHandle<()>,
}

impl Served {
    pub(crate) async fn start() -> Self {
        Self::start_with(ServerSettings::default(), Access::Open, Ports::system()).await
    }

    pub(crate) async fn start_with(settings: ServerSettings, access: Access, ports: Ports) -> Self {
        Self::serve(Rig::start().await, settings, access, ports).await
    }

    pub(crate) async fn serve(
        rig: Rig,
        settings: ServerSettings,
        access: Access,
        ports: Ports,
    ) -> Self {
        let server = Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let server = server.with_settings(settings).with_metrics(rig.metrics.clone());
        let address = server.local_addr();
        let away = Arc::new(AtomicBool::new(false));
        let routes = routes()
            .with_state((rig.running.handle(), ports.clone(), Arc::clone(&away)))
            .merge(health::routes(Readiness::default(), Ports::system()))
            .merge(metrics::routes(rig.metrics.clone()));
        let (stop, told) = oneshot::channel::<()>();
        let stopped = Ports::system().spawn(async move {
            server.serve(routes, access, &ports, async { drop(told.await) }).await;
        });
        Self { rig, away, address, stop, stopped }
    }

    /// Counts one up.
    pub(crate) async fn count(&self, id: &str) {
        self.rig.ask(Ask::Count(id.to_owned())).await.unwrap();
    }

    /// Listens to a tally's stream.
    pub(crate) async fn listen(&self, id: &str, headers: &[(&str, &str)]) -> Listener {
        Listener::open(self.address, &format!("/tallies/{id}/events"), headers).await
    }

    /// Waits until nobody watches any more.
    pub(crate) async fn until_nobody_watches(&self) {
        let handle = self.rig.running.handle();
        self.rig.until("nobody watches", || async { handle.live().watching() == 0 }).await;
    }

    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        soon(self.stopped).await.unwrap();
        self.rig.stop().await;
    }
}

type Given = (Handle<Toy>, Ports, Arc<AtomicBool>);

fn routes() -> Guarded<Given> {
    let events = Operation::new("tally_events", "Streams a tally.")
        .path::<String>("id")
        .stream("Events `counted`.")
        .empty(204, "It has ended and was seen.")
        .not_found();
    let big = Operation::new("big", "Answers much.").media::<String>(200, "text/plain", "Much.");
    let much = || async { "x".repeat(BIG) };
    Guarded::new().get("/tallies/{id}/events", Who::ANYBODY, events, stream).get(
        "/big",
        Who::ANYBODY,
        big,
        much,
    )
}

async fn stream(
    State((handle, ports, away)): State<Given>,
    Path(id): Path<String>,
    streaming: Streaming,
) -> Result<Response, Problem> {
    let live = handle.live().clone();
    streaming.open("counted", &ports, &live, Counted { handle, id, away }).await
}

struct Counted {
    handle: Handle<Toy>,
    id: String,
    away: Arc<AtomicBool>,
}

#[async_trait]
impl Show for Counted {
    async fn show(&self, watch: &mut Watch) -> Result<Shown, Problem> {
        let key = tally(&self.id);
        watch.also(Subject::One(key.clone()));
        let read = || async {
            if self.away.load(Ordering::SeqCst) {
                return Err(Problem::unavailable("The database is away."));
            }
            let state = self.handle.get(&key).await?.ok_or_else(|| Problem::not_found("tally"))?;
            // Long enough that what is not read fills every buffer on the way.
            let padding = if self.id == "long" { "x".repeat(64 * 1024) } else { String::new() };
            let told = json!({ "count": state.count, "padding": padding });
            Ok(Shown::numbered(state.version(), &told, self.id == ENDS && state.count >= END))
        };
        let shown = watch.shared(&key, read).await?;
        watch.saw(&key, shown.version.unwrap());
        Ok(shown)
    }
}

/// A clock that stands still until it is moved.
pub(crate) struct ByHand {
    start: Timestamp,
    elapsed: watch::Sender<Duration>,
    /// Those who wait, until when: to be moved past.
    sleeping: Mutex<Vec<Duration>>,
}

impl ByHand {
    /// One that stands at the present.
    pub(crate) fn new() -> (Arc<Self>, Ports) {
        let system = Ports::system();
        let clock = Arc::new(Self {
            start: system.now(),
            elapsed: watch::channel(Duration::ZERO).0,
            sleeping: Mutex::default(),
        });
        let ports = Ports { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..system };
        (clock, ports)
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.elapsed.send_modify(|elapsed| *elapsed += by);
    }

    /// Waits until somebody waits for that moment.
    pub(crate) async fn awaited(&self, until: Duration) {
        let waiting = async {
            while !self.sleeping.lock().unwrap().contains(&until) {
                tokio::task::yield_now().await;
            }
        };
        soon(waiting).await;
    }
}

#[async_trait]
impl Clock for ByHand {
    fn now(&self) -> Timestamp {
        self.start.plus(*self.elapsed.borrow())
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.borrow()
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.elapsed().saturating_add(duration);
        let mut elapsed = self.elapsed.subscribe();
        self.sleeping.lock().unwrap().push(until);
        let _ = elapsed.wait_for(|elapsed| *elapsed >= until).await;
    }
}

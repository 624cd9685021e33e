//! A server with a route for each thing that the kit does.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Extension, Json,
    body::Bytes,
    extract::{Path, State},
    http::HeaderMap,
};
use contracts::{MenuId, OrderId};
use runtime::{
    Problem,
    auth::{Principal, Role},
    http::{
        Access, Guarded, JsonBody, Operation, Page, Readiness, RequestId, Server, ServerSettings,
        Shape, TraceParent, Who, health, list_response, path_id, required_header,
    },
    metrics::{self, Metrics},
    ports::Ports,
};
use serde_json::{Value, json};
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
};

use super::client::soon;

/// A server that runs, and the means to stop it.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) gate: Arc<Gate>,
    pub(crate) readiness: Readiness,
    stop: oneshot::Sender<()>,
    stopped: JoinHandle<()>,
}

/// Holds requests to `/gate` until it is opened.
#[derive(Default)]
pub(crate) struct Gate {
    pub(crate) entered: Notify,
    pub(crate) open: Notify,
}

impl Running {
    pub(crate) async fn start(settings: ServerSettings) -> Self {
        Self::start_for(settings, Access::Open).await
    }

    pub(crate) async fn start_for(settings: ServerSettings, access: Access) -> Self {
        let ports = Ports::system();
        let gate = Arc::new(Gate::default());
        let readiness = Readiness::default();
        let metrics = Metrics::default();
        let routes = routes(Arc::clone(&gate))
            .merge(health::routes(readiness.clone(), ports.clone()))
            .merge(metrics::routes(metrics.clone()));
        let server = Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let server = server.with_settings(settings).with_metrics(metrics);
        let address = server.local_addr();
        let (stop, told) = oneshot::channel::<()>();
        let serving = ports.clone();
        let stopped = ports.spawn(async move {
            let told = async { drop(told.await) };
            server.serve(routes, access, &serving, told).await;
        });
        Self { address, gate, readiness, stop, stopped }
    }

    pub(crate) async fn usual() -> Self {
        Self::start(ServerSettings::default()).await
    }

    /// Tells the server to stop; the handle resolves when it has.
    pub(crate) fn tell_to_stop(self) -> JoinHandle<()> {
        self.stop.send(()).unwrap();
        self.stopped
    }

    pub(crate) async fn stop(self) {
        soon(self.tell_to_stop()).await.unwrap();
    }
}

/// Something that answers 200.
fn told(id: &'static str) -> Operation {
    Operation::new(id, "Does it.").answer::<Value>(200, "It is done.")
}

async fn untold() -> Problem {
    Problem::conflict("untold", "Of this no document tells.")
}

fn routes(gate: Arc<Gate>) -> Guarded {
    let making = told("create").body::<Value>(json!({}));
    let key = told("keyed").header("idempotency-key", "A key.", Shape::of::<String>());
    let bytes = told("bytes").body::<Value>(json!({}));
    Guarded::new()
        .post("/things", Who::Only(&[Role::Store, Role::Operator]), making, create)
        .get("/things", Who::ANYBODY, told("list").list::<u32>("Numbers."), list)
        .get("/things/{thing_id}", Who::ANYBODY, told("show").path::<OrderId>("thing_id"), show)
        .get("/keyed", Who::ANYBODY, key, keyed)
        .post("/bytes", Who::ANYBODY, bytes, |body: Bytes| async move { body.len().to_string() })
        .get("/me", Who::ANYBODY, told("me"), me)
        .get("/panic", Who::ANYBODY, told("panic"), panic)
        .get("/hang", Who::ANYBODY, told("hang"), std::future::pending::<()>)
        .get("/gate", Who::ANYBODY, told("gate"), wait)
        .get("/untold", Who::ANYBODY, told("untold"), untold)
        .with_state(gate)
}

async fn create(JsonBody(mut fields): JsonBody) -> Result<Json<Value>, Problem> {
    let name = fields.text("name", 1..=100_000);
    let items = fields.array("items", 1..=50, |item| {
        let menu_id = item.id::<MenuId>("menu_id");
        let quantity = item.integer("quantity", 1..=999);
        Some((menu_id?, quantity?))
    });
    let district = fields.optional_object("address", |address| address.text("district", 1..=64));
    let thing = (|| Some((name?, items?.len())))();
    let (name, items) = fields.finish(thing)?;
    Ok(Json(json!({"name": name, "items": items, "district": district})))
}

async fn list(page: Page) -> axum::response::Response {
    let after = page.cursor.map_or(0, |cursor| cursor.parse::<u32>().unwrap());
    let items: Vec<u32> = (after + 1..=7).take(page.limit as usize).collect();
    list_response(items, page.limit, u32::to_string)
}

async fn show(Path(id): Path<String>) -> Result<String, Problem> {
    path_id::<OrderId>(&id, "thing_id").map(|id| id.to_string())
}

async fn keyed(headers: HeaderMap) -> Result<String, Problem> {
    required_header(&headers, "idempotency-key").map(str::to_owned)
}

async fn me(
    Extension(id): Extension<RequestId>,
    trace: Option<Extension<TraceParent>>,
    principal: Option<Extension<Principal>>,
) -> Json<Value> {
    let trace = trace.map(|Extension(trace)| trace.as_str().to_owned());
    let who = principal.map(|Extension(it)| format!("{} {}", it.role, it.subject));
    Json(json!({"id": id.as_str(), "trace": trace, "who": who}))
}

async fn panic() {
    panic!("as the scenario wants it");
}

async fn wait(State(gate): State<Arc<Gate>>) -> &'static str {
    gate.entered.notify_one();
    gate.open.notified().await;
    "through"
}

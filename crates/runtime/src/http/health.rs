//! The probes: `/healthz` says that the process lives, `/readyz` whether it can serve now. Neither
//! needs a login; a check tells no secret in its detail.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures_util::future::{BoxFuture, join_all};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    guarded::{Guarded, Who},
    operation::Operation,
};
use crate::{metrics::METRICS, ports::Ports};

const HEALTHZ: &str = "/healthz";
const READYZ: &str = "/readyz";

/// How long one check may take before it counts as failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) fn is_probe(path: &str) -> bool {
    path == HEALTHZ || path == READYZ || path == METRICS
}

/// Passed, perhaps with a note; or why not.
type Outcome = Result<Option<String>, String>;
type Run = Arc<dyn Fn() -> BoxFuture<'static, Outcome> + Send + Sync>;

/// The checks that a process must pass to be ready. Clones share them, so that each part adds its
/// own as it starts.
#[derive(Clone, Default)]
pub struct Readiness {
    checks: Arc<Mutex<Vec<(String, Run)>>>,
}

/// How a check went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Check")]
pub struct Checked {
    /// Which: `payment/database`.
    pub name: String,
    /// Whether it passed.
    pub ready: bool,
    /// Why not, or what is not as it should be although the process can serve, in a few words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Readiness {
    /// Adds a check. It is run at each question, for 2 s at most, beside the others.
    pub fn add<C, F>(&self, name: impl Into<String>, check: C)
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.add_noting(name, move || {
            let outcome = check();
            async move { outcome.await.map(|()| None) }
        });
    }

    /// Adds a check that may pass with a note.
    pub fn add_noting<C, F>(&self, name: impl Into<String>, check: C)
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<Option<String>, String>> + Send + 'static,
    {
        let run: Run = Arc::new(move || Box::pin(check()));
        self.lock().push((name.into(), run));
    }

    /// Runs every check; the results stand in the order in which the checks were added.
    pub async fn check(&self, ports: &Ports) -> Vec<Checked> {
        let checks = self.lock().clone();
        let checks = checks.into_iter().map(|(name, run)| async move {
            let outcome = tokio::select! {
                biased;
                outcome = run() => outcome,
                () = ports.clock.sleep(CHECK_TIMEOUT) => Err("no answer in time".to_owned()),
            };
            let ready = outcome.is_ok();
            Checked { name, ready, detail: outcome.unwrap_or_else(Some) }
        });
        join_all(checks).await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, Run)>> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `/healthz` and `/readyz`.
pub fn routes(readiness: Readiness, ports: Ports) -> Guarded {
    probes().with_state((readiness, ports))
}

/// [`routes`], before there is anything to check.
pub fn probes() -> Guarded<(Readiness, Ports)> {
    let lives = Operation::new("healthz", "Tells whether the process lives.")
        .answer::<Healthy>(200, "It does.");
    let ready = Operation::new("readyz", "Tells whether the process can serve now.")
        .answer::<Ready>(200, "Every check passes.")
        .answer::<Ready>(503, "A check fails.");
    Guarded::new().get(HEALTHZ, Who::Open, lives, || async { Json(Healthy { status: "ok" }) }).get(
        READYZ,
        Who::Open,
        ready,
        readyz,
    )
}

/// The process lives.
#[derive(Serialize, JsonSchema)]
struct Healthy {
    /// `ok`
    status: &'static str,
}

/// Whether the process can serve.
#[derive(Serialize, JsonSchema)]
struct Ready {
    /// `ready` or `unavailable`.
    status: &'static str,
    /// Each check.
    checks: Vec<Checked>,
}

async fn readyz(State((readiness, ports)): State<(Readiness, Ports)>) -> Response {
    let checks = readiness.check(&ports).await;
    let (code, status) = if checks.iter().all(|check| check.ready) {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
    };
    (code, Json(Ready { status, checks })).into_response()
}

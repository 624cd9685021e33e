//! Metrics: what an operator reads as graphs and is woken by. `docs/operating.md` lists them.
//!
//! - `registry`: families and their series, and the text that is scraped.
//! - `histogram`: how many observations were how large.
//! - `path`: what a service's path counts.
//! - `http`: what the server counts.
//! - `process`: what the system tells of this process.
//!
//! Counting is adding to an atomic number that was looked up beforehand. Nothing here waits, and no
//! value of a label comes from outside: routes are counted by their template.

use axum::{extract::State, http::header, response::IntoResponse};

use crate::http::{Guarded, Operation, Who};

mod histogram;
mod http;
mod path;
mod process;
mod registry;

pub use histogram::Histogram;
pub(crate) use http::HttpMetrics;
pub(crate) use path::{Kind, Outcome, PathMetrics, number};
pub use registry::{Counter, Labels, Metrics};

/// Where metrics are read.
pub(crate) const METRICS: &str = "/metrics";

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /metrics`, with what the system tells of this process besides.
pub fn routes(metrics: Metrics) -> Guarded {
    process::register(&metrics);
    scraped().with_state(metrics)
}

/// [`routes`], before there is anything to count.
pub fn scraped() -> Guarded<Metrics> {
    let scrape = Operation::new("metrics", "Tells how the process fares, in OpenMetrics.")
        .media::<String>(200, "application/openmetrics-text", "Every metric.");
    Guarded::new().get(METRICS, Who::MONITORS, scrape, answer)
}

async fn answer(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, OPEN_METRICS)], metrics.text())
}

//! What the server counts: requests by method, route and class of status, and how long they took.
//! A route is its template: paths hold ids, and whoever sends them chooses.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    extract::MatchedPath,
    http::{Method, StatusCode},
};

use super::{Counter, Histogram, Metrics, histogram::SECONDS};

/// Of a path that no route takes.
const NO_ROUTE: &str = "none";
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The counters of a server.
#[derive(Clone, Debug)]
pub(crate) struct HttpMetrics {
    metrics: Metrics,
    /// Known by the routes that there are, so it stays small. Read by many at a time, and written
    /// when a route is asked for the first time.
    routes: Arc<RwLock<Routes>>,
}

/// By method and route.
type Routes = HashMap<&'static str, HashMap<String, Arc<Route>>>;

/// One route and method.
#[derive(Debug)]
struct Route {
    answered: [Counter; CLASSES.len()],
    seconds: Arc<Histogram>,
}

impl HttpMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self { metrics: metrics.clone(), routes: Arc::default() }
    }

    /// A request was answered.
    pub(crate) fn answered(
        &self,
        method: &Method,
        route: Option<&MatchedPath>,
        status: StatusCode,
        took: Duration,
    ) {
        let route = route.map_or(NO_ROUTE, MatchedPath::as_str);
        let route = self.route(known(method), route);
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        route.answered[class].inc();
        route.seconds.observe(took.as_secs_f64());
    }

    fn route(&self, method: &'static str, route: &str) -> Arc<Route> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let known = routes.get(method).and_then(|routes| routes.get(route)).cloned();
        drop(routes);
        known.unwrap_or_else(|| {
            let new = Arc::new(Route {
                answered: CLASSES.map(|class| {
                    let labels = [("method", method), ("route", route), ("status", class)];
                    self.metrics.counter("expeditor_http_requests", "Requests answered.", &labels)
                }),
                seconds: self.metrics.histogram(
                    "expeditor_http_request_duration_seconds",
                    "Time until the answer began.",
                    &[("method", method), ("route", route)],
                    SECONDS,
                ),
            });
            let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
            let routes = routes.entry(method).or_default();
            Arc::clone(routes.entry(route.to_owned()).or_insert(new))
        })
    }
}

/// Anybody may send any method.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

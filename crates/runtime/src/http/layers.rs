//! What lies around every route: the request id, the access log, the limits, who may come in, and an
//! answer in problem details whatever goes wrong, a panic included. Knows no route but the probes.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tracing::{Instrument, Span, field};

use super::{
    access::Access,
    body::{MAX_BODY, too_large},
    guarded::{Guarded, Rules},
    health,
    problem::Slug,
    request_id::{RequestId, TraceParent, X_REQUEST_ID},
};
use crate::{
    Problem,
    metrics::{HttpMetrics, Metrics},
    ports::Ports,
};

/// How much a process takes on; beyond it a request is refused rather than kept in memory.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests that are being handled at one time; one more is answered 503. A response that is
    /// a stream counts until it begins.
    pub in_flight: usize,
    /// Streams of events that are open at one time; one more is answered 503. They are beside the
    /// requests and the connections, and take nothing from them.
    pub streams: usize,
    /// Bytes of a request's address and headers; more are answered 431.
    pub head: usize,
    /// How long a request may take until its response begins, the reading of its body included;
    /// then it is answered 503. What it asked for may be done nevertheless.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { in_flight: 4096, streams: 10_000, head: 16 * 1024, timeout: Duration::from_secs(30) }
    }
}

/// Puts the layers around all routes. Requests are counted into those metrics.
pub fn wrap(
    routes: Guarded,
    access: Access,
    ports: Ports,
    limits: Limits,
    metrics: &Metrics,
) -> Router {
    let (router, rules) = routes.into_parts();
    let in_flight = Semaphore::new(limits.in_flight.min(Semaphore::MAX_PERMITS));
    let metrics = HttpMetrics::new(metrics);
    let guard = Arc::new(Guard { in_flight, limits, access, rules, ports, metrics });
    router.layer(DefaultBodyLimit::max(MAX_BODY)).layer(from_fn_with_state(guard, around))
}

struct Guard {
    in_flight: Semaphore,
    limits: Limits,
    access: Access,
    rules: Rules,
    ports: Ports,
    metrics: HttpMetrics,
}

async fn around(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers(), &*guard.ports.ids);
    let trace = TraceParent::of(request.headers());
    // As strings, not as displayed values: the log then quotes and escapes them.
    let span = tracing::info_span!(
        "request",
        request_id = id.as_str(),
        traceparent = trace.as_ref().map(TraceParent::as_str),
        method = request.method().as_str(),
        path = request.uri().path(),
        subject = field::Empty,
        role = field::Empty,
    );
    request.extensions_mut().insert(id.clone());
    if let Some(trace) = &trace {
        request.extensions_mut().insert(trace.clone());
    }
    let answered = async move {
        let route = request.extensions().get::<MatchedPath>().cloned();
        let method = request.method().clone();
        let start = guard.ports.clock.elapsed();
        let mut response = in_problem_details(guard.answer(request, next).await);
        if cfg!(debug_assertions) {
            response = guard.as_told(route.as_ref(), &method, response);
        }
        response.headers_mut().insert(X_REQUEST_ID, id.header());
        let took = guard.ports.clock.elapsed().saturating_sub(start);
        guard.metrics.answered(&method, route.as_ref(), response.status(), took);
        log(response.status(), took);
        response
    };
    TraceParent::within(trace, answered.instrument(span)).await
}

fn log(status: StatusCode, took: Duration) {
    let (status, ms) = (status.as_u16(), took.as_secs_f64() * 1000.0);
    if status < 400 {
        tracing::debug!(status, ms, "answered");
    } else {
        tracing::info!(status, ms, "answered");
    }
}

impl Guard {
    async fn answer(&self, mut request: Request, next: Next) -> Response {
        if head_size(&request) > self.limits.head {
            let detail =
                format!("Address and headers may have {} bytes at most.", self.limits.head);
            return Problem::new(431, "headers-too-large", detail).into_response();
        }
        // Under load the probes still answer: being busy is no reason to be restarted.
        let probe = health::is_probe(request.uri().path());
        let permit = self.in_flight.try_acquire();
        if permit.is_err() && !probe {
            let detail = "Too many requests are being handled; try again.";
            let problem =
                Problem { retry_after: Some(1), ..Problem::new(503, "overloaded", detail) };
            return problem.into_response();
        }
        match self.access.admit(&self.rules, &request, self.ports.now()) {
            Ok(None) => {}
            Ok(Some(principal)) => {
                let span = Span::current();
                span.record("subject", principal.subject.as_str());
                span.record("role", principal.role.as_str());
                request.extensions_mut().insert(principal);
            }
            Err(denied) => return denied.into_response(),
        }
        let handled = AssertUnwindSafe(next.run(request)).catch_unwind();
        tokio::select! {
            biased;
            response = handled => response.unwrap_or_else(|_| {
                tracing::error!("a handler panicked");
                Problem::internal().into_response()
            }),
            () = self.ports.clock.sleep(self.limits.timeout) => {
                let detail = "The request took too long; whether it was done is not known.";
                let problem = Problem { retry_after: Some(1), ..Problem::new(503, "timeout", detail) };
                problem.into_response()
            }
        }
    }
}

impl Guard {
    /// The answer, where the route's [`Operation`](super::Operation) tells of it. One of which no
    /// document tells is a mistake that tests must find; so it is none in a debug build.
    fn as_told(
        &self,
        route: Option<&MatchedPath>,
        method: &Method,
        response: Response,
    ) -> Response {
        let Some(rule) = route.and_then(|route| self.rules.of(route.as_str(), method)) else {
            return response;
        };
        let slug = response.extensions().get::<Slug>().map(|slug| slug.0.as_str());
        if rule.operation.tells(rule.who, response.status(), slug) {
            return response;
        }
        tracing::error!(status = response.status().as_u16(), slug, "an answer that is not told of");
        Problem::internal().into_response()
    }
}

fn head_size(request: &Request) -> usize {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let headers = request.headers().iter();
    target + headers.map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>()
}

/// Errors that the framework answers in its own words (no such route, wrong method, a path that is
/// not UTF-8) are told like all others.
fn in_problem_details(response: Response) -> Response {
    let status = response.status();
    let error = status.is_client_error() || status.is_server_error();
    if !error || !is_bare(response.headers()) {
        return response;
    }
    let problem = match status {
        StatusCode::NOT_FOUND => Problem::not_found("resource"),
        StatusCode::METHOD_NOT_ALLOWED => Problem::new(
            405,
            "method-not-allowed",
            "The resource does not take this method; the header Allow names those that it takes.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        StatusCode::INTERNAL_SERVER_ERROR => Problem::internal(),
        other => {
            let reason = other.canonical_reason().unwrap_or("Error");
            let slug = reason.to_ascii_lowercase().replace(' ', "-");
            Problem::new(other.as_u16(), &slug, "The request cannot be taken as it is.")
        }
    };
    let mut told = problem.into_response();
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            told.headers_mut().append(name, value.clone());
        }
    }
    told
}

fn is_bare(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_none_or(|media_type| media_type.as_bytes().starts_with(b"text/plain"))
}

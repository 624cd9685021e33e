//! Asking a service over its routes, in process: what a request and its answer are on a wire, without
//! the wire.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    http::Request,
};
use contracts::ServiceName;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;

use crate::world::World;

/// How long people wait for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// What is asked.
pub(crate) struct Ask<'a> {
    pub(crate) method: &'static str,
    pub(crate) path: &'a str,
    /// The idempotency key, where there is one.
    pub(crate) key: Option<&'a str>,
    pub(crate) body: Option<&'a Value>,
}

impl World {
    /// Asks once; nothing where nobody answers in time.
    pub(crate) async fn ask(&self, service: ServiceName, ask: Ask<'_>) -> Option<Answer> {
        let process = self.site(service).process()?;
        let mut request = Request::builder().method(ask.method).uri(ask.path);
        if let Some(key) = ask.key {
            request = request.header("idempotency-key", key);
        }
        let body = match ask.body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let request = request.body(body).expect("paths and keys are plain text");
        let routes = TowerToHyperService::new(process.routes.clone());
        let answered = async {
            process.machine.moves().await;
            let response = routes.call(request).await.expect("routes answer whatever happens");
            process.machine.moves().await;
            let status = response.status().as_u16();
            let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
            let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            // What a process says that has ended meanwhile, nobody hears.
            (!process.machine.has_ended()).then_some(Answer { status, body })
        };
        let answer = tokio::select! {
            biased;
            answer = answered => answer,
            () = self.after(PATIENCE) => None,
        };
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        self.trace.note(format_args!("{} {} → {status}", ask.method, ask.path));
        answer
    }
}

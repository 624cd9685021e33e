//! One connection: its requests one after another, until it ends, is told to, or is handed over to a
//! stream. A client that may send another request when the server ends the connection finds a 503
//! there, whether it had sent one already or not: it is never left to guess what became of it.

use std::{
    convert::Infallible,
    future::{pending, poll_fn},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, HttpBody as _},
    http::{HeaderMap, HeaderValue, Method, Version, header},
    response::IntoResponse,
};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::watch};

use super::{
    handover::{self, Endless, Handover},
    seat::Seat,
};
use crate::{Problem, ports::Ports};

/// How long a connection that was ended with a 503 is read on, and what comes ignored: closed at
/// once, it would answer a request that comes now with a reset, which may take the 503 away from the
/// client (RFC 9112, 9.6).
const READ_ON: Duration = Duration::from_millis(250);

/// What the server asks of its connections.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Serving,
    /// Finish the request in flight, take no other.
    Draining,
    /// End now.
    Closed,
}

pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) seat: Arc<Seat>,
    pub(super) phase: watch::Receiver<Phase>,
}

impl Connection {
    pub(super) async fn run(mut self, protocol: http1::Builder, router: Router, ports: Ports) {
        // Responses are written whole; waiting for more to send would only delay them.
        if let Err(error) = self.stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
        let handover = Arc::new(Handover::default());
        // The client knows that it can ask no more here.
        let last = Arc::new(AtomicBool::new(false));
        let service = {
            let (routes, seat) = (TowerToHyperService::new(router), self.seat);
            let (handover, last) = (Arc::clone(&handover), Arc::clone(&last));
            service_fn(move |mut request: Request<Incoming>| {
                let get = request.method() == Method::GET;
                let wants_no_more = request.version() < Version::HTTP_11 || ends(request.headers());
                request.extensions_mut().insert(Arc::clone(&seat));
                let answer = routes.call(request);
                let (handover, last) = (Arc::clone(&handover), Arc::clone(&last));
                Box::pin(async move {
                    let response = answer.await?;
                    let endless = response.extensions().get::<Endless>().is_some();
                    if endless && get {
                        handover.leave(response);
                        return pending().await;
                    }
                    last.store(wants_no_more || ends(response.headers()), Ordering::Relaxed);
                    Ok::<_, Infallible>(response)
                })
            })
        };
        let mut serving = protocol.serve_connection(TokioIo::new(self.stream), service);
        let mut draining = false;
        let handed_over = loop {
            tokio::select! {
                ended = poll_fn(|context| serving.poll_without_shutdown(context)) => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection broke");
                        return;
                    }
                    break None;
                }
                response = handover.left() => break Some(response),
                // An error here means that the server itself is gone, as when its task is aborted.
                changed = self.phase.wait_for(|phase| match phase {
                    Phase::Serving => false,
                    Phase::Draining => !draining,
                    Phase::Closed => true,
                }) => match changed.as_deref() {
                    Ok(Phase::Draining) => {
                        draining = true;
                        std::pin::Pin::new(&mut serving).graceful_shutdown();
                    }
                    _ => return,
                },
            }
        };
        // Nothing is left to be written, also where a response was left: a request is not read before
        // the answer to the one before it is.
        let mut socket = serving.into_parts().io.into_inner();
        if let Some(response) = handed_over {
            // In a task of its own, which needs no room for all that a request needs.
            ports.spawn(stream(socket, response, self.phase, ports.clone()));
        } else if draining && !last.load(Ordering::Relaxed) {
            farewell(socket, &ports).await;
        } else if let Err(error) = socket.shutdown().await {
            tracing::debug!(%error, "a connection broke as it ended");
        }
    }
}

/// Whether those headers say that the message is the last one of its side.
fn ends(headers: &HeaderMap) -> bool {
    let mut options =
        headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    options.any(|value| value.split(',').any(|option| option.trim().eq_ignore_ascii_case("close")))
}

/// Ends a connection whose client may be sending a request: what it finds there tells it that the
/// request was not taken. A client that is sending none does not take it for an answer (RFC 9112, 9.2).
async fn farewell(socket: TcpStream, ports: &Ports) {
    let problem = Problem::unavailable("The server is stopping.");
    let mut response = problem.into_response();
    let length = response.body().size_hint().exact().unwrap_or_default();
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    handover::last(socket, response, ports.now(), ports.clock.sleep(READ_ON)).await;
}

/// Writes a stream. It has ended when the server leaves, but for what its client does not read.
async fn stream(
    socket: TcpStream,
    response: axum::http::Response<Body>,
    mut phase: watch::Receiver<Phase>,
    ports: Ports,
) {
    let leaving = async move { drop(phase.wait_for(|phase| *phase != Phase::Serving).await) };
    handover::write(socket, response, ports.now(), leaving).await;
}

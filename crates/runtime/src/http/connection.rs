//! One connection: its requests one after another, until it ends, is told to, or is handed over to a
//! stream.

use std::{convert::Infallible, future::pending, sync::Arc};

use axum::{Router, body::Body, http::Method};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{net::TcpStream, sync::watch};

use super::{
    handover::{self, Endless, Handover},
    seat::Seat,
};
use crate::ports::Ports;

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
        let service = {
            let (routes, seat) = (TowerToHyperService::new(router), self.seat);
            let handover = Arc::clone(&handover);
            service_fn(move |mut request: Request<Incoming>| {
                let get = request.method() == Method::GET;
                request.extensions_mut().insert(Arc::clone(&seat));
                let answer = routes.call(request);
                let handover = Arc::clone(&handover);
                async move {
                    let response = answer.await?;
                    let endless = response.extensions().get::<Endless>().is_some();
                    if endless && get {
                        handover.leave(response);
                        return pending().await;
                    }
                    Ok::<_, Infallible>(response)
                }
            })
        };
        let mut serving = protocol.serve_connection(TokioIo::new(self.stream), service);
        let mut draining = false;
        let response = loop {
            tokio::select! {
                ended = &mut serving => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection broke");
                    }
                    return;
                }
                response = handover.left() => break response,
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
        // Nothing is left to be written: a request is not read before the answer to the one before it
        // is.
        let socket = serving.into_parts().io.into_inner();
        // In a task of its own, which needs no room for all that a request needs.
        ports.spawn(stream(socket, response, self.phase, ports.clone()));
    }
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

//! Serving routes over TCP: bounded connections, bounded time for headers, and an orderly end.
//! Never drops a request that it has begun to handle before the grace period is over; and told to
//! stop, it lingers for a moment, since requests are on their way that were sent before anybody
//! could know: who has been let in is answered, and told to come in elsewhere the next time. A
//! connection that nothing came on is ended with a 503.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderValue, header},
    middleware::map_response_with_state,
    response::Response,
};
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};

use super::{
    access::Access,
    connection::{Connection, Phase},
    guarded::Guarded,
    layers::{self, Limits},
    seat::{Seat, Streams},
};
use crate::{metrics::Metrics, ports::Ports};

/// How long accepting pauses after it failed: the cause is a lack (of file descriptors, as a rule)
/// that passes as connections close.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Most bytes of a request's head that are read at all. Between [`Limits::head`] and this the
/// client is told in problem details; beyond, the connection is answered a bare 431 and closed.
const MAX_HEAD: usize = 64 * 1024;

/// Why an address cannot be listened on. All are matters of configuration.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another process listens there.
    #[error("{0} is in use by another process")]
    PortInUse(SocketAddr),
    /// The address is not this machine's, or may not be used.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// How a server treats its connections.
#[derive(Clone, Copy, Debug)]
pub struct ServerSettings {
    /// What lies around every route.
    pub limits: Limits,
    /// Open connections but those with a stream; further ones wait in the system's backlog.
    pub connections: usize,
    /// How long a client may take to send a request's head, and to begin with the next one.
    pub head_timeout: Duration,
    /// How long connections are kept open for requests that are on their way when the server is
    /// told to stop. The answer to each is the connection's last.
    pub linger: Duration,
    /// How long requests in flight may then take to end.
    pub grace: Duration,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            connections: 8192,
            head_timeout: Duration::from_secs(30),
            linger: Duration::from_secs(1),
            grace: Duration::from_secs(10),
        }
    }
}

/// A socket that listens already, so that a port in use shows before anything else is started.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    settings: ServerSettings,
    metrics: Metrics,
}

impl Server {
    /// Listens on an address; with port 0 the system chooses one.
    pub async fn bind(address: SocketAddr) -> Result<Self, ServeError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => ServeError::PortInUse(address),
            _ => ServeError::Bind { address, source },
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (settings, metrics) = (ServerSettings::default(), Metrics::default());
        Ok(Self { listener, address, settings, metrics })
    }

    /// With other settings than the usual ones.
    #[must_use]
    pub fn with_settings(self, settings: ServerSettings) -> Self {
        Self { settings, ..self }
    }

    /// Counting requests into those metrics.
    #[must_use]
    pub fn with_metrics(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// Where it listens, the port that the system chose included.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves the routes, within their [`layers`] and to whom `access` lets in, until `shutdown`
    /// resolves; then lets nobody in any more, lingers, lets the requests in flight end within the
    /// grace period, and closes what is left.
    pub async fn serve(
        self,
        routes: Guarded,
        access: Access,
        ports: &Ports,
        shutdown: impl Future<Output = ()>,
    ) {
        let limits = self.settings.limits;
        let (leave, leaving) = watch::channel(false);
        let streams = Streams::new(limits.streams, leaving.clone(), &self.metrics);
        let router = layers::wrap(routes, access, ports.clone(), limits, &self.metrics)
            .layer(map_response_with_state(leaving, last_when_leaving));
        let mut protocol = http1::Builder::new();
        protocol
            .timer(TokioTimer::new())
            .header_read_timeout(self.settings.head_timeout)
            .max_header_size(MAX_HEAD);
        let (phase, _) = watch::channel(Phase::Serving);
        let connections =
            Arc::new(Semaphore::new(self.settings.connections.min(Semaphore::MAX_PERMITS)));

        tracing::info!(address = %self.address, "listening");
        let accepting = async {
            loop {
                let (stream, permit) = accept(&self.listener, &connections, ports).await;
                let seat = Arc::new(Seat::new(permit, streams.clone()));
                let connection = Connection { stream, seat, phase: phase.subscribe() };
                ports.spawn(connection.run(protocol.clone(), router.clone(), ports.clone()));
            }
        };
        tokio::select! {
            () = accepting => {}
            () = shutdown => {}
        }
        leave.send_replace(true);
        for stream in let_in_already(self.listener) {
            let Ok(permit) = Arc::clone(&connections).try_acquire_owned() else { break };
            let seat = Arc::new(Seat::new(permit, streams.clone()));
            let connection = Connection { stream, seat, phase: phase.subscribe() };
            ports.spawn(connection.run(protocol.clone(), router.clone(), ports.clone()));
        }

        // A connection that ends drops its receiver; `closed` resolves when all of them have.
        tokio::select! {
            biased;
            () = phase.closed() => {}
            () = ports.clock.sleep(self.settings.linger) => {}
        }
        phase.send_replace(Phase::Draining);
        tokio::select! {
            biased;
            () = phase.closed() => {}
            () = ports.clock.sleep(self.settings.grace) => {
                let left = phase.receiver_count();
                tracing::warn!(left, "closing connections whose requests did not end in time");
                phase.send_replace(Phase::Closed);
                phase.closed().await;
            }
        }
        tracing::info!(address = %self.address, "stopped listening");
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
    ports: &Ports,
) -> (TcpStream, OwnedSemaphorePermit) {
    let permit = Arc::clone(connections).acquire_owned().await;
    let permit = permit.expect("the semaphore of connections is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections for a moment");
                ports.clock.sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Closes the listener; answers the connections that the system has let in and nobody has accepted
/// yet. Their clients may have sent a request.
fn let_in_already(listener: TcpListener) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    // What fails here would have failed a moment later, for the client as well.
    let Ok(listener) = listener.into_std() else { return streams };
    while let Ok((stream, _)) = listener.accept() {
        let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
        streams.extend(stream);
    }
    streams
}

/// An answer that is given while the server leaves is the last one on its connection.
async fn last_when_leaving(
    State(leaving): State<watch::Receiver<bool>>,
    mut response: Response,
) -> Response {
    if *leaving.borrow() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The client went away before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

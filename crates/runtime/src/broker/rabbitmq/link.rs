//! One connection to the broker, from its opening to its first failure.
//!
//! It never reconnects: whoever uses it opens another one.

use std::{pin::Pin, time::Duration};

use futures_util::{Stream, StreamExt};
use lapin::{
    Connection, ConnectionProperties, ErrorKind, Event,
    tcp::{AMQPUriTcpExt, RustlsConnector},
    uri::{AMQPScheme, AMQPUri},
};

use crate::{
    broker::rabbitmq::{Options, address::Address},
    ports::Ports,
    tls,
};

/// The broker is given this long to answer to a new connection, and to a farewell.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// And this long to declaring and subscribing: a quorum queue without a leader does not answer.
const SET_UP_WITHIN: Duration = Duration::from_secs(15);
const FAREWELL_WITHIN: Duration = Duration::from_secs(1);
/// A silent peer is noticed within two of these. Seconds.
const HEARTBEAT: u16 = 10;

/// Why RabbitMQ cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Not an AMQP URL, or one that is in the clear beyond this machine and does not say so.
    #[error("the broker's URL cannot be used: {0}")]
    Url(String),
    /// Nobody answers there; may go away by itself.
    #[error("the broker cannot be reached: {0}")]
    Unreachable(String),
    /// No TLS with it, or none that can be trusted: another CA, another host, a certificate whose
    /// time is over, a server that speaks in the clear.
    #[error("the broker cannot be trusted: {0}")]
    Tls(String),
    /// It answers, and refuses: wrong password, unknown virtual host, missing permission.
    #[error("the broker refuses: {0}")]
    Refused(String),
    /// An exchange or a queue is missing, or exists with other properties.
    #[error("the broker's exchanges and queues are not as they must be: {0}")]
    Topology(String),
}

impl StartError {
    /// An error while connecting.
    fn connecting(error: &lapin::Error) -> Self {
        if let ErrorKind::ProtocolError(error) = error.kind() {
            return Self::Refused(error.to_string());
        }
        match tls::reason(error) {
            Some(why) => Self::Tls(why),
            None => Self::Unreachable(error.to_string()),
        }
    }
}

/// A connection that was open when it was made.
pub(super) struct Link {
    pub(super) connection: Connection,
    /// Alarms and failures, as they are heard.
    pub(super) news: News,
    ports: Ports,
}

/// What is heard about a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The broker takes nothing more on this connection, for this reason.
    Blocked(String),
    /// It takes messages again.
    Unblocked,
    /// A channel of it or the connection itself is gone.
    Lost(String),
}

/// The stream of what is heard about a connection.
pub(super) struct News(Pin<Box<dyn Stream<Item = Event> + Send>>);

impl News {
    /// The next piece of news.
    pub(super) async fn next(&mut self) -> Heard {
        loop {
            match self.0.next().await {
                Some(Event::ConnectionBlocked(reason)) => return Heard::Blocked(reason),
                Some(Event::ConnectionUnblocked) => return Heard::Unblocked,
                Some(Event::Error(error)) => return Heard::Lost(error.to_string()),
                Some(_) => {}
                None => return Heard::Lost("the connection is closed".to_owned()),
            }
        }
    }
}

impl Link {
    /// Says goodbye, so that the broker has read all that was sent before. Does not wait for one
    /// that no longer answers.
    pub(super) async fn close(self) {
        let goodbye = self.connection.close(200, "OK".into());
        tokio::select! {
            // Whether it could still be said makes no difference.
            _ = goodbye => {}
            () = self.ports.clock.sleep(FAREWELL_WITHIN) => {}
        }
    }
}

/// Bounds what is asked of the broker before a connection can be used.
pub(super) async fn set_up<T>(
    ports: &Ports,
    work: impl Future<Output = Result<T, StartError>>,
) -> Result<T, StartError> {
    tokio::select! {
        done = work => done,
        () = ports.clock.sleep(SET_UP_WITHIN) => {
            Err(StartError::Unreachable("a queue or an exchange does not answer".to_owned()))
        }
    }
}

/// Opens a connection; `purpose` is added to its name.
pub(super) async fn open(
    options: &Options,
    purpose: &str,
    ports: &Ports,
) -> Result<Link, StartError> {
    let mut address = Address::read(&options.url)?;
    address.uri.query.heartbeat.get_or_insert(HEARTBEAT);
    // Automatic recovery stays off: it would publish again what the outbox still holds.
    let properties = ConnectionProperties::default()
        .with_connection_name(format!("{} ({purpose})", options.name).into());
    let runtime = lapin::runtime::default_runtime()
        .map_err(|error| StartError::Unreachable(error.to_string()))?;
    // Read anew for each connection: a CA can be replaced while the process runs.
    let tls = match address.uri.scheme {
        AMQPScheme::AMQP => None,
        AMQPScheme::AMQPS => {
            let config = tls::client(address.ca_file.as_deref()).map_err(StartError::Tls)?;
            Some(RustlsConnector::from(config))
        }
    };
    let connect = async move |mut uri: AMQPUri, runtime| {
        uri.scheme = AMQPScheme::AMQP; // `lapin` itself would trust the system's CAs besides
        let stream = uri.connect_async(&runtime).await?;
        Ok(match &tls {
            Some(connector) => stream.into_rustls(connector, &uri.authority.host).await?,
            None => stream,
        })
    };
    let connecting = Connection::connector(address.uri, runtime, connect, properties);
    tokio::select! {
        opened = connecting => {
            let connection = opened.map_err(|error| StartError::connecting(&error))?;
            let news = News(Box::pin(connection.events_listener()));
            Ok(Link { connection, news, ports: ports.clone() })
        }
        () = ports.clock.sleep(ANSWER_WITHIN) => {
            Err(StartError::Unreachable("no answer".to_owned()))
        }
    }
}

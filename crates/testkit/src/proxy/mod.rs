//! A proxy between a service and one of its servers that understands what they say well enough to
//! lose exactly one thing of it: the answer to a COMMIT, a confirm, an acknowledgement.
//!
//! It stands for a network and for processes that end at the worst moment. It changes nothing that
//! it lets through. What is encrypted it lets through without understanding it.

mod amqp;
mod line;
mod postgres;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use runtime::ports::Ports;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use line::Line;

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// PostgreSQL's protocol, version 3.
    Postgres,
    /// AMQP 0-9-1.
    Amqp,
}

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who has connected.
    Client,
    /// To whom.
    Server,
}

/// What goes wrong once, at the next chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The connection is cut before a COMMIT reaches the database.
    CutBeforeCommit,
    /// The connection is cut after the database has committed, before its answer is heard.
    CutAfterCommit,
    /// A confirm of the broker does not arrive.
    LoseConfirm,
    /// An acknowledgement does not arrive at the broker.
    LoseAck,
}

impl Trouble {
    /// Whether this is its chance.
    fn meets(self, from: Side, sign: Sign) -> bool {
        let chance = match self {
            Self::CutBeforeCommit => (Side::Client, Sign::Commit),
            Self::CutAfterCommit => (Side::Server, Sign::Commit),
            Self::LoseConfirm => (Side::Server, Sign::Ack),
            Self::LoseAck => (Side::Client, Sign::Ack),
        };
        chance == (from, sign)
    }

    /// Whether the connection ends with it.
    const fn cuts(self) -> bool {
        matches!(self, Self::CutBeforeCommit | Self::CutAfterCommit)
    }
}

/// What is recognised of what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    /// Nothing that matters.
    Other,
    /// A client wants to commit, or a server has.
    Commit,
    /// A message was taken.
    Ack,
}

/// What all connections share.
struct Shared {
    armed: Mutex<Option<Trouble>>,
    fired: watch::Sender<u64>,
    lines: Mutex<Vec<Weak<Line>>>,
}

impl Shared {
    /// Answers the trouble whose chance this is. It has come with that.
    fn strikes(&self, from: Side, sign: Sign) -> Option<Trouble> {
        let mut armed = lock(&self.armed);
        let trouble = (*armed).filter(|trouble| trouble.meets(from, sign))?;
        *armed = None;
        self.fired.send_modify(|fired| *fired += 1);
        Some(trouble)
    }

    fn lines(&self) -> Vec<Arc<Line>> {
        let mut lines = lock(&self.lines);
        lines.retain(|line| line.strong_count() > 0);
        lines.iter().filter_map(Weak::upgrade).filter(|line| !line.is_cut()).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A proxy on a port of loopback. Its connections end with it.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Listens, and connects whoever comes with the server at that address, also one that is away
    /// at times.
    pub async fn start(wire: Wire, to: SocketAddr, ports: &Ports) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            armed: Mutex::default(),
            fired: watch::Sender::new(0),
            lines: Mutex::default(),
        });
        let (common, spawner) = (Arc::clone(&shared), ports.clone());
        let accepting = ports.spawn(async move {
            loop {
                // What cannot be accepted is for its client to try again.
                let Ok((client, _)) = listener.accept().await else { continue };
                let line = Arc::new(Line::default());
                lock(&common.lines).push(Arc::downgrade(&line));
                let common = Arc::clone(&common);
                spawner.spawn(async move {
                    // A server that is away is seen by the client as a connection that ends.
                    if let Ok(server) = TcpStream::connect(to).await {
                        line.carry(wire, client, server, &common).await;
                    }
                });
            }
        });
        Ok(Self { address, shared, accepting })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The server's URL, through the proxy: with its host and port.
    pub fn through(&self, url: &str) -> String {
        let after_scheme = url.find("://").map_or(0, |at| at + 3);
        let path = url[after_scheme..].find('/').map_or(url.len(), |at| after_scheme + at);
        let host = url[..path].rfind('@').map_or(after_scheme, |at| at + 1);
        format!("{}{}{}", &url[..host], self.address, &url[path..])
    }

    /// Lets something go wrong at the next chance. What was waiting for its own is forgotten.
    pub fn arm(&self, trouble: Trouble) {
        *lock(&self.shared.armed) = Some(trouble);
    }

    /// Lets nothing go wrong any more; answers whether something still waited for its chance.
    pub fn disarm(&self) -> bool {
        lock(&self.shared.armed).take().is_some()
    }

    /// How often something has gone wrong that was armed.
    pub fn fired(&self) -> u64 {
        *self.shared.fired.borrow()
    }

    /// Waits until it is more than that.
    pub async fn fires_beyond(&self, before: u64) {
        let mut fired = self.shared.fired.subscribe();
        // It is there for as long as this proxy is.
        let _ = fired.wait_for(|fired| *fired > before).await;
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.shared.lines().len()
    }

    /// Cuts all connections. Answers how many there were.
    pub fn cut(&self) -> usize {
        self.shared.lines().iter().map(|line| line.cut()).count()
    }

    /// From now on, nothing that this side says arrives on any of the connections that there are;
    /// neither side is told. Answers how many there are. New ones are well.
    pub fn swallow(&self, from: Side) -> usize {
        self.shared.lines().iter().map(|line| line.swallow(from)).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_url_leads_through_the_proxy() {
        let nobody = ([127, 0, 0, 1], 9).into();
        let proxy = Proxy::start(Wire::Amqp, nobody, &Ports::system()).await.unwrap();
        let port = proxy.address().port();
        for (url, expected) in [
            ("postgres://u:p@127.0.0.1:5/db?x=a@b/c", "postgres://u:p@127.0.0.1:PORT/db?x=a@b/c"),
            ("amqp://u:p@localhost:5/v", "amqp://u:p@127.0.0.1:PORT/v"),
            ("amqp://localhost", "amqp://127.0.0.1:PORT"),
        ] {
            assert_eq!(proxy.through(url), expected.replace("PORT", &port.to_string()));
        }
    }
}

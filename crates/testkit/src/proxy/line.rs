//! One connection: two pumps, one for each direction, that look at each message before it goes on.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

use super::{Shared, Side, Sign, Wire, amqp, postgres};

/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// A connection, as it is disturbed.
#[derive(Default)]
pub(super) struct Line {
    cut: watch::Sender<bool>,
    client_is_mute: AtomicBool,
    server_is_mute: AtomicBool,
}

/// Takes apart what one side says.
pub(super) enum Framing {
    Postgres(postgres::Framing),
    Amqp(amqp::Framing),
}

impl Framing {
    fn both(wire: Wire) -> [Self; 2] {
        match wire {
            Wire::Postgres => {
                let encrypted = Arc::default();
                let of = |side| postgres::Framing::new(side, Arc::clone(&encrypted));
                [Side::Client, Side::Server].map(of).map(Self::Postgres)
            }
            Wire::Amqp => [Side::Client, Side::Server].map(amqp::Framing::new).map(Self::Amqp),
        }
    }

    /// The length of the first message in there and what it is; none where it is not complete.
    fn next(&mut self, bytes: &[u8]) -> Option<(usize, Sign)> {
        match self {
            Self::Postgres(framing) => framing.next(bytes),
            Self::Amqp(framing) => framing.next(bytes),
        }
    }
}

impl Line {
    pub(super) fn cut(&self) {
        self.cut.send_replace(true);
    }

    pub(super) fn is_cut(&self) -> bool {
        *self.cut.borrow()
    }

    pub(super) fn swallow(&self, from: Side) {
        self.mute(from).store(true, SeqCst);
    }

    fn mute(&self, side: Side) -> &AtomicBool {
        match side {
            Side::Client => &self.client_is_mute,
            Side::Server => &self.server_is_mute,
        }
    }

    /// Carries what both say until one of them ends it or it is cut.
    pub(super) async fn carry(
        &self,
        wire: Wire,
        client: TcpStream,
        server: TcpStream,
        shared: &Shared,
    ) {
        for stream in [&client, &server] {
            // Small messages are not to wait for one another; that they do would be no failure.
            let _ = stream.set_nodelay(true);
        }
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let [by_client, by_server] = Framing::both(wire);
        let mut cut = self.cut.subscribe();
        tokio::select! {
            biased;
            _ = cut.wait_for(|cut| *cut) => {}
            () = self.pump(Side::Client, by_client, from_client, to_server, shared) => {}
            () = self.pump(Side::Server, by_server, from_server, to_client, shared) => {}
        }
        self.cut();
    }

    /// Ends where the connection has ended or is to end.
    async fn pump(
        &self,
        side: Side,
        mut framing: Framing,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        shared: &Shared,
    ) {
        let mut bytes = Vec::with_capacity(CHUNK);
        loop {
            match from.read_buf(&mut bytes).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            if self.mute(side).load(SeqCst) {
                bytes.clear();
                continue;
            }
            // What goes on from there is whole, and none of it was lost.
            let (mut gone, mut seen) = (0, 0);
            while let Some((length, sign)) = framing.next(&bytes[seen..]) {
                if let Some(trouble) = shared.strikes(side, sign) {
                    if to.write_all(&bytes[gone..seen]).await.is_err() || trouble.cuts() {
                        return;
                    }
                    gone = seen + length;
                }
                seen += length;
            }
            if to.write_all(&bytes[gone..seen]).await.is_err() {
                return;
            }
            bytes.drain(..seen);
        }
    }
}

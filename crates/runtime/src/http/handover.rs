//! A stream's connection, once its head is known: it is taken from the HTTP library, which keeps buffers
//! for each connection and takes several events ahead of a slow client, and is written to directly.
//! What is answered so ends with its connection, and is neither chunked nor followed by anything.

use std::{
    fmt::Write as _,
    io,
    pin::pin,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use axum::{body::Body, http::response, response::Response};
use contracts::Timestamp;
use futures_util::StreamExt;
use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::Notify};

/// Among a response's extensions: its connection is to be taken over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endless;

/// Where a connection's service leaves the response that the connection is taken over for.
#[derive(Default)]
pub(super) struct Handover {
    response: Mutex<Option<Response>>,
    left: Notify,
}

impl Handover {
    pub(super) fn leave(&self, response: Response) {
        *self.response.lock().unwrap_or_else(PoisonError::into_inner) = Some(response);
        self.left.notify_one();
    }

    /// Resolves when a response was left.
    pub(super) async fn left(&self) -> Response {
        loop {
            self.left.notified().await;
            let left = self.response.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(response) = left {
                return response;
            }
        }
    }
}

/// Writes a response and then its body as it comes, until that ends, the client is gone, or `cut`
/// resolves. No more of the body is asked for than the system takes.
pub(super) async fn write(
    socket: TcpStream,
    response: Response,
    now: Timestamp,
    cut: impl Future<Output = ()>,
) {
    let (parts, body) = response.into_parts();
    let writing = pin!(write_all(&socket, parts, body, now));
    tokio::select! {
        result = writing => if let Err(error) = result {
            tracing::debug!(%error, "a stream broke");
        },
        () = gone(&socket) => {}
        () = cut => {}
    }
}

/// Writes a whole response, closes this side, and ignores what the client still sends until that
/// has closed its own, or `enough` resolves.
pub(super) async fn last(
    mut socket: TcpStream,
    response: Response,
    now: Timestamp,
    enough: impl Future<Output = ()>,
) {
    let (parts, body) = response.into_parts();
    let ending = async {
        let written = write_all(&socket, parts, body, now).await;
        if written.and(socket.shutdown().await).is_ok() {
            gone(&socket).await;
        }
    };
    tokio::select! {
        () = ending => {}
        () = enough => {}
    }
}

async fn write_all(
    socket: &TcpStream,
    parts: response::Parts,
    body: Body,
    now: Timestamp,
) -> io::Result<()> {
    write_bytes(socket, &head(&parts, now)).await?;
    drop(parts);
    let mut body = body.into_data_stream();
    while let Some(bytes) = body.next().await {
        write_bytes(socket, &bytes.map_err(io::Error::other)?).await?;
    }
    Ok(())
}

/// The head of a response (RFC 9112, 4).
fn head(parts: &response::Parts, now: Timestamp) -> Vec<u8> {
    let mut head = String::new();
    let reason = parts.status.canonical_reason().unwrap_or_default();
    let now = Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or_default());
    let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + now);
    write!(head, "HTTP/1.1 {} {reason}\r\ndate: {date}\r\n", parts.status.as_u16())
        .expect("writing to a string does not fail");
    let mut head = head.into_bytes();
    for (name, value) in &parts.headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    head.extend_from_slice(b"\r\n");
    head
}

async fn write_bytes(socket: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        socket.writable().await?;
        match socket.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Resolves when the client has closed its side, or the connection is broken. What it sends
/// meanwhile is for nobody.
async fn gone(socket: &TcpStream) {
    let mut ignored = [0; 64];
    while socket.readable().await.is_ok() {
        match socket.try_read(&mut ignored) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

//! One request and its answer. A connection for each: one that is kept may be dead when it is used
//! next, and nobody could tell whether the message had arrived.

use std::{error::Error, io, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use runtime::tls;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use super::target::Target;
use crate::channel::Sent;

/// Longer than this nobody is left alone, whatever they wish.
const LONGEST_WISH: Duration = Duration::from_secs(3_600);

/// What was answered, as far as it is looked at: what stands in the body is not read.
pub(super) struct Answer {
    status: StatusCode,
    after: Option<Duration>,
}

/// Why there was no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// Nobody was there to be asked.
    Away(io::Error),
    /// Somebody was, and did not answer.
    Broken(String),
}

/// Posts it.
pub(super) async fn post(
    target: &Target,
    headers: &[(&'static str, String)],
    body: String,
) -> Result<Answer, NoAnswer> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(&target.path)
        .header(header::HOST, &target.authority)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request =
        request.body(Body::from(body)).map_err(|error| NoAnswer::Broken(error.to_string()))?;
    let stream =
        TcpStream::connect((target.host.as_str(), target.port)).await.map_err(NoAnswer::Away)?;
    match &target.trust {
        None => exchange(stream, request).await,
        Some(trust) => {
            let name = ServerName::try_from(target.host.clone())
                .map_err(|error| NoAnswer::Away(io::Error::other(error)))?;
            let connector = TlsConnector::from(Arc::clone(trust));
            exchange(connector.connect(name, stream).await.map_err(NoAnswer::Away)?, request).await
        }
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Body>,
) -> Result<Answer, NoAnswer> {
    let broken = |error: hyper::Error| NoAnswer::Broken(root(&error));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let asked = async move {
        let response = sender.send_request(request).await.map_err(broken)?;
        let after = after(response.headers());
        Ok(Answer { status: response.status(), after })
    };
    // What goes wrong with the connection is told to who asks over it. The answer's head is all that
    // is wanted: the connection ends with it.
    let driven = async move {
        drop(connection.await);
        std::future::pending().await
    };
    tokio::select! {
        answer = asked => answer,
        answer = driven => answer,
    }
}

/// The cause beneath all others, in a few words.
fn root(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}

/// `Retry-After` in seconds. A date is not understood, and leaves the pause as it is.
fn after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WISH))
}

impl Answer {
    pub(super) fn judge(self) -> Sent {
        let reason = format!("answered {}", self.status.as_u16());
        match self.status {
            status if status.is_success() => Sent::Taken,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
                Sent::Later { reason, after: self.after, away: false }
            }
            status if status.is_client_error() => Sent::Refused { reason },
            // A redirect is not followed: a message goes where it was told to go.
            _ => Sent::Later { reason, after: self.after, away: false },
        }
    }
}

impl NoAnswer {
    pub(super) fn judge(self) -> Sent {
        match self {
            Self::Away(error) => {
                let reason = match tls::reason(&error) {
                    Some(why) => format!("TLS: {why}"),
                    None => format!("cannot be reached: {}", error.kind()),
                };
                Sent::Later { reason, after: None, away: true }
            }
            Self::Broken(why) => Sent::later(format!("no answer: {why}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_answered_decides() {
        for (status, expected) in [
            (200, "taken"),
            (202, "taken"),
            (204, "taken"),
            (301, "later"),
            (400, "refused"),
            (401, "refused"),
            (404, "refused"),
            (408, "later"),
            (422, "refused"),
            (425, "later"),
            (429, "later"),
            (500, "later"),
            (503, "later"),
        ] {
            let answer = Answer { status: StatusCode::from_u16(status).unwrap(), after: None };
            let found = match answer.judge() {
                Sent::Taken => "taken",
                Sent::Later { away: false, .. } => "later",
                Sent::Later { .. } => "away",
                Sent::Refused { .. } => "refused",
            };
            assert_eq!(found, expected, "{status}");
        }
    }

    #[test]
    fn a_wish_to_be_left_alone_is_heard_within_bounds() {
        for (value, expected) in [
            ("3", Some(3)),
            (" 120 ", Some(120)),
            ("99999999", Some(3_600)),
            ("Wed, 21 Oct 2026 07:28:00 GMT", None),
            ("-1", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, value.parse().unwrap());
            assert_eq!(after(&headers), expected.map(Duration::from_secs), "{value}");
        }
    }
}

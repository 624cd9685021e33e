//! Server-sent events that resume: how something stands, at once and whenever it has changed.
//!
//! A stream keeps no events. It remembers what it sent last, waits until it is rung, and reads how
//! things stand when it can write: so a slow reader misses what lay in between, sees the newest, and
//! holds nobody up. Who comes back with `Last-Event-ID` is sent nothing that it has seen.

use std::{convert::Infallible, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
};
use contracts::Timestamp;
use futures_util::stream;

use super::{
    handover::Endless,
    seat::{Seat, Stall},
};
use crate::{
    Problem,
    auth::Principal,
    live::{Live, Shown, Watch},
    ports::Ports,
};

/// The media type of streams.
pub const EVENT_STREAM: &str = "text/event-stream";
/// The header with the id of the last event that a client has seen.
pub const LAST_EVENT_ID: &str = "last-event-id";

/// After so long without anything to say a stream says so: proxies close what is silent, and a
/// client that is gone is found.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Clients are told to come back after so long at least, and at most twice as long: not all at the
/// same moment, when a server has stopped.
const RETRY_MILLIS: u64 = 1_000;
/// When reading has failed, it is tried again after so long.
const AGAIN: Duration = Duration::from_secs(1);

/// What a stream shows.
#[async_trait]
pub trait Show: Send + Sync + 'static {
    /// How it stands, having made `watch` watch all that it is read from before it is read.
    async fn show(&self, watch: &mut Watch) -> Result<Shown, Problem>;
}

/// A request for a stream: an extractor.
#[derive(Debug)]
pub struct Streaming {
    seat: Option<Arc<Seat>>,
    /// When the caller's token ends.
    until: Option<Timestamp>,
    last: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Streaming {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let last = parts.headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
        Ok(Self {
            seat: parts.extensions.get::<Arc<Seat>>().cloned(),
            until: parts.extensions.get::<Principal>().map(|principal| principal.until),
            last: last.map(str::to_owned),
        })
    }
}

impl Streaming {
    /// The stream, each of its events under that name. Nothing of it is begun where there is nothing
    /// to show, or too many are open. 204, which ends a browser's coming back, where the client has
    /// seen the last that there will ever be.
    pub async fn open(
        self,
        name: &'static str,
        ports: &Ports,
        live: &Live,
        show: impl Show,
    ) -> Result<Response, Problem> {
        let stall = self.seat.as_ref().map(|seat| seat.stall()).transpose()?;
        let mut watch = live.watch();
        let shown = show.show(&mut watch).await?;
        let seen = self.last.as_deref() == Some(&*shown.id);
        if seen && shown.last {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        let open = Open {
            show,
            watch,
            name,
            sent: (shown.version, shown.id.clone()),
            begun: false,
            first: (!seen).then_some(shown),
            ended: false,
            until: self.until,
            beat_at: ports.clock.elapsed() + HEARTBEAT,
            again_at: None,
            ports: ports.clone(),
            stall,
        };
        let events = stream::unfold(open, |mut open| async move {
            let event = open.next().await?;
            Some((Ok::<_, Infallible>(event), open))
        });
        let mut response = Sse::new(events).into_response();
        for (name, value) in [
            (header::CACHE_CONTROL, "no-store"),
            // nginx would gather events until it has enough of them.
            (header::HeaderName::from_static("x-accel-buffering"), "no"),
            // The connection is the stream's, and ends with it.
            (header::CONNECTION, "close"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response.extensions_mut().insert(Endless);
        Ok(response)
    }
}

/// A stream that is open.
struct Open<S> {
    show: S,
    watch: Watch,
    name: &'static str,
    /// Version and id of what was sent last.
    sent: (Option<u64>, String),
    begun: bool,
    /// What it begins with, if the client has not seen it.
    first: Option<Shown>,
    /// The last that there will be was sent.
    ended: bool,
    until: Option<Timestamp>,
    /// By the clock's elapsed time.
    beat_at: Duration,
    again_at: Option<Duration>,
    ports: Ports,
    stall: Option<Stall>,
}

/// Why a stream has waited no longer.
enum Turn {
    Look,
    Beat,
    End,
}

impl<S: Show> Open<S> {
    async fn next(&mut self) -> Option<Event> {
        if !self.begun {
            self.begun = true;
            let chance = self.ports.ids.next().as_u64_pair().1;
            let retry = Duration::from_millis(RETRY_MILLIS + chance % RETRY_MILLIS);
            let begin = Event::default().retry(retry);
            return Some(match self.first.take() {
                Some(shown) => self.tell(begin, &shown),
                None => begin,
            });
        }
        while !self.ended {
            match self.wait().await {
                Turn::End => return None,
                Turn::Beat => return Some(Event::default().comment("")),
                Turn::Look => {}
            }
            let looked = tokio::select! {
                biased;
                () = closed(&mut self.stall) => return None,
                shown = self.show.show(&mut self.watch) => shown,
            };
            match looked {
                Ok(shown) if self.is_news(&shown) => {
                    return Some(self.tell(Event::default(), &shown));
                }
                Ok(_) => {}
                Err(problem) if problem.status == 503 => {
                    self.again_at = Some(self.ports.clock.elapsed() + AGAIN);
                }
                Err(_) => return None,
            }
        }
        None
    }

    /// Whether that is to be told: something else, and nothing older.
    fn is_news(&self, shown: &Shown) -> bool {
        match (self.sent.0, shown.version) {
            (Some(sent), Some(version)) => version > sent,
            _ => shown.id != self.sent.1,
        }
    }

    fn tell(&mut self, event: Event, shown: &Shown) -> Event {
        self.sent = (shown.version, shown.id.clone());
        self.ended = shown.last;
        self.beat_at = self.ports.clock.elapsed() + HEARTBEAT;
        event.event(self.name).id(&shown.id).data(&*shown.data)
    }

    async fn wait(&mut self) -> Turn {
        loop {
            let (now, elapsed) = (self.ports.now(), self.ports.clock.elapsed());
            if self.until.is_some_and(|until| now >= until) {
                return Turn::End;
            }
            if self.again_at.is_some_and(|at| elapsed >= at) {
                self.again_at = None;
                return Turn::Look;
            }
            if elapsed >= self.beat_at {
                self.beat_at = elapsed + HEARTBEAT;
                return Turn::Beat;
            }
            let next = self.again_at.map_or(self.beat_at, |again| again.min(self.beat_at));
            let left = self.until.map_or(Duration::MAX, |until| until.since(now));
            tokio::select! {
                biased;
                () = closed(&mut self.stall) => return Turn::End,
                () = self.watch.rung() => return Turn::Look,
                () = self.ports.clock.sleep(next.saturating_sub(elapsed).min(left)) => {}
            }
        }
    }
}

/// Resolves when the server is told to stop, where there is one.
async fn closed(stall: &mut Option<Stall>) {
    match stall {
        Some(stall) => stall.closed().await,
        None => std::future::pending().await,
    }
}

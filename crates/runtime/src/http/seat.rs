//! A connection's place at its server, and a stream's: what is open for hours must not hold what
//! requests need.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::{
    Problem,
    metrics::{Metrics, number},
};

/// How many streams are open, and how many may be.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    open: Arc<Semaphore>,
    most: usize,
    /// Turns true when the server is told to stop.
    leaving: watch::Receiver<bool>,
}

/// A connection's place among those that are served: left to the next one when it ends, or is handed
/// over to a stream.
#[derive(Debug)]
pub(super) struct Seat {
    _place: OwnedSemaphorePermit,
    streams: Streams,
}

/// A stream's place, held until it ends.
#[derive(Debug)]
pub(super) struct Stall {
    _place: OwnedSemaphorePermit,
    leaving: watch::Receiver<bool>,
}

impl Streams {
    /// At most so many; shown among those metrics.
    pub(super) fn new(most: usize, leaving: watch::Receiver<bool>, metrics: &Metrics) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS);
        let open = Arc::new(Semaphore::new(most));
        let seen = Arc::clone(&open);
        metrics.gauge(
            "expeditor_http_streams_open",
            "Streams of events that are open.",
            &[],
            move || {
                let open = most.saturating_sub(seen.available_permits());
                u64::try_from(open).ok().map(number)
            },
        );
        Self { open, most, leaving }
    }
}

impl Seat {
    pub(super) fn new(place: OwnedSemaphorePermit, streams: Streams) -> Self {
        Self { _place: place, streams }
    }

    /// A place among the streams; none is free where too many are open.
    pub(super) fn stall(&self) -> Result<Stall, Problem> {
        let Streams { open, most, leaving } = &self.streams;
        if *leaving.borrow() {
            return Err(Problem::unavailable("The server is stopping."));
        }
        let place = Arc::clone(open).try_acquire_owned().map_err(|_| {
            let detail = format!("{most} streams are open, and no more may be; try again.");
            Problem { retry_after: Some(5), ..Problem::new(503, "overloaded", detail) }
        })?;
        Ok(Stall { _place: place, leaving: leaving.clone() })
    }
}

impl Stall {
    /// Resolves when the server is told to stop.
    pub(super) async fn closed(&mut self) {
        // An error means that the server is gone.
        drop(self.leaving.wait_for(|leaving| *leaving).await);
    }
}

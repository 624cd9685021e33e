//! The path: a batch of inputs becomes one transaction.
//!
//! - `item`: one input with where its outcome goes; messages are checked and decoded here.
//! - `worker`: gathers batches, retries, isolates what poisons a batch, settles.
//! - `plan`: what the inputs of a batch name, and so may see and save.
//! - `attempt`: one batch, one transaction.
//! - `desk`: the aggregates of a batch and what has been decided about them so far.
//! - `timers`: turns timers that are due into inputs.
//!
//! An input is settled (acknowledged, answered) after its commit and never before.

use tokio::sync::{mpsc, oneshot};

use crate::{Problem, Reply, Service, http::TraceParent};

mod attempt;
mod desk;
mod item;
mod plan;
mod timers;
mod worker;

pub(crate) use plan::Named;
pub(crate) use timers::{Alarm, run as run_timers};
pub(crate) use worker::{Inputs, Worker};

/// A request on its way to the path, with the place for its answer.
pub(crate) struct Asked<S: Service> {
    pub(crate) request: S::Request,
    /// The trace that the client's request belongs to.
    pub(crate) traceparent: Option<TraceParent>,
    pub(crate) answer: oneshot::Sender<Result<Reply, Problem>>,
}

/// Submits requests to a service's path.
pub struct Submit<S: Service>(mpsc::Sender<Asked<S>>);

impl<S: Service> Clone for Submit<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Service> Submit<S> {
    pub(crate) fn new(sender: mpsc::Sender<Asked<S>>) -> Self {
        Self(sender)
    }

    /// Whether anybody takes requests: false once the service has stopped, or its path broke down.
    pub fn is_served(&self) -> bool {
        !self.0.is_closed()
    }

    /// Takes a request through the path. Resolves when it is committed or refused, or with a 503
    /// problem where the database cannot take it now.
    pub async fn request(&self, request: S::Request) -> Result<Reply, Problem> {
        let (answer, answered) = oneshot::channel();
        let closing = || Problem::unavailable("The service is stopping.");
        let traceparent = TraceParent::current();
        self.0.send(Asked { request, traceparent, answer }).await.map_err(|_| closing())?;
        answered.await.map_err(|_| closing())?
    }
}

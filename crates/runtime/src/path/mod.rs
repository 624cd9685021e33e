//! The path: a batch of inputs becomes one transaction.

use tokio::sync::{mpsc, oneshot};

use crate::{Problem, Reply, Service};

/// A request on its way to the path, with the place for its answer.
pub struct Asked<S: Service> {
    /// What is asked.
    pub request: S::Request,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Result<Reply, Problem>>,
}

/// Submits requests to a service's path.
pub struct Submit<S: Service>(mpsc::Sender<Asked<S>>);

impl<S: Service> Clone for Submit<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Service> Submit<S> {
    /// Takes a request through the path. Resolves when it is committed or refused, or with a 503
    /// problem where the database cannot take it now.
    pub async fn request(&self, request: S::Request) -> Result<Reply, Problem> {
        let (answer, answered) = oneshot::channel();
        let closing = || Problem::unavailable("The service is stopping.");
        self.0.send(Asked { request, answer }).await.map_err(|_| closing())?;
        answered.await.map_err(|_| closing())?
    }
}

//! A server that only one test has, and may stop, kill and start again.

use tokio::task::spawn_blocking;

/// A server of the test's own. It ends with this value.
#[derive(Debug)]
pub struct Own<T>(Option<T>);

impl<T: Send + 'static> Own<T> {
    /// Starts it, beside what else is done.
    pub async fn start(
        start: impl FnOnce() -> Result<T, servers::Error> + Send + 'static,
    ) -> Result<Self, servers::Error> {
        Ok(Self(Some(spawn_blocking(start).await.unwrap()?)))
    }

    /// It.
    pub fn server(&self) -> &T {
        self.0.as_ref().expect("it comes back from each act")
    }

    /// Does something to it, beside what else is done.
    pub async fn act<D: Send + 'static>(
        &mut self,
        act: impl FnOnce(&mut T) -> Result<D, servers::Error> + Send + 'static,
    ) -> Result<D, servers::Error> {
        let mut server = self.0.take().expect("it comes back from each act");
        let acted = move || {
            let done = act(&mut server);
            (server, done)
        };
        let (server, done) = spawn_blocking(acted).await.unwrap();
        self.0 = Some(server);
        done
    }
}

//! Tells relays that rows were committed: within the process at once, and other processes by a
//! `NOTIFY` of its own transaction, never more often than every few milliseconds.
//!
//! It only saves waiting: a relay looks by itself from time to time, so that nothing depends on
//! being told.

use std::{sync::Arc, time::Duration};

use sqlx::{PgPool, postgres::PgListener};
use tokio::{sync::Notify, task::JoinHandle};

use crate::ports::{Clock, Ports};

const CHANNEL: &str = "expeditor_outbox";
/// The least time between two notifications of one process.
const PAUSE: Duration = Duration::from_millis(10);
/// The pause after the server could not be reached.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Wake {
    /// For those who wait in this process.
    written: Notify,
    /// For the task that tells other processes.
    untold: Notify,
}

impl Wake {
    /// Rows were committed by this process.
    pub(super) fn committed(&self) {
        self.written.notify_one();
        self.untold.notify_one();
    }

    /// Resolves when rows were committed since the last call.
    pub(super) async fn written(&self) {
        self.written.notified().await;
    }
}

/// A task that ends with whoever holds this.
pub(super) struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Tells other processes.
pub(super) fn tell(wake: Arc<Wake>, pool: PgPool, ports: &Ports) -> Task {
    let clock = Arc::clone(&ports.clock);
    Task(ports.spawn(async move {
        loop {
            wake.untold.notified().await;
            let told = sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(&pool).await;
            if let Err(error) = told {
                tracing::debug!(%error, "relays elsewhere are not told and look by themselves");
                if pool.is_closed() {
                    return;
                }
                clock.sleep(PAUSE_AFTER_FAILURE).await;
            }
            clock.sleep(PAUSE).await;
        }
    }))
}

/// Hears what other processes tell.
pub(super) fn listen(wake: Arc<Wake>, pool: PgPool, ports: &Ports) -> Task {
    let clock = Arc::clone(&ports.clock);
    Task(ports.spawn(async move {
        while !pool.is_closed() {
            if let Err(error) = hear(&wake, &pool, &*clock).await {
                tracing::debug!(%error, "not told of new rows; looking from time to time");
            }
            clock.sleep(PAUSE_AFTER_FAILURE).await;
        }
    }))
}

async fn hear(wake: &Wake, pool: &PgPool, clock: &dyn Clock) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.ignore_pool_close_event(false);
    listener.listen(CHANNEL).await?;
    loop {
        // What was told before we listened, or while the connection was lost, is made up for by
        // looking once.
        wake.written.notify_one();
        if listener.try_recv().await?.is_none() {
            clock.sleep(PAUSE).await;
        }
    }
}

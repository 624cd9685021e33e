//! Finds what other processes on the same database have committed: one look at all that is watched,
//! twice a second, while anybody watches. Nobody is notified inside a transaction, since that would
//! let commits through one at a time only.

use std::{sync::Arc, time::Duration};

use contracts::ServiceName;
use tokio::sync::watch;

use super::{Live, watchers::Watched};
use crate::{
    db::{Database, DbError, Versions},
    host::told_to_stop,
    ports::Ports,
};

/// A change by another process is seen so long after its commit at most, and a moment.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Looks until told to stop. Ends at once where no other process can write.
pub(crate) async fn follow(
    live: Live,
    service: ServiceName,
    database: Arc<dyn Database>,
    ports: Ports,
    mut stop: watch::Receiver<bool>,
) {
    let Some(versions) = database.versions() else { return };
    let work = async {
        let mut well = true;
        loop {
            live.somebody().await;
            ports.clock.sleep(LOOK_EVERY).await;
            match look(&live, versions).await {
                Ok(()) => well = true,
                Err(error) if well => {
                    tracing::warn!(%service, %error, "what is watched cannot be looked at");
                    well = false;
                }
                Err(_) => {}
            }
        }
    };
    tokio::select! {
        biased;
        () = told_to_stop(&mut stop) => {}
        () = work => {}
    }
}

/// Looks once.
async fn look(live: &Live, versions: &dyn Versions) -> Result<(), DbError> {
    let Watched { one, owned } = live.watchers().watched();
    if !one.is_empty() {
        let found = versions.versions(&one).await?;
        live.told(|watchers, moment| {
            for (key, version) in one.iter().zip(found) {
                watchers.found_one(key, version, moment);
            }
        });
    }
    if !owned.is_empty() {
        let found = versions.digests(&owned).await?;
        live.told(|watchers, moment| {
            for (owned, digest) in owned.iter().zip(found) {
                watchers.found_owned(&owned.by, digest, moment);
            }
        });
    }
    Ok(())
}

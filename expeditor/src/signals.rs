//! Ctrl-C and SIGTERM: both ask for an orderly end. So does the end of whoever holds this process on
//! a [`leash`].

use runtime::ports::Ports;
use tokio::sync::watch;

use crate::{leash, people::pace::Closing};

/// A signal to everybody in the process that it is time to end.
pub fn closing(ports: &Ports) -> Closing {
    let (sender, closing) = Closing::new();
    ports.spawn(wait(sender));
    closing
}

async fn wait(closing: watch::Sender<bool>) {
    tokio::select! {
        () = terminated() => {}
        () = leash::parent_gone() => {}
    }
    closing.send_replace(true);
    // Kept, so that nobody takes a dropped sender for the signal.
    closing.closed().await;
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be waited for; Ctrl-C can");
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn terminated() {
    let _ = tokio::signal::ctrl_c().await;
}

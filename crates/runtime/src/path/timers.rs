//! Timers: rows whose time has come become inputs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use contracts::Timestamp;
use mutants::mutant;
use tokio::sync::{Notify, mpsc, watch};

use crate::{Key, Service, broker::Reach, db::Database, host::told_to_stop, ports::Ports};

/// Timers set by another process on the same database are found this often.
const POLL: Duration = Duration::from_secs(1);
/// Between two goes while timers are due: timers that cannot be moved must not spin.
const SHORT: Duration = Duration::from_millis(1);
/// How many timers are fired in one go.
const AT_ONCE: u32 = 500;

/// Tells the timers' task that a timer was set which is due before the one that it waits for.
pub(crate) struct Alarm {
    armed: AtomicI64,
    earlier: Notify,
}

impl Alarm {
    pub(crate) fn new() -> Self {
        Self { armed: AtomicI64::new(i64::MIN), earlier: Notify::new() }
    }

    /// A timer for that time was committed.
    pub(crate) fn set(&self, at: Timestamp) {
        if at.as_millis() < self.armed.load(Ordering::SeqCst) {
            self.earlier.notify_one();
        }
    }
}

/// Fires timers until told to stop. Begins when the gate opens: after a start, messages that were
/// waiting go first, so that an outage does not let deadlines run out that were met in time. While
/// no message reaches the service they wait: whoever is asked cannot be heard.
#[allow(clippy::too_many_arguments, reason = "each is one of the service's parts")]
pub(crate) async fn run<S: Service>(
    service: Arc<S>,
    database: Arc<dyn Database>,
    ports: Ports,
    alarm: Arc<Alarm>,
    inputs: mpsc::Sender<(Key, mpsc::Sender<()>)>,
    mut gate: watch::Receiver<bool>,
    reach: Reach,
    mut stop: watch::Receiver<bool>,
) {
    let work = async {
        let at_once = mutant!("timers-do-not-wait-for-messages");
        if !at_once && gate.wait_for(|open| *open).await.is_err() {
            return;
        }
        loop {
            if !mutant!("timers-run-while-nothing-is-heard") {
                reach.connected().await;
            }
            // Unarmed while firing, so that nothing set meanwhile is missed.
            alarm.armed.store(i64::MAX, Ordering::SeqCst);
            let Some(pause) = fire(&*service, &*database, &ports, &inputs).await else { return };
            let armed = ports.now().plus(pause).as_millis();
            alarm.armed.store(armed, Ordering::SeqCst);
            tokio::select! {
                biased;
                () = alarm.earlier.notified() => {}
                () = ports.clock.sleep(pause) => {}
            }
        }
    };
    tokio::select! {
        biased;
        () = told_to_stop(&mut stop) => {}
        () = work => {}
    }
}

/// Fires what is due; answers how long to wait, or `None` where nobody takes timers any more.
async fn fire<S: Service>(
    service: &S,
    database: &dyn Database,
    ports: &Ports,
    inputs: &mpsc::Sender<(Key, mpsc::Sender<()>)>,
) -> Option<Duration> {
    let due = match database.reader().due(ports.now(), AT_ONCE).await {
        Ok(due) => due,
        Err(error) => {
            tracing::warn!(service = %service.name(), %error, "timers cannot be read");
            return Some(POLL);
        }
    };
    if due.is_empty() {
        let next = database.reader().next_due().await.ok().flatten();
        return Some(next.map_or(POLL, |at| at.since(ports.now()).min(POLL)));
    }
    let (done, mut all_done) = mpsc::channel(1);
    let mut fired = false;
    for (name, id) in due {
        let Some(kind) = service.kinds().iter().find(|kind| kind.name == name) else {
            // A later version's, before a rollback; it stays as it is.
            tracing::error!(service = %service.name(), name, "a timer of an unknown kind");
            continue;
        };
        fired = true;
        inputs.send((Key::new(*kind, id), done.clone())).await.ok()?;
    }
    drop(done);
    // Resolves with `None` when the last of them was looked at.
    while all_done.recv().await.is_some() {}
    Some(if fired { SHORT } else { POLL })
}

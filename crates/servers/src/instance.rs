//! The life of a server of either kind: launched, waited for, stopped, killed, launched again on
//! the same data and ports, removed.

use std::{process::Child, time::Duration};

use crate::{
    Error, Kind,
    home::{self, Home},
    host::Host,
    leash::Leash,
    wait,
};

/// How often a start is tried when somebody else takes the ports at the same moment.
const TRIES: usize = 3;
/// The longest that a start may take, also on a machine that does much else.
pub(crate) const STARTED: Duration = Duration::from_secs(90);
/// The longest that an orderly stop may take before the server is killed.
const STOPPED: Duration = Duration::from_secs(30);

/// What is particular to a kind of server.
pub(crate) trait Spec {
    const KIND: Kind;
    /// Stops it in order.
    const STOP: &'static str;
    /// Ends it when its data are thrown away.
    const END: &'static str;

    fn home(&self) -> &Home;
    /// Makes its data. Called once.
    fn prepare(&mut self) -> Result<(), Error>;
    /// Takes ports that are free.
    fn choose_ports(&mut self) -> Result<(), Error>;
    /// Starts it on its data and ports.
    fn launch(&mut self) -> Result<(Host, Vec<Child>), Error>;
    /// Whether it serves.
    fn answers(&self) -> bool;
}

/// A server and what it runs as.
#[derive(Debug)]
pub(crate) struct Instance<S: Spec> {
    pub(crate) spec: S,
    host: Option<Host>,
    /// What is ours to reap.
    children: Vec<Child>,
    leash: Option<Leash>,
    /// Whether it ends with this value.
    owned: bool,
}

impl<S: Spec> Instance<S> {
    /// Starts a new server and waits until it serves. `note` is told before there is anything to
    /// end, and again as soon as there is.
    pub(crate) fn start(
        spec: S,
        mut note: impl FnMut(&S, Option<&Host>) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let mut instance =
            Self { spec, host: None, children: Vec::new(), leash: None, owned: true };
        note(&instance.spec, None)?;
        instance.spec.prepare()?;
        for attempt in 1.. {
            instance.spec.choose_ports()?;
            instance.launch()?;
            note(&instance.spec, instance.host.as_ref())?;
            match instance.wait() {
                Ok(()) => break,
                Err(error) if attempt < TRIES && is_taken(&error) => instance.kill()?,
                Err(error) => return Err(error),
            }
        }
        Ok(instance)
    }

    /// Lets it live on when this value and this process end.
    pub(crate) fn detach(mut self) {
        self.owned = false;
    }

    /// Has it end with this process, also if that is killed.
    pub(crate) fn hold(mut self) -> Self {
        self.leash = self.host.as_ref().map(|host| Leash::on(host, self.spec.home().path()));
        self
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.host.as_ref().and_then(Host::pid)
    }

    /// Stops it in order. Nothing happens when it does not run.
    pub(crate) fn stop(&mut self) -> Result<(), Error> {
        self.end(|host| host.stop(S::STOP, STOPPED))
    }

    /// Kills it, as a crash would.
    pub(crate) fn kill(&mut self) -> Result<(), Error> {
        self.end(Host::kill)
    }

    /// Starts it on the data and ports that it had, stopping it first if it runs.
    pub(crate) fn restart(&mut self) -> Result<(), Error> {
        let held = self.leash.is_some();
        self.stop()?;
        self.launch()?;
        if held && let Some(host) = &self.host {
            self.leash = Some(Leash::on(host, self.spec.home().path()));
        }
        self.wait()
    }

    fn launch(&mut self) -> Result<(), Error> {
        let (host, children) = self.spec.launch()?;
        self.host = Some(host);
        self.children = children;
        Ok(())
    }

    fn wait(&self) -> Result<(), Error> {
        let name = S::KIND.name();
        let runs = || self.host.as_ref().is_some_and(Host::runs);
        let served = wait::until(STARTED, || match (self.spec.answers(), runs()) {
            (true, true) => Some(true),
            (_, false) => Some(false),
            (false, true) => None,
        });
        let failure = match served {
            Some(true) => return Ok(()),
            Some(false) => "ended before it served",
            None => "does not serve",
        };
        Err(Error::failed(format!("{name} {failure}:\n{}", self.log())))
    }

    fn log(&self) -> String {
        match &self.host {
            Some(Host::Container(name)) => crate::container::log(name),
            _ => self.spec.home().log_end(S::KIND.log()),
        }
    }

    fn end(&mut self, how: impl FnOnce(&Host) -> Result<(), Error>) -> Result<(), Error> {
        let ended = self.host.as_ref().map_or(Ok(()), how);
        for child in &mut self.children {
            let _ = child.try_wait(); // reaps it
        }
        ended
    }
}

/// Ends a server whose data are thrown away, and removes them.
pub(crate) fn remove(
    kind: Kind,
    signal: &str,
    host: Option<&Host>,
    directory: &std::path::Path,
) -> Result<(), Error> {
    if let Some(host) = host {
        host.stop(signal, STOPPED)?;
        host.clear(directory)?;
    }
    home::remove(kind, directory)
}

fn is_taken(error: &Error) -> bool {
    let text = error.to_string().to_lowercase();
    ["address already in use", "address in use", "eaddrinuse", "port is already allocated"]
        .iter()
        .any(|sign| text.contains(sign))
}

impl<S: Spec> Drop for Instance<S> {
    fn drop(&mut self) {
        if !self.owned {
            return;
        }
        let removed = remove(S::KIND, S::END, self.host.as_ref(), self.spec.home().path());
        if let Err(error) = removed {
            eprintln!("{} is left behind: {error}", S::KIND.name());
        }
        for child in &mut self.children {
            let _ = child.try_wait();
        }
    }
}

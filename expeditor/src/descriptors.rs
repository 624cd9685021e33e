//! How many files and connections this process may have open. Systems let a process have few to begin
//! with, for the sake of old programs, and far more if it asks: so it asks.

/// Raises what this process may have open as far as it is allowed to by itself.
#[cfg(unix)]
pub fn raise() {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let limits = getrlimit(Resource::Nofile);
    if limits.current == limits.maximum {
        return;
    }
    let raised = rustix::process::Rlimit { current: limits.maximum, ..limits };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, allowed = limits.current, "no more files may be open than before");
    }
}

/// Nothing is asked for elsewhere.
#[cfg(not(unix))]
pub fn raise() {}

#[cfg(all(test, unix))]
mod tests {
    use rustix::process::{Resource, getrlimit};

    #[test]
    fn as_many_may_be_open_as_the_system_lets() {
        super::raise();
        let limits = getrlimit(Resource::Nofile);
        assert_eq!(limits.current, limits.maximum);
    }
}

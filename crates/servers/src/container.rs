//! Containers, where the machine has an engine but not the servers' programs. Names every
//! container it starts, and speaks of no other.

use std::process::{Command, Stdio};

use crate::Error;

/// Whether a container engine answers, not only its client.
pub(crate) fn engine_answers() -> bool {
    let mut command = Command::new("docker");
    command.args(["version", "--format", "{{.Server.Version}}"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What to run in a container.
pub(crate) struct Order<'a> {
    pub(crate) name: &'a str,
    pub(crate) image: &'a str,
    /// Of loopback, and inside.
    pub(crate) ports: &'a [(u16, u16)],
    pub(crate) environment: &'a [(&'a str, &'a str)],
    pub(crate) arguments: &'a [String],
}

impl Order<'_> {
    fn words(&self) -> Vec<String> {
        let mut words: Vec<String> =
            ["run", "--detach", "--name", self.name].map(ToOwned::to_owned).to_vec();
        for (outside, inside) in self.ports {
            words.extend(["--publish".to_owned(), format!("127.0.0.1:{outside}:{inside}")]);
        }
        for (name, value) in self.environment {
            words.extend(["--env".to_owned(), format!("{name}={value}")]);
        }
        words.push(self.image.to_owned());
        words.extend_from_slice(self.arguments);
        words
    }

    /// Runs it; fetches the image first if it must.
    pub(crate) fn run(&self) -> Result<(), Error> {
        docker(&self.words()).map(drop)
    }
}

pub(crate) fn exists(name: &str) -> bool {
    docker(&["container", "inspect", name]).is_ok()
}

pub(crate) fn runs(name: &str) -> bool {
    let format = "{{.State.Running}}";
    docker(&["container", "inspect", "--format", format, name])
        .is_ok_and(|answer| answer.trim() == "true")
}

/// Starts one that was stopped or killed, on its data and ports.
pub(crate) fn start(name: &str) -> Result<(), Error> {
    docker(&["container", "start", name]).map(drop)
}

/// Stops it in order, and kills it when it takes too long.
pub(crate) fn stop(name: &str) -> Result<(), Error> {
    docker(&["container", "stop", name]).map(drop)
}

pub(crate) fn kill(name: &str) -> Result<(), Error> {
    docker(&["container", "kill", name]).map(drop)
}

/// Runs a program in it. Answers what that says.
pub(crate) fn execute(name: &str, words: &[&str]) -> Result<String, Error> {
    docker(&[&["container", "exec", name], words].concat())
}

/// Ends it and removes it with its data.
pub(crate) fn remove(name: &str) -> Result<(), Error> {
    docker(&["container", "rm", "--force", "--volumes", name]).map(drop)
}

/// The end of what it has logged.
pub(crate) fn log(name: &str) -> String {
    docker(&["container", "logs", "--tail", "20", name]).unwrap_or_default()
}

fn docker<S: AsRef<std::ffi::OsStr>>(words: &[S]) -> Result<String, Error> {
    let output = Command::new("docker").args(words).stdin(Stdio::null()).output();
    let output = output.map_err(|error| Error::failed(format!("cannot run docker: {error}")))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(said)
    } else {
        let wrong = String::from_utf8_lossy(&output.stderr);
        Err(Error::failed(format!("docker: {}", wrong.trim())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_published_on_loopback_alone() {
        let order = Order {
            name: "expeditor-postgres-1f",
            image: "postgres:17-alpine",
            ports: &[(17_001, 5432)],
            environment: &[("POSTGRES_PASSWORD", "secret")],
            arguments: &["-c".to_owned(), "fsync=off".to_owned()],
        };
        assert_eq!(
            order.words().join(" "),
            "run --detach --name expeditor-postgres-1f --publish 127.0.0.1:17001:5432 \
             --env POSTGRES_PASSWORD=secret postgres:17-alpine -c fsync=off"
        );
    }
}

//! Ends a test's own server when the test's process is killed: a small shell waits for the end of
//! a pipe that nobody but that process holds.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::{host::Host, process::Identity};

/// Holds a server to the life of this process. Let go of by dropping it.
#[derive(Debug)]
pub(crate) struct Leash(Option<Child>);

/// Kills each process whose start time, field 22 of its `stat`, is still the one noted; then
/// removes the directory.
const SHELL: &str = r#"
read -r _
directory=$1
shift
while [ $# -gt 1 ]; do
    ticks=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20)
    if [ "$ticks" = "${2##*/}" ]; then
        kill -s KILL -- "-$1"
    fi
    shift 2
done
sleep 1
rm -rf -- "$directory"
"#;
const CONTAINER: &str = r#"read -r _; docker container rm --force --volumes "$2"; rm -rf -- "$1""#;

impl Leash {
    /// For the server in this directory.
    pub(crate) fn on(host: &Host, directory: &Path) -> Self {
        let mut command = Command::new("sh");
        match host {
            // Start times are compared by `/proc`: without it nothing is killed.
            Host::Processes(_) if !Path::new("/proc/self/stat").exists() => return Self(None),
            Host::Processes(processes) => {
                command.args(["-c", SHELL, "leash"]).arg(directory);
                for Identity { pid, started } in processes {
                    command.arg(pid.to_string()).arg(started);
                }
            }
            Host::Container(name) => {
                command.args(["-c", CONTAINER, "leash"]).arg(directory).arg(name);
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Its own group: it must outlive what kills the test's. Without it a server may be left
        // behind by a test that is killed, which is no reason to fail one that is not.
        Self(command.process_group(0).spawn().ok())
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        if let Some(shell) = &mut self.0 {
            // Killed before the pipe is closed, so that it does not act.
            let _ = shell.kill();
            let _ = shell.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::wait;

    const BOUND: Duration = Duration::from_secs(20);

    fn server() -> (Child, Identity) {
        let mut command = Command::new("sh");
        command.args(["-c", "read -r _"]).stdin(Stdio::piped()).process_group(0);
        let child = command.spawn().unwrap();
        let identity = Identity::of(child.id()).unwrap();
        (child, identity)
    }

    #[test]
    fn the_end_of_the_tests_process_ends_its_servers_and_no_strangers() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("data");
        std::fs::create_dir(&directory).unwrap();
        let (mut own, identity) = server();
        let (mut other, stranger) = server();
        let noted = Identity { started: "boot/1".to_owned(), ..stranger.clone() };
        let host = Host::Processes(vec![identity.clone(), noted]);
        let mut leash = Leash::on(&host, &directory);

        // When the process ends, the system closes its end of the pipe.
        drop(leash.0.as_mut().unwrap().stdin.take());

        assert!(identity.ended_within(BOUND));
        let removed = wait::until(BOUND, || (!directory.exists()).then_some(()));
        assert!(removed.is_some() && stranger.alive());
        other.kill().unwrap();
        for child in [&mut own, &mut other] {
            child.wait().unwrap();
        }
    }

    #[test]
    fn who_lets_go_of_the_leash_kills_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (mut own, identity) = server();
        drop(Leash::on(&Host::Processes(vec![identity.clone()]), folder.path()));
        assert!(identity.alive() && folder.path().exists());
        own.kill().unwrap();
        own.wait().unwrap();
    }
}

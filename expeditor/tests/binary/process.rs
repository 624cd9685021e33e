//! Runs of the binary.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

pub(crate) fn expeditor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_expeditor"));
    command.args(arguments).env_clear();
    command
}

/// Stdout and stderr of a run that ended with that status.
pub(crate) fn ended(output: &Output, status: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "stdout: {stdout}\nstderr: {stderr}");
    (stdout, stderr)
}

/// A failure is one line, and nothing else is said.
pub(crate) fn one_line(output: &Output, status: i32) -> String {
    let (_, stderr) = ended(output, status);
    assert!(stderr.starts_with("expeditor: "), "{stderr}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
    stderr
}

/// A process that stays up and says where it listens; killed when it is dropped.
pub(crate) struct Dev {
    child: Child,
    pub(crate) url: String,
}

impl Dev {
    pub(crate) fn start(data: &Path, further: &[&str]) -> Self {
        let data = data.to_str().unwrap();
        let mut dev = expeditor(&["dev", "--listen", "127.0.0.1:0", "--data", data]);
        dev.args(further);
        Self::listening(dev)
    }

    /// Any other that says where it listens.
    pub(crate) fn listening(mut command: Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut greeting = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
        let url = greeting.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        Self { child, url: url.to_owned() }
    }

    pub(crate) fn terminate(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Already gone where it was terminated.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

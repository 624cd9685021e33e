//! Keys and tokens as a script makes them, and a service on real servers that asks for them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod made;
mod place;
mod served;

use std::process::{Command, Output};

fn expeditor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_expeditor"));
    command.args(arguments).env_clear();
    command
}

/// Stdout of a run that was done; nothing else was said.
fn done(arguments: &[&str]) -> String {
    let output = expeditor(arguments).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*stderr), (Some(0), ""), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A run that ends with that status and one line.
#[track_caller]
fn ends(output: &Output, status: i32, says: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    assert!(stderr.starts_with("expeditor: ") && stderr.contains(says), "{says:?}: {stderr}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
    assert!(output.stdout.is_empty(), "{output:?}");
}

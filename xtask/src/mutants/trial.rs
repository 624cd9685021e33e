//! One run of one layer: with a mutant, or with none.

use std::{
    fs::{self, File},
    io,
    path::Path,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use super::{layers::Tests, programs::Programs};
use crate::Failure;

/// How often it is looked whether a program has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What came of it.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// What noticed something, where anything did: a test, a seed, or that it never ended.
    pub(super) noticed: Option<String>,
    /// How long it took.
    pub(super) took: Duration,
}

/// Runs the programs one after another, until one notices something. Each has that much time: a bug
/// may well keep a program from ending, and that is noticed too.
#[expect(clippy::disallowed_methods, reason = "measures chores; no service runs in here")]
pub(super) fn run(
    programs: &Programs,
    layer: &[Tests],
    environment: &[(&str, &str)],
    folder: &Path,
    within: Duration,
) -> Result<Outcome, Failure> {
    let began = Instant::now();
    let mut noticed = None;
    for tests in layer {
        noticed = program(programs.find(tests)?, tests, environment, folder, within)
            .map_err(|error| Failure::Broken(format!("a test cannot be run: {error}")))?;
        if noticed.is_some() {
            break;
        }
    }
    Ok(Outcome { noticed, took: began.elapsed() })
}

fn program(
    program: &Path,
    tests: &Tests,
    environment: &[(&str, &str)],
    folder: &Path,
    within: Duration,
) -> io::Result<Option<String>> {
    let told = folder.join("told");
    let output = File::create(&told)?;
    let mut command = Command::new(program);
    // In a folder of its own: what a test keeps of its failures is none of the tree's business.
    command.args(tests.arguments).current_dir(folder).envs(environment.iter().copied());
    command.env("INSTA_UPDATE", "no").env("PROPTEST_MAX_SHRINK_ITERS", "0");
    command.stdout(output.try_clone()?).stderr(output);
    let ended = ended_within(command.spawn()?, within)?;
    let told = String::from_utf8_lossy(&fs::read(told)?).into_owned();
    Ok(match ended {
        None => Some(format!("it did not end within {} s", within.as_secs())),
        Some(true) => None,
        Some(false) => Some(first_noticed(&told)),
    })
}

/// Waits until it has ended, and says whether all was well; ends it where it takes too long.
#[expect(clippy::disallowed_methods, reason = "measures chores; no service runs in here")]
fn ended_within(mut child: Child, within: Duration) -> io::Result<Option<bool>> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if began.elapsed() > within {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// The first that noticed something, as the program tells it.
fn first_noticed(told: &str) -> String {
    let test = told.lines().find_map(|line| {
        let name = line.strip_prefix("test ")?;
        name.strip_suffix(" ... FAILED")
    });
    let seed = || {
        let line =
            told.lines().find(|line| line.starts_with("seed ") && line.contains(" is wrong"));
        line.map(|line| line.split(':').next().unwrap_or(line))
    };
    test.or_else(seed).unwrap_or("it ended before its time").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_shell(script: &'static str, within: Duration) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let arguments = Box::leak(Box::new(["-c", script]));
        let target = super::super::layers::Target::Program("sh", "");
        let tests = Tests { package: "", target, arguments };
        program(Path::new("/bin/sh"), &tests, &[("NAME", "it")], folder.path(), within).unwrap()
    }

    #[test]
    fn a_program_that_fails_is_told_with_what_noticed_it() {
        let long = Duration::from_secs(30);
        for (script, noticed) in [
            ("exit 0", None),
            ("echo test a::b ... ok; echo test c::d ... FAILED; exit 101", Some("c::d")),
            ("echo seed 7 is wrong: I2: two; exit 1", Some("seed 7 is wrong")),
            ("exit 134", Some("it ended before its time")),
            ("test $NAME = it", None),
        ] {
            assert_eq!(run_shell(script, long).as_deref(), noticed, "{script}");
        }
    }

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let noticed = run_shell("exec tail -f /dev/null", Duration::from_millis(50));
        assert_eq!(noticed.as_deref(), Some("it did not end within 0 s"));
    }
}

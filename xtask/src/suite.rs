//! `cargo xtask test`: the steps that CI runs. Each is a command that can be repeated by hand.
//!
//! The tests of processes and servers wait more than they compute, for half of their time at least.
//! So lints, docs and doc tests, which only compute, run beside the tests with the lowest priority:
//! they take what the tests leave over.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{Failure, codemap, needs, services::ForTests};

/// One step: a name, and what it runs.
struct Step {
    name: &'static str,
    run: Run,
}

enum Run {
    /// `cargo` with these arguments and this environment.
    Cargo { arguments: Vec<String>, environment: &'static [(&'static str, &'static str)] },
    /// All test binaries, built and noted down, so that the tests need no lock of `cargo`'s.
    Binaries,
    /// The test binaries that were noted down.
    Tests,
    /// The check of the code map, in this process.
    Codemap,
    /// The servers that the tests after it use.
    Servers,
}

/// The steps in their order; those of `beside` run in theirs while the last ones of `all` do.
struct Plan {
    first: Vec<Step>,
    tests: Step,
    beside: Vec<Step>,
}

/// Runs all steps, or with a filter only the tests whose name contains it. Answers the closing
/// line.
pub(crate) fn run(root: &Path, filter: Option<&str>) -> Result<String, Failure> {
    needs::ensure()?;
    let nextest = needs::answers("cargo", &["nextest", "--version"]);
    let plan = plan(nextest, filter);
    let mut servers = ForTests::default();
    let (done, whole) = timed(|| {
        let mut done = Vec::new();
        for step in &plan.first {
            println!("── {}: {} ──", step.name, step.run.command());
            done.push(step.outcome(|| step.run.run(root, &mut servers))?);
        }
        let (tests, beside) = thread::scope(|scope| {
            let beside = scope.spawn(|| beside(root, &plan.beside));
            println!("── {}: {} ──", plan.tests.name, plan.tests.run.command());
            let tests = plan.tests.outcome(|| plan.tests.run.run(root, &mut servers));
            (tests, beside.join().expect("what runs beside does not panic"))
        });
        let ended = beside.into_iter().chain([tests]);
        let (right, wrong): (Vec<_>, Vec<_>) = ended.partition(Result::is_ok);
        done.extend(right.into_iter().flatten());
        let wrong: Vec<String> = wrong.into_iter().filter_map(Result::err).collect();
        if wrong.is_empty() { Ok(done) } else { Err(wrong.join("\n")) }
    });
    let done = done.map_err(Failure::Broken)?;
    Ok(format!("passed in {}: {}", seconds(whole), done.join(", ")))
}

/// Runs these one after the other, the others also when one has failed. Answers how each ended.
fn beside(root: &Path, steps: &[Step]) -> Vec<Result<String, String>> {
    let run = |step: &Step| step.outcome(|| step.run.run_beside(root));
    steps.iter().map(run).collect()
}

const SERVERS: Step = Step { name: "servers", run: Run::Servers };

fn plan(nextest: bool, filter: Option<&str>) -> Plan {
    let runner = match (nextest, filter) {
        (true, None) => Run::Tests,
        (true, Some(filter)) => run_cargo(&format!("nextest run {ALL} --no-fail-fast {filter}")),
        (false, None) => run_cargo(&format!("test {ALL} --all-targets --no-fail-fast")),
        (false, Some(filter)) => {
            run_cargo(&format!("test {ALL} --all-targets --no-fail-fast {filter}"))
        }
    };
    let tests = Step { name: "tests", run: runner };
    if filter.is_some() {
        return Plan { first: vec![SERVERS], tests, beside: Vec::new() };
    }
    let mut first =
        vec![cargo("format", "fmt --all --check"), Step { name: "codemap", run: Run::Codemap }];
    let computing = vec![
        cargo("lints", "clippy --workspace --all-targets -- -D warnings"),
        // Features unify across a workspace: only built alone does the engine show that it needs
        // neither `std` nor a clock.
        cargo("engine alone", "check --package saga"),
        Step {
            name: "docs",
            run: Run::Cargo {
                arguments: words("doc --workspace --no-deps --lib --document-private-items"),
                environment: &[("RUSTDOCFLAGS", "-D warnings")],
            },
        },
        cargo("doc tests", "test --workspace --doc"),
    ];
    // `cargo test` holds the lock on what is built for as long as it runs.
    let beside = if nextest {
        first.push(Step { name: "test binaries", run: Run::Binaries });
        computing
    } else {
        first.extend(computing);
        Vec::new()
    };
    first.push(SERVERS);
    Plan { first, tests, beside }
}

/// Every member.
const ALL: &str = "--workspace";

fn run_cargo(arguments: &str) -> Run {
    Run::Cargo { arguments: words(arguments), environment: &[] }
}

fn cargo(name: &'static str, arguments: &str) -> Step {
    Step { name, run: run_cargo(arguments) }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(ToOwned::to_owned).collect()
}

impl Step {
    /// Does its work and says so; answers its part of the closing line. The error is the whole line.
    fn outcome(&self, work: impl FnOnce() -> Result<(), String>) -> Result<String, String> {
        let (outcome, took) = timed(work);
        let (name, took) = (self.name, seconds(took));
        if let Err(reason) = outcome {
            let again = self.run.command();
            let line = format!("{name} failed after {took}{reason}; to repeat it: {again}");
            eprintln!("── {line} ──\n");
            return Err(line);
        }
        println!("── {name}: passed in {took} ──\n");
        Ok(format!("{name} {took}"))
    }
}

impl Run {
    /// What to type to run it alone.
    fn command(&self) -> String {
        match self {
            Self::Codemap => "cargo xtask codemap".to_owned(),
            Self::Servers => "cargo xtask services up".to_owned(),
            Self::Binaries => format!("cargo nextest run {ALL} --no-run"),
            Self::Tests => format!("cargo nextest run {ALL} --no-fail-fast"),
            Self::Cargo { arguments, environment } => {
                let environment =
                    environment.iter().map(|(name, value)| format!("{name}='{value}' "));
                environment.collect::<String>() + "cargo " + &arguments.join(" ")
            }
        }
    }

    /// Runs it; the error is what there is to add to "failed".
    fn run(&self, root: &Path, servers: &mut ForTests) -> Result<(), String> {
        match self {
            Self::Servers => servers.bring().map_err(|failure| format!(": {failure}")),
            Self::Codemap => match codemap::run(root) {
                Ok(summary) => {
                    println!("{summary}");
                    Ok(())
                }
                Err(failure) => Err(format!(": {failure}")),
            },
            Self::Binaries => Noted::build(root).map(|_| ()),
            Self::Tests => ended(
                Command::new("cargo")
                    .args(["nextest", "run", "--no-fail-fast"])
                    .args(Noted::at(root)?.arguments())
                    .envs(servers.environment.iter().map(|(name, value)| (name, value)))
                    .current_dir(root),
            ),
            Self::Cargo { arguments, environment } => ended(
                Command::new("cargo")
                    .args(arguments)
                    .envs(environment.iter().copied())
                    .envs(servers.environment.iter().map(|(name, value)| (name, value)))
                    .current_dir(root),
            ),
        }
    }

    /// Runs it beside others, with what they leave over; says something only if it fails.
    fn run_beside(&self, root: &Path) -> Result<(), String> {
        let Self::Cargo { arguments, environment } = self else {
            return Err(": only cargo's commands run beside others".to_owned());
        };
        let mut command = Command::new("nice");
        command.args(["-n", "19", "cargo"]).args(arguments).envs(environment.iter().copied());
        let output = command.current_dir(root).stdin(Stdio::null()).output();
        let output = output.map_err(|error| format!(": {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        eprintln!("{}", String::from_utf8_lossy(&[output.stdout, output.stderr].concat()));
        Err(format!(" ({})", output.status))
    }
}

/// What `cargo` has built for the tests, as it notes it for other tools: two files.
struct Noted {
    metadata: PathBuf,
    binaries: PathBuf,
}

impl Noted {
    /// Builds all test binaries and notes them.
    fn build(root: &Path) -> Result<(), String> {
        let noted = Self::at(root)?;
        let list = ["nextest", "list", ALL, "--list-type", "binaries-only"];
        let list = [&list[..], &["--message-format", "json"]].concat();
        for (arguments, file) in [
            (&["metadata", "--format-version", "1"][..], &noted.metadata),
            (&list, &noted.binaries),
        ] {
            let file = fs::File::create(file).map_err(|error| format!(": {error}"))?;
            ended(Command::new("cargo").args(arguments).stdout(file).current_dir(root))?;
        }
        Ok(())
    }

    /// Where they lie: in the folder that `cargo` builds into.
    fn at(root: &Path) -> Result<Self, String> {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        let folder = root.join(target).join("xtask");
        fs::create_dir_all(&folder).map_err(|error| format!(": {error}"))?;
        Ok(Self {
            metadata: folder.join("metadata.json"),
            binaries: folder.join("test-binaries.json"),
        })
    }

    fn arguments(&self) -> [&OsStr; 4] {
        let [metadata, binaries] = [&self.metadata, &self.binaries].map(|path| path.as_os_str());
        ["--cargo-metadata".as_ref(), metadata, "--binaries-metadata".as_ref(), binaries]
    }
}

/// Runs a command; the error is what there is to add to "failed".
fn ended(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!(" ({status})")),
        Err(error) => Err(format!(": {error}")),
    }
}

#[expect(clippy::disallowed_methods, reason = "measures chores; no service runs in here")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(steps: &[Step]) -> Vec<String> {
        steps.iter().map(|step| step.run.command()).collect()
    }

    #[test]
    fn what_only_computes_runs_beside_the_tests() {
        let plan = plan(true, None);
        assert_eq!(
            commands(&plan.first),
            [
                "cargo fmt --all --check",
                "cargo xtask codemap",
                "cargo nextest run --workspace --no-run",
                "cargo xtask services up",
            ]
        );
        assert_eq!(plan.tests.run.command(), "cargo nextest run --workspace --no-fail-fast");
        assert_eq!(plan.beside.len(), 4);
        assert!(plan.beside.iter().all(|step| matches!(step.run, Run::Cargo { .. })));
    }

    #[test]
    fn without_nextest_the_same_steps_run_one_after_the_other() {
        let (with, without) = (plan(true, None), plan(false, None));
        assert!(without.beside.is_empty(), "cargo test keeps others from building");
        for command in commands(&with.beside) {
            assert!(commands(&without.first).contains(&command), "{command}");
        }
        let tests = "cargo test --workspace --all-targets --no-fail-fast";
        assert_eq!(without.tests.run.command(), tests);
    }

    #[test]
    fn a_filter_leaves_the_tests_that_it_names() {
        for (nextest, tests) in [
            (true, "cargo nextest run --workspace --no-fail-fast pay"),
            (false, "cargo test --workspace --all-targets --no-fail-fast pay"),
        ] {
            let plan = plan(nextest, Some("pay"));
            assert_eq!(commands(&plan.first), ["cargo xtask services up"]);
            assert_eq!(plan.tests.run.command(), tests);
            assert!(plan.beside.is_empty());
        }
    }

    #[test]
    fn a_step_is_repeated_with_its_environment() {
        let commands = commands(&plan(true, None).beside);
        assert!(
            commands.contains(
                &"RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --lib --document-private-items".to_owned()
            ),
            "{commands:?}"
        );
    }

    #[test]
    fn a_command_that_fails_is_told_with_its_status_and_how_to_repeat_it() {
        let wrong = cargo("wrong", "no-such-command");
        let failed = wrong.run.run(Path::new("/"), &mut ForTests::default());
        assert_eq!(failed, Err(" (exit status: 101)".to_owned()));
        assert_eq!(wrong.run.run_beside(Path::new("/")), failed);
        let told = wrong.outcome(|| failed).unwrap_err();
        assert!(
            told.ends_with("(exit status: 101); to repeat it: cargo no-such-command"),
            "{told}"
        );
    }
}

//! `cargo xtask test`: the steps that CI runs, cheap ones first, the tests last so that the
//! runner's own closing line stays in sight. Each step is a command that can be repeated by hand.

use std::{
    path::Path,
    process::Command,
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
    /// The check of the code map, in this process.
    Codemap,
    /// The servers that the tests after it use.
    Servers,
}

/// Runs all steps, or with a filter only the tests whose name contains it. Answers the closing
/// line.
pub(crate) fn run(root: &Path, filter: Option<&str>) -> Result<String, Failure> {
    needs::ensure()?;
    let nextest = needs::answers("cargo", &["nextest", "--version"]);
    let mut done: Vec<String> = Vec::new();
    let mut servers = ForTests::default();
    let (outcome, whole) = timed(|| {
        for step in steps(nextest, filter) {
            println!("── {}: {} ──", step.name, step.run.command());
            let (outcome, took) = timed(|| step.run.run(root, &mut servers));
            if let Err(reason) = outcome {
                return Err(Failure::Broken(format!(
                    "{} failed after {}{reason}; to repeat it: {}",
                    step.name,
                    seconds(took),
                    step.run.command()
                )));
            }
            println!("── {}: passed in {} ──\n", step.name, seconds(took));
            done.push(format!("{} {}", step.name, seconds(took)));
        }
        Ok(())
    });
    outcome?;
    Ok(format!("passed in {}: {}", seconds(whole), done.join(", ")))
}

const SERVERS: Step = Step { name: "servers", run: Run::Servers };

fn steps(nextest: bool, filter: Option<&str>) -> Vec<Step> {
    let mut tests = if nextest {
        cargo("tests", "nextest run --workspace --no-fail-fast")
    } else {
        cargo("tests", "test --workspace --all-targets --no-fail-fast")
    };
    if let (Some(filter), Run::Cargo { arguments, .. }) = (filter, &mut tests.run) {
        arguments.push(filter.to_owned());
        return vec![SERVERS, tests];
    }
    vec![
        cargo("format", "fmt --all --check"),
        Step { name: "codemap", run: Run::Codemap },
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
        SERVERS,
        tests,
    ]
}

fn cargo(name: &'static str, arguments: &str) -> Step {
    Step { name, run: Run::Cargo { arguments: words(arguments), environment: &[] } }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(ToOwned::to_owned).collect()
}

impl Run {
    /// What to type to run it alone.
    fn command(&self) -> String {
        match self {
            Self::Codemap => "cargo xtask codemap".to_owned(),
            Self::Servers => "cargo xtask services up".to_owned(),
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
            Self::Cargo { arguments, environment } => {
                let mut command = Command::new("cargo");
                command
                    .args(arguments)
                    .envs(environment.iter().copied())
                    .envs(servers.environment.iter().map(|(name, value)| (name, value)));
                ended(command.current_dir(root))
            }
        }
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

    fn commands(nextest: bool, filter: Option<&str>) -> Vec<String> {
        steps(nextest, filter).iter().map(|step| step.run.command()).collect()
    }

    #[test]
    fn the_tests_come_last_with_either_runner() {
        for (nextest, runner) in [(true, "cargo nextest run"), (false, "cargo test")] {
            let commands = commands(nextest, None);
            assert_eq!(commands.len(), 8);
            assert_eq!(commands[6], "cargo xtask services up");
            assert!(commands[7].starts_with(runner), "{commands:?}");
        }
    }

    #[test]
    fn a_filter_leaves_the_tests_that_it_names() {
        assert_eq!(
            commands(true, Some("pay")),
            ["cargo xtask services up", "cargo nextest run --workspace --no-fail-fast pay"]
        );
        assert_eq!(
            commands(false, Some("pay")),
            ["cargo xtask services up", "cargo test --workspace --all-targets --no-fail-fast pay"]
        );
    }

    #[test]
    fn a_step_is_repeated_with_its_environment() {
        let commands = commands(true, None);
        assert!(
            commands.contains(
                &"RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --lib --document-private-items".to_owned()
            ),
            "{commands:?}"
        );
    }

    #[test]
    fn a_command_that_fails_is_told_with_its_status() {
        let outcome =
            cargo("wrong", "no-such-command").run.run(Path::new("/"), &mut ForTests::default());
        assert_eq!(outcome, Err(" (exit status: 101)".to_owned()));
    }
}

//! The project's chores as commands: `cargo xtask help` lists them.
//!
//! Exit status: 0 done, 1 a step failed or a rule is broken, 2 wrong usage, 3 something that the
//! chore needs is missing. Nothing that is shipped depends on this crate, and it depends on next
//! to nothing: it is built before anything else, with features of its own.

use std::{
    env, fmt,
    path::Path,
    process::{Command, ExitCode},
};

mod codemap;
mod mutants;
mod needs;
mod services;
mod suite;

use services::Wish;

const HELP: &str = "\
The project's chores.

Usage: cargo xtask <CHORE>

  test             Run everything that CI runs: format, code map, lints, docs, all tests.
                   Stops at the first step that fails and says how to repeat it. Installs what
                   is missing where it can (Debian, as root), otherwise says what it is.
  test <FILTER>    Run only the tests whose name contains this, and no other step.
  codemap          Check the dependency rules, the map in ARCHITECTURE.md, links, house rules.
  services up      Start a private PostgreSQL and RabbitMQ for tests and development, or find them
                   running; print their URLs. They stay until they are ended. --durable: commits
                   wait for the disk, as in production.
  services down    End them and remove their data.
  services status  Say what runs.
  simulate         Run seeds of the simulation: 1000, or --seeds N, from --seed S on. One seed alone is
                   told with its trace; --without PARTS leaves parts of its scenario out.
  mutants          Switch on one seeded bug after another, and see that every layer of tests that must
                   notice does. --only PART: those whose name contains it. --everywhere: on every
                   layer, also those that need not notice.
  chaos            Let things go wrong with real processes on servers of their own while people order: as
                   long as the suite does, or --minutes M; --seed S decides what and when.
  help             Print this.

Exit status: 0 done, 1 a step failed or a rule is broken, 2 wrong usage, 3 something is missing.";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Chore {
    Test { filter: Option<String> },
    Codemap,
    Services(services::Wish),
    Simulate(Vec<String>),
    Mutants(mutants::Wish),
    Chaos(Vec<String>),
    Help,
}

/// Why a chore was not done, sorted by exit status.
#[derive(Debug)]
enum Failure {
    /// A step failed or a rule is broken.
    Broken(String),
    /// There is no such chore.
    Usage(String),
    /// Something that the chore needs is missing.
    Missing(String),
}

impl Failure {
    fn exit_status(&self) -> u8 {
        match self {
            Self::Broken(_) => 1,
            Self::Usage(_) => 2,
            Self::Missing(_) => 3,
        }
    }
}

impl From<servers::Error> for Failure {
    fn from(error: servers::Error) -> Self {
        match error {
            servers::Error::Missing(line) => Self::Missing(line),
            servers::Error::Failed(line) => Self::Broken(line),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(line) | Self::Usage(line) | Self::Missing(line) => f.write_str(line),
        }
    }
}

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies one folder below the root of the workspace");
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match parse(&words) {
        Ok(Chore::Test { filter }) => suite::run(root, filter.as_deref()),
        Ok(Chore::Codemap) => codemap::run(root),
        Ok(Chore::Services(wish)) => services::run(wish),
        Ok(Chore::Mutants(wish)) => mutants::run(root, &wish),
        Ok(Chore::Simulate(options)) => optimised(root, "simulation", &options),
        Ok(Chore::Chaos(options)) => {
            needs::ensure().and_then(|()| optimised(root, "chaos", &options))
        }
        Ok(Chore::Help) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(failure) => Err(failure),
    };
    match done {
        Ok(summary) if summary.is_empty() => ExitCode::SUCCESS,
        Ok(summary) => {
            println!("xtask: {summary}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::from(failure.exit_status())
        }
    }
}

/// Runs a crate that looks for what is wrong, optimised as what is shipped.
fn optimised(root: &Path, package: &str, options: &[String]) -> Result<String, Failure> {
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "--release", "--package", package, "--"]);
    let status = command.args(options).current_dir(root).status();
    match status.map(|status| status.code()) {
        Ok(Some(0)) => Ok(String::new()),
        Ok(Some(2)) => Err(Failure::Usage(format!("{package} does not know these options"))),
        Ok(Some(1)) => Err(Failure::Broken(format!("{package} found something wrong"))),
        Ok(_) => Err(Failure::Broken(format!("{package} did not run to its end"))),
        Err(error) => Err(Failure::Missing(format!("cargo cannot be run: {error}"))),
    }
}

fn parse(words: &[&str]) -> Result<Chore, Failure> {
    match words {
        [] | ["help" | "--help" | "-h", ..] | [_, "--help" | "-h"] => Ok(Chore::Help),
        ["test"] => Ok(Chore::Test { filter: None }),
        ["test", filter] if !filter.starts_with('-') => {
            Ok(Chore::Test { filter: Some((*filter).to_owned()) })
        }
        ["simulate", options @ ..] => Ok(Chore::Simulate(owned(options))),
        ["chaos", options @ ..] => Ok(Chore::Chaos(owned(options))),
        ["codemap"] => Ok(Chore::Codemap),
        ["services", "up"] => Ok(Chore::Services(Wish::Up { durable: false })),
        ["services", "up", "--durable"] => Ok(Chore::Services(Wish::Up { durable: true })),
        ["services", "down"] => Ok(Chore::Services(Wish::Down)),
        ["services", "status"] => Ok(Chore::Services(Wish::Status)),
        ["mutants", options @ ..] => {
            wish_of(options).map(Chore::Mutants).ok_or_else(|| no_such_chore(words))
        }
        _ => Err(no_such_chore(words)),
    }
}

fn no_such_chore(words: &[&str]) -> Failure {
    let line = format!("no such chore: {}; see `cargo xtask help`", words.join(" "));
    Failure::Usage(line)
}

fn wish_of(options: &[&str]) -> Option<mutants::Wish> {
    let mut wish = mutants::Wish::default();
    let mut words = options.iter();
    while let Some(word) = words.next() {
        match *word {
            "--only" => wish.only = Some((*words.next()?).to_owned()),
            "--everywhere" => wish.everywhere = true,
            _ => return None,
        }
    }
    Some(wish)
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_chore_is_understood() {
        let filter = |filter: Option<&str>| Chore::Test { filter: filter.map(ToOwned::to_owned) };
        let simulate = Chore::Simulate(vec!["--seed".to_owned(), "7".to_owned()]);
        let mutants = |only: Option<&str>, everywhere| {
            Chore::Mutants(mutants::Wish { only: only.map(ToOwned::to_owned), everywhere })
        };
        let chaos = Chore::Chaos(vec!["--minutes".to_owned(), "9".to_owned()]);
        let cases: [(&[&str], Chore); 15] = [
            (&["mutants"], mutants(None, false)),
            (&["mutants", "--only", "relay", "--everywhere"], mutants(Some("relay"), true)),
            (&["chaos", "--minutes", "9"], chaos),
            (&["simulate", "--seed", "7"], simulate),
            (&[], Chore::Help),
            (&["help"], Chore::Help),
            (&["--help"], Chore::Help),
            (&["test", "--help"], Chore::Help),
            (&["test"], filter(None)),
            (&["test", "cancel"], filter(Some("cancel"))),
            (&["codemap"], Chore::Codemap),
            (&["services", "up"], Chore::Services(Wish::Up { durable: false })),
            (&["services", "up", "--durable"], Chore::Services(Wish::Up { durable: true })),
            (&["services", "down"], Chore::Services(Wish::Down)),
            (&["services", "status"], Chore::Services(Wish::Status)),
        ];
        for (words, chore) in cases {
            assert_eq!(parse(words).unwrap(), chore, "{words:?}");
        }
    }

    #[test]
    fn anything_else_is_wrong_usage() {
        for words in [
            &["tests"][..],
            &["test", "--quick"],
            &["test", "a", "b"],
            &["codemap", "a"],
            &["services"],
            &["services", "down", "now"],
            &["mutants", "relay"],
            &["mutants", "--only"],
        ] {
            let failure = parse(words).unwrap_err();
            assert_eq!(failure.exit_status(), 2, "{words:?}");
            assert!(failure.to_string().contains(&words.join(" ")), "{failure}");
        }
    }

    #[test]
    fn each_failure_has_its_exit_status() {
        assert_eq!(Failure::Broken(String::new()).exit_status(), 1);
        assert_eq!(Failure::Missing(String::new()).exit_status(), 3);
    }
}

//! The project's chores as commands: `cargo xtask help` lists them.
//!
//! Exit status: 0 done, 1 a step failed or a rule is broken, 2 wrong usage, 3 something that the
//! chore needs is missing. Nothing that is shipped depends on this crate.

use std::{path::Path, process::ExitCode};

use clap::{Parser, Subcommand};

mod codemap;
mod needs;
mod suite;

/// The project's chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_version_flag = true)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run everything that CI runs: format, code map, lints, docs, all tests
    ///
    /// Stops at the first step that fails and says how to repeat it. Installs what is missing
    /// where it can (Debian, as root), otherwise says what it is.
    Test {
        /// Run only the tests whose name contains this, and no other step
        filter: Option<String>,
    },
    /// Check the dependency rules, the map in ARCHITECTURE.md, links and house rules
    Codemap,
}

/// Why a chore was not done, sorted by exit status.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// A step failed or a rule is broken.
    #[error("{0}")]
    Broken(String),
    /// Something that the chore needs is missing.
    #[error("{0}")]
    Missing(String),
}

impl Failure {
    fn exit_status(&self) -> u8 {
        match self {
            Self::Broken(_) => 1,
            Self::Missing(_) => 3,
        }
    }
}

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies one folder below the root of the workspace");
    let done = match Cli::parse().chore {
        Chore::Test { filter } => suite::run(root, filter.as_deref()),
        Chore::Codemap => codemap::run(root),
    };
    match done {
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

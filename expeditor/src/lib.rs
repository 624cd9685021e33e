//! The whole of Expeditor in one binary, as a library for its own tests: the command line, the
//! composition of all services in one process, the simulated people, the audit.
//!
//! Nothing here decides about orders: that is the services' business. This crate starts them,
//! acts on them over HTTP as people do, and looks at what they have stored.

pub mod audit;
pub mod bench;
pub mod cli;
pub mod commands;
pub mod config;
pub mod credentials;
pub mod descriptors;
pub mod directory;
pub mod exit;
pub mod fleet;
pub mod leash;
pub mod lock;
pub mod logs;
pub mod management;
pub mod people;
pub mod print;
pub mod process;
pub mod progress;
pub mod provision;
pub mod rebuild;
pub mod rows;
pub mod signals;
pub mod system;
pub mod tables;
pub mod usage;

use exit::Failure;

/// Runs a command line. Prints its result to stdout; the caller prints a failure.
pub async fn run<I, T>(arguments: I) -> Result<(), Failure>
where
    I: IntoIterator<Item = T>,
    T: Into<std::ffi::OsString> + Clone,
{
    let cli = match usage::parse(arguments)? {
        Ok(cli) => cli,
        Err(text) => {
            print::text(&text);
            return Ok(());
        }
    };
    let variables = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for line in usage::unknown_variables(variables) {
        print::aside(format_args!("expeditor: warning: {line}"));
    }
    let file = config::File::read(cli.config.as_deref())?;
    let Some(command) = cli.command else {
        print::text(&usage::overview());
        return Ok(());
    };
    let format = cli.log_format.or(file.log_format).unwrap_or_default();
    logs::start(cli.log.as_deref().or(file.log.as_deref()), &command, format)?;
    descriptors::raise();
    Box::pin(commands::run(command, file)).await
}

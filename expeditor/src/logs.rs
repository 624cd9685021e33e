//! Logs of this process. `dev` tells what it does; other commands only what is wrong.

use runtime::telemetry;

use crate::{
    cli::{Command, LogFormat},
    exit::Failure,
};

/// Starts logging to stderr.
pub fn start(filter: Option<&str>, command: &Command, format: LogFormat) -> Result<(), Failure> {
    let filter = filter.unwrap_or(match command {
        Command::Dev(_) => "info,runtime::http::layers=warn",
        // What its people run into is told by the demo itself.
        Command::Demo(_) => "error",
        _ => "warn",
    });
    let format = match format {
        LogFormat::Text => telemetry::LogFormat::Text,
        LogFormat::Json => telemetry::LogFormat::Json,
    };
    telemetry::init(format, filter).map_err(|error| Failure::Usage(error.to_string()))
}

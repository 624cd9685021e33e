//! Logs of this process. What stays up tells what it does; other commands only what is wrong.

use runtime::telemetry;
use tracing::level_filters::LevelFilter;

use crate::{
    cli::{Command, LogFormat},
    exit::Failure,
};

/// What is told by that which stays up.
const STAYING: &str = "info,runtime::http::layers=warn,lapin=off";

/// Starts logging to stderr.
pub fn start(filter: Option<&str>, command: &Command, format: LogFormat) -> Result<(), Failure> {
    // What the broker's client, lapin, runs into is told here with the service that it is about.
    // Below "error" it quotes messages whole: what is in them is nobody's business.
    let filter = filter.unwrap_or(match command {
        Command::Dev(_) | Command::Serve(_) | Command::Relay(_) => STAYING,
        Command::Audit(options) if options.follow => STAYING,
        // What its people run into is told by the demo itself.
        Command::Demo(_) => "error,lapin=off",
        _ => "warn,lapin=off",
    });
    levels(filter)?;
    let format = match format {
        LogFormat::Text => telemetry::LogFormat::Text,
        LogFormat::Json => telemetry::LogFormat::Json,
    };
    telemetry::init(format, filter).map_err(|error| Failure::Usage(error.to_string()))
}

/// Refuses a bare word that is no level. The filter itself takes it for the name of a module, so
/// that a level spelt wrong would silence everything.
fn levels(filter: &str) -> Result<(), Failure> {
    let is_path = |part: &&str| !part.contains(['=', '[']) && !part.contains("::");
    let mut bare = filter.split(',').map(str::trim).filter(is_path);
    match bare.find(|word| word.parse::<LevelFilter>().is_err()) {
        None => Ok(()),
        Some(word) => Err(Failure::Usage(format!(
            "{word:?} is no log level: off, error, warn, info, debug, trace, or a filter such as \
             runtime=debug"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_word_is_a_level() {
        for (filter, good) in [
            ("info", true),
            ("WARN,runtime=debug", true),
            ("off", true),
            ("runtime::http=trace,error", true),
            ("runtime::http", true),
            ("debgu", false),
            ("info,runtime", false),
        ] {
            let result = levels(filter);
            assert_eq!(result.is_ok(), good, "{filter}");
            assert!(result.is_ok() || result.unwrap_err().status() == 2);
        }
    }
}

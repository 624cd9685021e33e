//! Logs on standard error: lines of text or of JSON. Whatever a log line quotes is escaped, so that
//! nobody's text can forge a line or drive a terminal.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
};

use tracing::{Dispatch, field::Field};
use tracing_subscriber::{
    EnvFilter,
    fmt::{
        MakeWriter,
        format::{self, FormatFields, Writer},
    },
    util::SubscriberInitExt,
};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one object a line.
    Json,
}

/// A filter that cannot be read: a matter of configuration.
#[derive(Debug, thiserror::Error)]
#[error("the log filter {filter:?} cannot be read: {reason}")]
pub struct InvalidFilter {
    /// What was given.
    pub filter: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Logs from now on to standard error what the filter lets pass: `info`, or
/// `warn,runtime::http=debug`. Panics are logged likewise, so that
/// they are escaped too; where the filter stops them they are printed as usual. Called again it
/// changes nothing.
pub fn init(format: LogFormat, filter: &str) -> Result<(), InvalidFilter> {
    let colours = io::stderr().is_terminal();
    let logs = subscriber(format, filter, colours, io::stderr)?;
    if logs.try_init().is_ok() {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !tracing::enabled!(tracing::Level::ERROR) {
                return usual(panic);
            }
            let message = panic.payload_as_str().unwrap_or("without a message");
            let location = panic.location().map(ToString::to_string);
            tracing::error!(message, location, "panicked");
        }));
    }
    Ok(())
}

/// The same, to any writer: what [`init`] installs.
fn subscriber<W>(
    format: LogFormat,
    filter: &str,
    colours: bool,
    writer: W,
) -> Result<Dispatch, InvalidFilter>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| InvalidFilter { filter: filter.to_owned(), reason: error.to_string() })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter);
    Ok(match format {
        LogFormat::Text => {
            let lines = lines.fmt_fields(text_fields()).with_ansi(colours);
            Dispatch::new(lines.with_writer(writer).finish())
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_writer(JsonLines(writer));
            Dispatch::new(lines.finish())
        }
    })
}

/// `message name=value …`, each value escaped.
fn text_fields() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    use tracing_subscriber::field::MakeExt;
    let one = |writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug| {
        if field.name() != "message" {
            write!(writer, "{}=", field.name())?;
        }
        fmt::Write::write_fmt(&mut Escaped(writer), format_args!("{value:?}"))
    };
    format::debug_fn(one).delimited(" ")
}

/// Writes control characters as escapes.
struct Escaped<W>(W);

impl<W: fmt::Write> fmt::Write for Escaped<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if character.is_control() {
                self.0.write_fmt(format_args!("{}", character.escape_default()))?;
            } else {
                self.0.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// JSON leaves DEL and the C1 controls as they are, which some terminals obey. They can stand only
/// within its strings, so escaping them there keeps the meaning.
struct JsonLines<W>(W);

impl<'w, W: MakeWriter<'w>> MakeWriter<'w> for JsonLines<W> {
    type Writer = JsonLine<W::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        JsonLine(self.0.make_writer())
    }
}

struct JsonLine<W>(W);

impl<W: Write> Write for JsonLine<W> {
    /// Is given whole lines, so no character is cut in two.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let is_late = |character: char| matches!(character, '\u{7f}'..='\u{9f}');
        if text.contains(is_late) {
            let mut escaped = Vec::with_capacity(line.len() + 16);
            for character in text.chars() {
                if is_late(character) {
                    write!(escaped, "\\u{:04x}", u32::from(character))?;
                } else {
                    write!(escaped, "{character}")?;
                }
            }
            self.0.write_all(&escaped)?;
        } else {
            self.0.write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged when a service quotes a hostile text in every way there is.
    fn logged(format: LogFormat) -> String {
        let hostile = "a\nERROR forged\r\t\u{1b}[31m\u{7f}\u{9b}31m\0 \"b\"";
        let lines = Lines::default();
        let writer = lines.clone();
        let logs = subscriber(format, "info", false, move || writer.clone()).unwrap();
        tracing::dispatcher::with_default(&logs, || {
            let _span = tracing::info_span!("request", path = hostile, id = %hostile).entered();
            let error = io::Error::other(hostile);
            let cause: &(dyn std::error::Error + 'static) = &error;
            tracing::info!(shown = %hostile, quoted = hostile, cause, "said {hostile}");
            tracing::debug!("filtered out");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn no_text_can_forge_a_line_or_drive_a_terminal() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = logged(format);
            let line = text.strip_suffix('\n').unwrap();
            assert!(!line.contains(char::is_control), "{format:?}: {line:?}");
            assert!(line.contains("shown"), "{line}");
            assert!(line.contains("forged"), "{line}");
        }
    }

    #[test]
    fn json_keeps_what_was_meant() {
        let line: serde_json::Value = serde_json::from_str(&logged(LogFormat::Json)).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["quoted"], "a\nERROR forged\r\t\u{1b}[31m\u{7f}\u{9b}31m\0 \"b\"");
        assert_eq!(line["span"]["name"], "request");
    }

    #[test]
    fn a_wrong_filter_is_told_and_a_second_start_is_none() {
        assert!(init(LogFormat::Text, "runtime=loud").is_err());
        assert!(init(LogFormat::Text, "off").is_ok());
        assert!(init(LogFormat::Json, "off").is_ok());
    }
}

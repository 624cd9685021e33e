//! Printing results to stdout, and what is beside them to stderr. Whoever reads may leave in the middle (`expeditor … | head`): that is
//! no error, and nothing to panic about.

use std::io::{self, Write};

/// Prints a text as it is.
pub fn text(text: &str) {
    let mut out = io::stdout().lock();
    // Nobody is left to be told where stdout is gone.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a line.
pub fn line(line: impl std::fmt::Display) {
    text(&format!("{line}\n"));
}

/// Prints a line to stderr.
pub fn aside(line: impl std::fmt::Display) {
    let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}

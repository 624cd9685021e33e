//! Why a server is not there, sorted by what the caller should do.

use std::{fmt, io, path::Path};

/// Why a server is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The machine lacks it, and it could not be brought: the line says what to install.
    Missing(String),
    /// It was there, and something went wrong: the text says what, with the end of the server's
    /// log where there is one.
    Failed(String),
}

impl Error {
    pub(crate) fn failed(line: impl Into<String>) -> Self {
        Self::Failed(line.into())
    }

    /// For `map_err`: what could not be done to a file or directory.
    pub(crate) fn at<'a>(doing: &'a str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |error| Self::Failed(format!("cannot {doing} {}: {error}", path.display()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(line) | Self::Failed(line) => f.write_str(line),
        }
    }
}

impl std::error::Error for Error {}

//! What an option is when it is not on the command line: the environment (read by clap), then the
//! file named by `--config`, then the default. Reads one file; never writes.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::Deserialize;

use crate::{
    cli::{DefinitionName, GraphFormat, LogFormat, Output},
    exit::{Failure, disk, one_line},
    system::Settings,
};

/// The file, read whole. Sections are named like the commands, with keys like their options, and
/// like the services, with the services' settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct File {
    /// `--log`.
    pub log: Option<String>,
    /// `--log-format`.
    #[serde(rename = "log-format")]
    pub log_format: Option<LogFormat>,
    /// Options of `demo`.
    pub demo: DemoFile,
    /// Options of `dev`.
    pub dev: DevFile,
    /// Options of `audit`.
    pub audit: AuditFile,
    /// Options of `saga`.
    pub saga: SagaFile,
    /// Options of `graph`.
    pub graph: GraphFile,
    /// Options of `migrate`.
    pub migrate: MigrateFile,
    /// The services' settings.
    pub services: Settings,
}

/// Options of `demo`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DemoFile {
    /// `--orders`.
    pub orders: Option<u32>,
    /// `--rate`.
    pub rate: Option<Number>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--data`.
    pub data: Option<PathBuf>,
}

/// Options of `dev`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DevFile {
    /// `--listen`.
    pub listen: Option<SocketAddr>,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--simulate`.
    pub simulate: Option<Number>,
}

/// Options of `audit`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditFile {
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--output`.
    pub output: Option<Output>,
}

/// Options of `saga`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SagaFile {
    /// `--url`.
    pub url: Option<String>,
    /// `--output`.
    pub output: Option<Output>,
}

/// Options of `graph`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GraphFile {
    /// `--definition`.
    pub definition: Option<DefinitionName>,
    /// `--format`.
    pub format: Option<GraphFormat>,
}

/// Options of `migrate`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MigrateFile {
    /// `--data`.
    pub data: Option<PathBuf>,
}

impl File {
    /// Reads the file, or answers the empty one where none is named.
    pub fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::InvalidData => {
                Failure::Usage(format!("{}: {error}", path.display()))
            }
            _ => disk(path.display(), &error),
        })?;
        Self::parse(&text).map_err(|reason| Failure::Usage(format!("{}: {reason}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let line = error
                .span()
                .and_then(|span| text.get(..span.start))
                .map_or(1, |before| before.matches('\n').count() + 1);
            format!("line {line}: {}", one_line(error.message()))
        })
    }
}

/// A number of things a second: finite and above zero.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "f64")]
pub struct Number(f64);

impl Number {
    /// The number itself.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Number {
    type Error = &'static str;
    fn try_from(number: f64) -> Result<Self, Self::Error> {
        if number.is_finite() && number > 0.0 && number <= 100_000.0 {
            Ok(Self(number))
        } else {
            Err("a rate is above 0 and at most 100000")
        }
    }
}

impl FromStr for Number {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number: f64 = text.parse().map_err(|_| format!("{text:?} is no number"))?;
        Self::try_from(number).map_err(str::to_owned)
    }
}

/// Where `dev` listens unless told otherwise.
pub const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// Where the databases are unless told otherwise.
pub const DATA: &str = "./data";

/// Where a running system is looked for unless told otherwise.
pub const URL: &str = "http://127.0.0.1:8080";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_sets_options_and_services() {
        let file = File::parse(
            "log = \"debug\"\n[dev]\nlisten = \"127.0.0.1:9\"\nsimulate = 2\n[demo]\norders = 9\n",
        )
        .unwrap();
        assert_eq!(file.dev.listen, Some("127.0.0.1:9".parse().unwrap()));
        assert_eq!(file.dev.simulate.map(Number::get), Some(2.0));
        assert_eq!((file.demo.orders, file.log.as_deref()), (Some(9), Some("debug")));
    }

    #[test]
    fn what_a_file_gets_wrong_is_named_with_its_line() {
        for (text, says) in [
            ("[dev]\nlisten = \"here\"\n", "line 2"),
            ("[dev]\n\nlissen = 1\n", "line 3: unknown field `lissen`"),
            ("[demo]\nrate = 0\n", "above 0"),
            ("[services.payment]\nno_such = 1\n", "no_such"),
            ("[", "line 1"),
        ] {
            let reason = File::parse(text).unwrap_err();
            assert!(reason.contains(says), "{text:?}: {reason}");
            assert!(!reason.contains('\n'), "{reason:?}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_a_matter_of_configuration() {
        let missing = Path::new("/no/such/expeditor.toml");
        assert_eq!(File::read(Some(missing)).unwrap_err().status(), 2);
    }
}

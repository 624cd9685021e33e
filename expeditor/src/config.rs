//! What an option is when it is not on the command line: the environment (read by clap), then the
//! file named by `--config`, then the default. Reads one file; never writes.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, de::Error};

use crate::{
    bench::options::BenchFile,
    cli::{DefinitionName, GraphFormat, LogFormat, Output},
    credentials::options::TokenFile,
    exit::{Failure, disk, one_line},
    process::options::{RelayFile, ServeFile},
    rebuild::options::RebuildFile,
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
    /// `--data` of `dev`, `audit`, `migrate` and `rebuild`, where their sections do not say otherwise. Not of
    /// `demo`, which wants a directory of its own.
    pub data: Option<PathBuf>,
    /// Options of `demo`.
    pub demo: DemoFile,
    /// Options of `dev`.
    pub dev: DevFile,
    /// Options of `serve`.
    pub serve: ServeFile,
    /// Options of `relay`.
    pub relay: RelayFile,
    /// Options of `token`.
    pub token: TokenFile,
    /// Options of `audit`.
    pub audit: AuditFile,
    /// Options of `bench`.
    pub bench: BenchFile,
    /// Options of `saga`.
    pub saga: SagaFile,
    /// Options of `ready`.
    pub ready: ReadyFile,
    /// Options of `graph`.
    pub graph: GraphFile,
    /// Options of `migrate`.
    pub migrate: MigrateFile,
    /// Options of `rebuild`.
    pub rebuild: RebuildFile,
    /// Options of `provision`.
    pub provision: ProvisionFile,
    /// The services' settings.
    pub services: Settings,
}

/// Options of `demo`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct DemoFile {
    /// `--orders`.
    pub orders: Option<u32>,
    /// `--rate`.
    pub rate: Option<Number>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--database-url`.
    pub database_url: Option<String>,
    /// `--amqp-url`.
    pub amqp_url: Option<String>,
    /// `--amqp-api-url`.
    pub amqp_api_url: Option<String>,
    /// `--chaos`.
    pub chaos: bool,
}

/// Options of `dev`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DevFile {
    /// `--listen`.
    #[serde(deserialize_with = "some_address")]
    pub listen: Option<SocketAddr>,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--simulate`.
    pub simulate: Option<Number>,
}

/// Options of `audit`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AuditFile {
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--database-url`.
    pub database_url: Option<String>,
    /// `--prefix`.
    pub prefix: Option<String>,
    /// `--output`.
    pub output: Option<Output>,
    /// `--follow`.
    pub follow: bool,
    /// `--pause`.
    pub pause: Option<Number>,
    /// `--listen`.
    #[serde(deserialize_with = "some_address")]
    pub listen: Option<SocketAddr>,
    /// `--keys`.
    pub keys: Option<PathBuf>,
}

/// Options of `saga`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SagaFile {
    /// `--url`.
    #[serde(deserialize_with = "some_url")]
    pub url: Option<String>,
    /// `--output`.
    pub output: Option<Output>,
}

/// Options of `ready`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadyFile {
    /// `--url`.
    #[serde(deserialize_with = "some_url")]
    pub url: Option<String>,
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
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct MigrateFile {
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--database-url`.
    pub database_url: Option<String>,
}

/// Options of `provision`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProvisionFile {
    /// `--database-url`.
    pub database_url: Option<String>,
    /// `--amqp-url`.
    pub amqp_url: Option<String>,
    /// `--amqp-api-url`.
    pub amqp_api_url: Option<String>,
    /// `--out`.
    pub out: Option<PathBuf>,
    /// `--prefix`.
    pub prefix: Option<String>,
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

    /// Where the databases are, for a command whose options and section of the file say so or not.
    pub fn data(&self, option: Option<PathBuf>, section: Option<&PathBuf>) -> PathBuf {
        let named = option.or_else(|| section.cloned()).or_else(|| self.data.clone());
        named.unwrap_or_else(|| PathBuf::from(DATA))
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start);
            let before = text.get(..start).unwrap_or_default();
            let number = before.matches('\n').count() + 1;
            let line = text.lines().nth(number - 1).unwrap_or_default();
            format!("line {number}, `{}`: {}", line.trim(), plain(&one_line(error.message())))
        })
    }
}

/// What is wrong with a file, as people say it: the reader speaks of types of its own language.
fn plain(message: &str) -> String {
    if let Some((wrong, known)) = message
        .strip_prefix("unknown field ")
        .or_else(|| message.strip_prefix("unknown variant "))
        .and_then(|rest| rest.split_once(", expected "))
    {
        let known = known.strip_prefix("one of ").unwrap_or(known);
        return format!("there is no {wrong} here; what there is: {known}");
    }
    let wanted = ["invalid type: ", "invalid value: "];
    let wanted = wanted.iter().find_map(|prefix| message.strip_prefix(prefix));
    if let Some((found, wanted)) = wanted.and_then(|rest| rest.rsplit_once(", expected ")) {
        let wanted = match wanted {
            "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 on",
            "f64" => "a number",
            "a boolean" => "true or false",
            "a string" | "path string" => "a text in quotes",
            _ if wanted.starts_with("struct ") => "a section, such as [dev]",
            other => other,
        };
        return format!("{wanted} is wanted, and this is the {found}");
    }
    if message == "wanted string or table" {
        return "one of the words that `--help` names is wanted, in quotes".to_owned();
    }
    message.to_owned()
}

/// Reads an address to listen on.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        let port = text.strip_prefix(':').or_else(|| text.strip_prefix("localhost:"));
        match port.unwrap_or(text).parse::<u16>() {
            Ok(port) => format!("an address with its port is wanted: 127.0.0.1:{port}"),
            Err(_) => "an address with its port is wanted, such as 127.0.0.1:8080".to_owned(),
        }
    })
}

/// Reads where a running system is.
pub fn url(text: &str) -> Result<String, String> {
    let parsed = reqwest::Url::parse(text).ok();
    let good = parsed.filter(|url| url.scheme() == "http" && url.has_host());
    good.map(|_| text.to_owned())
        .ok_or_else(|| format!("a URL that begins with http:// is wanted, such as {URL}"))
}

/// [`address`], in a file.
pub fn some_address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    address(&String::deserialize(from)?).map(Some).map_err(D::Error::custom)
}

fn some_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    url(&String::deserialize(from)?).map(Some).map_err(D::Error::custom)
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

/// What the names of databases, roles and broker users on servers begin with unless told otherwise.
pub const PREFIX: &str = "expeditor";

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
            ("[dev]\nlisten = \"here\"\n", "line 2, `listen = \"here\"`: an address with its port"),
            ("[dev]\nlisten = \"8080\"\n", "127.0.0.1:8080"),
            ("[dev]\n\nlissen = 1\n", "line 3, `lissen = 1`: there is no `lissen` here; what"),
            ("[saga]\nurl = \"localhost:8080\"\n", "begins with http://"),
            ("[demo]\nrate = 0\n", "above 0"),
            ("[demo]\norders = \"x\"\n", "a whole number from 0 on is wanted"),
            ("[demo]\norders = -1\n", "a whole number from 0 on is wanted"),
            ("[audit]\noutput = \"xml\"\n", "there is no `xml` here; what there is: `table`"),
            ("log-format = 3\n", "one of the words"),
            ("data = 1\n", "a text in quotes is wanted, and this is the integer `1`"),
            ("dev = 1\n", "a section, such as [dev] is wanted"),
            ("[services.payment]\nno_such = 1\n", "no_such"),
            ("[services.orchestrator.deadlines]\npay = \"x\"\n", "a number is wanted"),
            ("[", "line 1"),
        ] {
            let reason = File::parse(text).unwrap_err();
            assert!(reason.contains(says), "{text:?}: {reason}");
            assert!(!reason.contains('\n'), "{reason:?}");
        }
    }

    #[test]
    fn one_directory_serves_all_that_work_on_it_unless_they_say_otherwise() {
        let file = File::parse("data = \"/all\"\n[audit]\ndata = \"/copy\"\n").unwrap();
        let of = |option: Option<&str>, section: Option<&PathBuf>| {
            file.data(option.map(PathBuf::from), section)
        };
        assert_eq!(of(None, file.dev.data.as_ref()), PathBuf::from("/all"));
        assert_eq!(of(None, file.audit.data.as_ref()), PathBuf::from("/copy"));
        assert_eq!(of(Some("/here"), file.audit.data.as_ref()), PathBuf::from("/here"));
        assert_eq!(File::default().data(None, None), PathBuf::from(DATA));
    }

    #[test]
    fn a_url_is_one_of_http() {
        for (text, good) in [
            ("http://127.0.0.1:8080", true),
            ("http://localhost:8080/", true),
            ("localhost:8080", false),
            ("127.0.0.1:8080", false),
            ("https://localhost:8080", false),
            ("http://", false),
            ("", false),
        ] {
            assert_eq!(url(text).is_ok(), good, "{text:?}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_a_matter_of_configuration() {
        let missing = Path::new("/no/such/expeditor.toml");
        assert_eq!(File::read(Some(missing)).unwrap_err().status(), 2);
    }
}

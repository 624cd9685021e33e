//! The options of `serve` and `relay`, and what stands for them in a file.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use clap::{Args, builder::PossibleValuesParser};
use contracts::ServiceName;
use serde::Deserialize;

use crate::{
    config::{Number, address, some_address},
    exit::Failure,
};

/// Options of `serve`.
#[derive(Debug, Default, Args)]
pub struct ServeArgs {
    /// Which service.
    #[arg(value_name = "SERVICE", value_parser = PossibleValuesParser::new(names()))]
    pub service: String,
    /// The service's database: `postgres://user:password@host:5432/database`.
    #[arg(long, value_name = "URL", env = "EXPEDITOR_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// The broker: `amqps://user:password@host:5671/vhost`.
    #[arg(long, value_name = "URL", env = "EXPEDITOR_AMQP_URL", hide_env_values = true)]
    pub amqp_url: Option<String>,
    /// The keys that tokens are checked with, as `expeditor keys` makes them.
    #[arg(long, value_name = "FILE", env = "EXPEDITOR_KEYS")]
    pub keys: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1, port 8080 for the
    /// orchestrator, 8081 payment, 8082 store, 8083 cook, 8084 rider, 8085
    /// mypage, 8086 notification].
    #[arg(long, value_name = "ADDRESS", env = "EXPEDITOR_LISTEN", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// Notification only: where messages are posted to, `https://`, or `http://` on this machine
    /// [default: they are written into the log].
    #[arg(long, value_name = "URL", env = "EXPEDITOR_WEBHOOK_URL", hide_env_values = true)]
    pub webhook_url: Option<String>,
    /// Notification only: the file with the secret that messages are signed with, 16 bytes or more.
    #[arg(long, value_name = "FILE", env = "EXPEDITOR_WEBHOOK_SECRET_FILE")]
    pub webhook_secret_file: Option<PathBuf>,
    /// Notification only: the CAs that the webhook is verified by, in PEM [default: the system's].
    #[arg(long, value_name = "FILE", env = "EXPEDITOR_WEBHOOK_CA_FILE")]
    pub webhook_ca_file: Option<PathBuf>,
    /// Notification only: how many seconds the webhook may take for an answer [default: 10].
    #[arg(long, value_name = "SECONDS", env = "EXPEDITOR_WEBHOOK_TIMEOUT")]
    pub webhook_timeout: Option<Number>,
    /// How many streams of events may be open at one time [default: 10000].
    #[arg(long, value_name = "N", env = "EXPEDITOR_STREAMS")]
    pub streams: Option<usize>,
}

/// Options of `serve` in a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServeFile {
    /// `--database-url`.
    pub database_url: Option<String>,
    /// `--amqp-url`.
    pub amqp_url: Option<String>,
    /// `--keys`.
    pub keys: Option<PathBuf>,
    /// `--listen`.
    #[serde(deserialize_with = "some_address")]
    pub listen: Option<SocketAddr>,
    /// `--webhook-url`.
    pub webhook_url: Option<String>,
    /// `--webhook-secret-file`.
    pub webhook_secret_file: Option<PathBuf>,
    /// `--webhook-ca-file`.
    pub webhook_ca_file: Option<PathBuf>,
    /// `--webhook-timeout`.
    pub webhook_timeout: Option<Number>,
    /// `--streams`.
    pub streams: Option<usize>,
}

/// Options of `relay`.
#[derive(Debug, Default, Args)]
pub struct RelayArgs {
    /// A service's outbox: `store=postgres://user:password@host:5432/database`; once for each, or
    /// several with commas in between.
    #[arg(
        long,
        value_name = "SERVICE=URL",
        env = "EXPEDITOR_SOURCE",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub source: Vec<String>,
    /// The broker, for sources that have none of their own: `amqps://user:password@host:5671/vhost`.
    #[arg(long, value_name = "URL", env = "EXPEDITOR_AMQP_URL", hide_env_values = true)]
    pub amqp_url: Option<String>,
    /// The broker as one source's own user, given like a source.
    #[arg(
        long,
        value_name = "SERVICE=URL",
        env = "EXPEDITOR_SOURCE_AMQP_URL",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub source_amqp_url: Vec<String>,
    /// Who it is among the relays: no two that run may have the same name, and one that starts again
    /// under its name goes on at once [default: made of the machine and the port].
    #[arg(long, value_name = "NAME", env = "EXPEDITOR_NAME")]
    pub name: Option<String>,
    /// The keys that tokens are checked with, as `expeditor keys` makes them. Without, whoever can
    /// reach it sees its metrics, and it listens on loopback only.
    #[arg(long, value_name = "FILE", env = "EXPEDITOR_KEYS")]
    pub keys: Option<PathBuf>,
    /// Where to listen for probes and metrics; port 0 takes a free one [default: 127.0.0.1:8089].
    #[arg(long, value_name = "ADDRESS", env = "EXPEDITOR_LISTEN", value_parser = address)]
    pub listen: Option<SocketAddr>,
}

/// Options of `relay` in a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RelayFile {
    /// `--source`, by service.
    pub sources: BTreeMap<String, String>,
    /// `--amqp-url`.
    pub amqp_url: Option<String>,
    /// `--source-amqp-url`, by service.
    pub source_amqp_urls: BTreeMap<String, String>,
    /// `--name`.
    pub name: Option<String>,
    /// `--keys`.
    pub keys: Option<PathBuf>,
    /// `--listen`.
    #[serde(deserialize_with = "some_address")]
    pub listen: Option<SocketAddr>,
}

/// Of an option that cannot be done without.
pub fn wanted<T>(command: &str, option: &str, value: Option<T>) -> Result<T, Failure> {
    value.ok_or_else(|| {
        let variable = option.to_uppercase().replace('-', "_");
        Failure::Usage(format!(
            "{command}: --{option} is wanted (or EXPEDITOR_{variable}, or {option} in [{command}] \
             of the file of --config)"
        ))
    })
}

/// The default port of a relay.
pub const RELAY_PORT: u16 = 8089;

/// The default port of a standing auditor.
pub const AUDIT_PORT: u16 = 8088;

/// The default port of a service.
pub const fn port(service: ServiceName) -> u16 {
    match service {
        ServiceName::Orchestrator => 8080,
        ServiceName::Payment => 8081,
        ServiceName::Store => 8082,
        ServiceName::Cook => 8083,
        ServiceName::Rider => 8084,
        ServiceName::Mypage => 8085,
        ServiceName::Notification => 8086,
    }
}

fn names() -> Vec<&'static str> {
    ServiceName::ALL.into_iter().map(ServiceName::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_has_a_port_of_its_own_by_default() {
        let mut ports: Vec<u16> = ServiceName::ALL.into_iter().map(port).collect();
        ports.extend([RELAY_PORT, AUDIT_PORT]);
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), ServiceName::ALL.len() + 2);
    }

    #[test]
    fn what_is_wanted_is_named_in_each_way_that_it_can_be_given() {
        let failure = wanted::<()>("serve", "amqp-url", None).unwrap_err();
        let text = failure.to_string();
        for way in ["--amqp-url", "EXPEDITOR_AMQP_URL", "[serve]"] {
            assert!(text.contains(way), "{text}");
        }
        assert_eq!(failure.status(), 2);
    }
}

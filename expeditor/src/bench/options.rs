//! What `bench` can be told, on the command line and in the file. It only names and parses.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde::Deserialize;

use crate::cli::Output;

/// What is measured.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// How fast disk, database and broker are by themselves.
    Ceilings(CeilingsArgs),
    /// How fast orders go from placed to delivered.
    Orders(OrdersArgs),
    /// How fast outbox rows get to their consumer.
    Relay(RelayArgs),
    /// What open streams of events take, and how soon they tell.
    Streams(StreamsArgs),
}

impl BenchCommand {
    /// What every measurement can be told.
    pub const fn common(&self) -> &Common {
        match self {
            Self::Ceilings(options) => &options.common,
            Self::Orders(options) => &options.common,
            Self::Relay(options) => &options.common,
            Self::Streams(options) => &options.common,
        }
    }
}

/// Options of every measurement.
#[derive(Debug, Default, Args)]
pub struct Common {
    /// The disk that is measured: databases are made in a new directory within this one, and
    /// removed [default: the system's directory for temporary files].
    #[arg(long, value_name = "DIR", env = "EXPEDITOR_DATA")]
    pub data: Option<PathBuf>,
    /// How often is measured; the median is told [default: 3].
    #[arg(long, value_name = "N", env = "EXPEDITOR_RUNS",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub runs: Option<u32>,
    /// What the services run on [default: embedded].
    #[arg(long, value_name = "PROFILE", env = "EXPEDITOR_PROFILE")]
    pub profile: Option<Profile>,
    /// The PostgreSQL server of the services profile, as a role that may make databases. What is made
    /// there goes in the end.
    #[arg(long, value_name = "URL", env = "EXPEDITOR_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// The RabbitMQ of the services profile: `amqp://user:password@host:5672/vhost`. Its virtual host
    /// must not be in use by services.
    #[arg(long, value_name = "URL", env = "EXPEDITOR_AMQP_URL", hide_env_values = true)]
    pub amqp_url: Option<String>,
    /// RabbitMQ's HTTP API, as an administrator: then each run has a virtual host of its own
    /// [default: that of --amqp-url].
    #[arg(long, value_name = "URL", env = "EXPEDITOR_AMQP_API_URL", hide_env_values = true)]
    pub amqp_api_url: Option<String>,
    /// How the figures are printed [default: table].
    #[arg(long, value_name = "FORMAT", env = "EXPEDITOR_OUTPUT")]
    pub output: Option<Output>,
}

/// Options of `bench ceilings`.
#[derive(Debug, Default, Args)]
pub struct CeilingsArgs {
    /// What every measurement can be told.
    #[command(flatten)]
    pub common: Common,
}

/// Options of `bench orders`.
#[derive(Debug, Default, Args)]
pub struct OrdersArgs {
    /// What every measurement can be told.
    #[command(flatten)]
    pub common: Common,
    /// Who decides for store, cook and rider [default: auto].
    #[arg(long, value_name = "WHO", env = "EXPEDITOR_ACTORS")]
    pub actors: Option<Actors>,
    /// How many orders a run places [default: 3000].
    #[arg(long, value_name = "N", env = "EXPEDITOR_ORDERS",
          value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub orders: Option<u32>,
    /// How many orders are under way at the same time [default: 128].
    #[arg(long, value_name = "C", env = "EXPEDITOR_CONCURRENCY",
          value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub concurrency: Option<u32>,
    /// Decides what is ordered; the same seed gives the same orders [default: 1].
    #[arg(long, value_name = "S", env = "EXPEDITOR_SEED")]
    pub seed: Option<u64>,
}

/// Options of `bench relay`.
#[derive(Debug, Default, Args)]
pub struct RelayArgs {
    /// What every measurement can be told.
    #[command(flatten)]
    pub common: Common,
    /// How many messages a run relays [default: 50000].
    #[arg(long, value_name = "N", env = "EXPEDITOR_MESSAGES",
          value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub messages: Option<u32>,
}

/// Options of `bench streams`. It knows the embedded profile only.
#[derive(Debug, Default, Args)]
pub struct StreamsArgs {
    /// What every measurement can be told.
    #[command(flatten)]
    pub common: Common,
    /// How many streams are open at the same time [default: 5000].
    #[arg(long, value_name = "N", env = "EXPEDITOR_OPEN",
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub open: Option<u32>,
}

/// What the services run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// One process, SQLite, the in-process broker.
    #[default]
    Embedded,
    /// A process for each service, PostgreSQL, RabbitMQ.
    Services,
}

impl Profile {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Services => "services",
        }
    }
}

/// Who decides for store, cook and rider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Actors {
    /// The participants themselves, as soon as they are asked; every message is still sent.
    #[default]
    Auto,
    /// Simulated people, who send each acceptance, start, finish, claim, pickup and confirmation
    /// as a request.
    Http,
}

impl Actors {
    /// Their name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Http => "http",
        }
    }
}

/// The options in the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct BenchFile {
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--runs`.
    pub runs: Option<u32>,
    /// `--profile`.
    pub profile: Option<Profile>,
    /// `--database-url`.
    pub database_url: Option<String>,
    /// `--amqp-url`.
    pub amqp_url: Option<String>,
    /// `--amqp-api-url`.
    pub amqp_api_url: Option<String>,
    /// `--output`.
    pub output: Option<Output>,
    /// `--actors`.
    pub actors: Option<Actors>,
    /// `--orders`.
    pub orders: Option<u32>,
    /// `--concurrency`.
    pub concurrency: Option<u32>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--messages`.
    pub messages: Option<u32>,
    /// `--open`.
    pub open: Option<u32>,
}

//! How `rebuild` is told what to work on.

use std::path::PathBuf;

use clap::{Args, builder::PossibleValuesParser};
use contracts::ServiceName;
use serde::Deserialize;

/// Options of `rebuild`.
#[derive(Debug, Default, Args)]
pub struct RebuildArgs {
    /// Which subscriber.
    #[arg(value_name = "SUBSCRIBER", value_parser = PossibleValuesParser::new(subscribers()))]
    pub subscriber: String,
    /// The directory with the databases; nobody may be working on it [default: ./data].
    #[arg(long, value_name = "DIR", env = "EXPEDITOR_DATA")]
    pub data: Option<PathBuf>,
    /// Databases on PostgreSQL instead, beside services and relays that run, as who owns them:
    /// `postgres://user:password@host:5432/expeditor_{service}`.
    #[arg(
        long,
        value_name = "URL",
        env = "EXPEDITOR_DATABASE_URL",
        hide_env_values = true,
        conflicts_with_all = ["data", "files"]
    )]
    pub database_url: Option<String>,
    /// The same, with the URLs in the files that `provision` has made in that directory.
    #[arg(long, value_name = "DIR", env = "EXPEDITOR_FILES", conflicts_with = "data")]
    pub files: Option<PathBuf>,
}

/// Options of `rebuild` in a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RebuildFile {
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--database-url`.
    pub database_url: Option<String>,
    /// `--files`.
    pub files: Option<PathBuf>,
}

fn subscribers() -> Vec<&'static str> {
    ServiceName::READ_MODELS.into_iter().map(ServiceName::as_str).collect()
}

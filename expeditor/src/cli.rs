//! The command line as it is typed: names, help and environment variables. What an option falls
//! back to is decided in [`config`](crate::config), so that a file can stand in between.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum, builder::PossibleValuesParser, value_parser};
use contracts::ServiceName;
use serde::Deserialize;

use crate::{
    bench::options::BenchCommand,
    commands::{openapi::OpenapiArgs, schemas::SchemasArgs},
    config::{Number, address, url},
    credentials::options::{KeysArgs, TokenArgs},
    process::options::{RelayArgs, ServeArgs},
    rebuild::options::RebuildArgs,
};

const EXAMPLES: &str = "\
Examples:
  expeditor demo --orders 500 --seed 7    watch 500 orders take every way that an order can
  expeditor dev --data ./data             run it, then open http://127.0.0.1:8080/operator/sagas

Every option can also be given as EXPEDITOR_<OPTION>. Those that say where and how (not those that
say what to look for) can stand in a TOML file named by --config as well; docs/operating.md has one.
The command line wins over the environment, the environment over the file.
Exit status: 0 done, 1 the answer is no, 2 usage or configuration, 3 a server or the disk.";

const RELAY: &str = "\
Start two or more, on one machine or on several, with the same sources: each takes a share of every
outbox, and when one is gone the others take over its share within 15 s. Nothing is lost by killing
one; what it had in hand is sent again and recognised where it arrives.

Examples:
  expeditor relay --config credentials/relay.toml --name relay-1
  expeditor relay --config credentials/relay.toml --name relay-2 --listen 127.0.0.1:8099

`expeditor provision` writes such a file; docs/operating.md says what the metrics mean.";

/// Takes food-delivery orders from placed to their end, whatever happens on the way.
#[derive(Debug, Parser)]
#[command(name = "expeditor", version, after_help = EXAMPLES)]
pub struct Cli {
    /// A TOML file with options and the services' settings.
    #[arg(long, value_name = "FILE", env = "EXPEDITOR_CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// What is logged: off, error, warn, info, debug, trace, or a filter such as `runtime=debug`.
    #[arg(long, value_name = "FILTER", env = "EXPEDITOR_LOG", global = true)]
    pub log: Option<String>,
    /// How log lines look.
    #[arg(long, value_name = "FORMAT", env = "EXPEDITOR_LOG_FORMAT", global = true)]
    pub log_format: Option<LogFormat>,
    /// What to do; without it the list of commands is printed.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the whole system with simulated people, see every ending, then audit it.
    Demo(DemoArgs),
    /// Run the whole system in one process on files in a directory; stays up.
    Dev(DevArgs),
    /// Run one service in a process of its own, on PostgreSQL and RabbitMQ; stays up.
    Serve(ServeArgs),
    /// Bring the messages of services' outboxes to the broker; stays up, beside others of its kind.
    #[command(after_help = RELAY)]
    Relay(RelayArgs),
    /// Make a file with a new key, which tokens are signed with.
    Keys(KeysArgs),
    /// Print a token with which somebody in a role is let in.
    Token(TokenArgs),
    /// Recompute from what is stored whether the invariants hold.
    Audit(AuditArgs),
    /// Measure how fast it is on this machine.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Look at the sagas of a running system.
    #[command(subcommand)]
    Saga(SagaCommand),
    /// Ask a running process whether it can serve now.
    Ready(ReadyArgs),
    /// Print the graph of a saga's definition, with the deadlines that hold by default.
    Graph(GraphArgs),
    /// Print the JSON Schemas of the messages, or write them to a directory.
    Schemas(SchemasArgs),
    /// Print what the services say to one another as an AsyncAPI document.
    Asyncapi,
    /// Print how the services are asked over HTTP as an OpenAPI document.
    Openapi(OpenapiArgs),
    /// Bring databases to this program's version: those in a directory, or one on PostgreSQL.
    Migrate(MigrateArgs),
    /// Make a subscriber's database again from all that the services have published: it is cleared,
    /// and everything is sent to it once more.
    Rebuild(RebuildArgs),
    /// Set PostgreSQL and RabbitMQ up for all services, and write the files that they are started
    /// with. Can be run again: what is there stays.
    Provision(ProvisionArgs),
}

/// Options of `demo`.
#[derive(Debug, Default, Args)]
pub struct DemoArgs {
    /// How many orders are placed; from 7 on every kind of ending occurs [default: 200].
    #[arg(long, value_name = "N", env = "EXPEDITOR_ORDERS", allow_negative_numbers = true)]
    pub orders: Option<u32>,
    /// How many orders are placed a second at most [default: 50].
    #[arg(long, value_name = "R", env = "EXPEDITOR_RATE", allow_negative_numbers = true)]
    pub rate: Option<Number>,
    /// Decides what people do; the same seed gives the same endings [default: drawn].
    #[arg(long, value_name = "S", env = "EXPEDITOR_SEED", allow_negative_numbers = true)]
    pub seed: Option<u64>,
    /// Keep the databases here; must not hold any yet [default: a temporary directory,
    /// removed when all is well].
    #[arg(long, value_name = "DIR", env = "EXPEDITOR_DATA")]
    pub data: Option<PathBuf>,
    /// Run each service in a process of its own, on this PostgreSQL server, as a role that may make
    /// databases; --amqp-url is wanted too. What is made there goes when all is well.
    #[arg(long, value_name = "URL", env = "EXPEDITOR_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// The RabbitMQ for that: `amqps://user:password@host:5671/vhost`. Its virtual host must not be
    /// in use by other services.
    #[arg(long, value_name = "URL", env = "EXPEDITOR_AMQP_URL", hide_env_values = true)]
    pub amqp_url: Option<String>,
    /// RabbitMQ's HTTP API, as an administrator: then the demo makes a virtual host of its own
    /// [default: it works in that of --amqp-url].
    #[arg(long, value_name = "URL", env = "EXPEDITOR_AMQP_API_URL", hide_env_values = true)]
    pub amqp_api_url: Option<String>,
    /// Kill processes while people order, one after another, and start them again: the system runs
    /// in a process of its own, or each service does where servers are named. Says what died and
    /// when orders went on.
    #[arg(long, env = "EXPEDITOR_CHAOS")]
    pub chaos: bool,
}

/// Options of `dev`.
#[derive(Debug, Default, Args)]
pub struct DevArgs {
    /// Where to listen; loopback only, since nobody has to log in [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS", env = "EXPEDITOR_LISTEN", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// Where the databases are; a restart on the same directory goes on where it was
    /// [default: ./data].
    #[arg(long, value_name = "DIR", env = "EXPEDITOR_DATA")]
    pub data: Option<PathBuf>,
    /// Simulated people place so many orders a second [default: none].
    #[arg(long, value_name = "R", env = "EXPEDITOR_SIMULATE", allow_negative_numbers = true)]
    pub simulate: Option<Number>,
}

/// Options of `audit`.
#[derive(Debug, Default, Args)]
pub struct AuditArgs {
    /// The directory with the databases; they are only read, also beside a running `dev`
    /// [default: ./data].
    #[arg(long, value_name = "DIR", env = "EXPEDITOR_DATA")]
    pub data: Option<PathBuf>,
    /// The PostgreSQL server with the databases, as a role that may read all of them; instead of
    /// a directory. They are only read, also beside running services.
    #[arg(long, value_name = "URL", env = "EXPEDITOR_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// What the names of the databases on the server begin with [default: expeditor].
    #[arg(long, value_name = "NAME", env = "EXPEDITOR_PREFIX")]
    pub prefix: Option<String>,
    /// How the result is printed [default: table].
    #[arg(long, value_name = "FORMAT", env = "EXPEDITOR_OUTPUT")]
    pub output: Option<Output>,
    /// Audit again and again until it is told to end, log what changes, and tell the findings as
    /// metrics. Ends with 1 where the last pass has found a violation.
    #[arg(long, env = "EXPEDITOR_FOLLOW")]
    pub follow: bool,
    /// With --follow: seconds from the end of a pass to the next [default: 60].
    #[arg(long, value_name = "SECONDS", env = "EXPEDITOR_PAUSE", allow_negative_numbers = true)]
    pub pause: Option<Number>,
    /// With --follow: where metrics and health are told [default: 127.0.0.1:8088].
    #[arg(long, value_name = "ADDRESS", env = "EXPEDITOR_LISTEN", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// With --follow: the keys that tokens are checked with; without them, loopback only.
    #[arg(long, value_name = "FILE", env = "EXPEDITOR_KEYS")]
    pub keys: Option<PathBuf>,
}

/// What to look at.
#[derive(Debug, Subcommand)]
pub enum SagaCommand {
    /// Sagas, the newest first.
    List(SagaListArgs),
    /// One saga with its steps.
    Show(SagaOneArgs),
    /// What happened to one saga, in order.
    History(SagaOneArgs),
}

/// Which running system, and how to print.
#[derive(Debug, Default, Args)]
pub struct Remote {
    /// The running system [default: `http://127.0.0.1:8080`].
    #[arg(long, value_name = "URL", env = "EXPEDITOR_URL", value_parser = url)]
    pub url: Option<String>,
    /// With which token to ask, where the system wants one: of an operator or an auditor.
    #[arg(long, value_name = "TOKEN", env = "EXPEDITOR_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// How the answer is printed [default: table].
    #[arg(long, value_name = "FORMAT", env = "EXPEDITOR_OUTPUT")]
    pub output: Option<Output>,
}

/// Options of `saga list`.
#[derive(Debug, Default, Args)]
pub struct SagaListArgs {
    /// Which running system, and how to print.
    #[command(flatten)]
    pub remote: Remote,
    /// Only with this status.
    #[arg(long, env = "EXPEDITOR_STATUS", value_parser = PossibleValuesParser::new(STATUSES))]
    pub status: Option<String>,
    /// Only waiting on this step.
    #[arg(long, env = "EXPEDITOR_STEP", value_parser = PossibleValuesParser::new(steps()))]
    pub step: Option<String>,
    /// Only of this customer.
    #[arg(long, value_name = "ID", env = "EXPEDITOR_CUSTOMER")]
    pub customer: Option<String>,
    /// Only of this store.
    #[arg(long, value_name = "ID", env = "EXPEDITOR_STORE")]
    pub store: Option<String>,
    /// Only where the saga's or the order's id begins with this.
    #[arg(long, short = 'q', value_name = "TEXT", env = "EXPEDITOR_QUERY")]
    pub query: Option<String>,
    /// Only those whose deadline after the start of cooking has passed.
    #[arg(long, env = "EXPEDITOR_STALLED")]
    pub stalled: bool,
    /// At most so many, up to 500 [default: 50].
    #[arg(long, value_name = "N", env = "EXPEDITOR_LIMIT", allow_negative_numbers = true,
        value_parser = value_parser!(u32).range(1..=500))]
    pub limit: Option<u32>,
}

/// Options of `saga show` and `saga history`.
#[derive(Debug, Args)]
pub struct SagaOneArgs {
    /// The saga's id, or its order's (which has its newest saga shown); the beginning will do where
    /// only one begins so.
    #[arg(value_name = "SAGA")]
    pub saga: String,
    /// Which running system, and how to print.
    #[command(flatten)]
    pub remote: Remote,
}

/// Options of `ready`.
#[derive(Debug, Default, Args)]
pub struct ReadyArgs {
    /// Which process [default: `http://127.0.0.1:8080`].
    #[arg(long, value_name = "URL", env = "EXPEDITOR_URL", value_parser = url)]
    pub url: Option<String>,
}

/// Options of `graph`.
#[derive(Debug, Default, Args)]
pub struct GraphArgs {
    /// Which definition [default: order].
    #[arg(long, env = "EXPEDITOR_DEFINITION")]
    pub definition: Option<DefinitionName>,
    /// In which language it is drawn [default: mermaid].
    #[arg(long, env = "EXPEDITOR_FORMAT")]
    pub format: Option<GraphFormat>,
}

/// Options of `migrate`.
#[derive(Debug, Default, Args)]
pub struct MigrateArgs {
    /// Which service's database: all, orchestrator, payment, store, cook, rider, mypage, notification
    /// [default: all].
    #[arg(value_name = "SERVICE", value_parser = which, env = "EXPEDITOR_SERVICE")]
    pub service: Option<Which>,
    /// The directory with the databases [default: ./data].
    #[arg(long, value_name = "DIR", env = "EXPEDITOR_DATA")]
    pub data: Option<PathBuf>,
    /// A database on PostgreSQL instead: `postgres://user:password@host:5432/database`. For all of
    /// them, `{service}` stands where they differ.
    #[arg(
        long,
        value_name = "URL",
        env = "EXPEDITOR_DATABASE_URL",
        hide_env_values = true,
        conflicts_with = "data"
    )]
    pub database_url: Option<String>,
}

/// Options of `provision`.
#[derive(Debug, Default, Args)]
pub struct ProvisionArgs {
    /// PostgreSQL, and who may make roles and databases there:
    /// `postgres://user:password@host:5432/postgres`.
    #[arg(long, value_name = "URL", env = "EXPEDITOR_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// RabbitMQ and its administrator: `amqps://user:password@host:5671`.
    #[arg(long, value_name = "URL", env = "EXPEDITOR_AMQP_URL", hide_env_values = true)]
    pub amqp_url: Option<String>,
    /// RabbitMQ's management API: `https://host:15671`; with a login of its own, or that of
    /// --amqp-url.
    #[arg(long, value_name = "URL", env = "EXPEDITOR_AMQP_API_URL", hide_env_values = true)]
    pub amqp_api_url: Option<String>,
    /// The directory for the files, which hold the passwords. Passwords of files that are not there
    /// are made anew.
    #[arg(long, value_name = "DIR", env = "EXPEDITOR_OUT")]
    pub out: Option<PathBuf>,
    /// What all names on the servers begin with [default: expeditor].
    #[arg(long, value_name = "PREFIX", env = "EXPEDITOR_PREFIX")]
    pub prefix: Option<String>,
}

/// All services or one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Every service.
    All,
    /// This one.
    One(ServiceName),
}

impl Which {
    /// The services that are meant.
    pub fn services(self) -> Vec<ServiceName> {
        match self {
            Self::All => ServiceName::ALL.to_vec(),
            Self::One(service) => vec![service],
        }
    }
}

fn which(name: &str) -> Result<Which, String> {
    if name == "all" {
        return Ok(Which::All);
    }
    ServiceName::parse(name).map(Which::One).ok_or_else(|| {
        let names: Vec<&str> = ServiceName::ALL.iter().map(|service| service.as_str()).collect();
        format!("the services are {}, or all of them: all", names.join(", "))
    })
}

/// The words for how a saga stands.
const STATUSES: [&str; 7] =
    ["running", "compensating", "completed", "cancelled", "returned", "suspended", "stuck"];

/// The steps of every saga.
fn steps() -> Vec<&'static str> {
    let mut names = Vec::new();
    for step in orchestrator::sagas::all().iter().flat_map(saga::Definition::steps) {
        if !names.contains(&step.name) {
            names.push(step.name);
        }
    }
    names
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// A saga's definition by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DefinitionName {
    /// From placed to delivered, or undone.
    #[default]
    Order,
    /// A delivery that came back: money and stock.
    Return,
}

/// A language for graphs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GraphFormat {
    /// A Mermaid flowchart.
    #[default]
    Mermaid,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_has_an_environment_variable() {
        fn walk(command: &clap::Command, missing: &mut Vec<String>) {
            for argument in command.get_arguments() {
                let built_in = ["help", "version"].contains(&argument.get_id().as_str());
                // An argument that names one thing of many is no option.
                if !built_in && !argument.is_positional() && argument.get_env().is_none() {
                    missing.push(format!("{} {}", command.get_name(), argument.get_id()));
                }
            }
            command.get_subcommands().for_each(|sub| walk(sub, missing));
        }
        let mut missing = Vec::new();
        walk(&Cli::command(), &mut missing);
        assert!(missing.is_empty(), "{missing:?}");
    }
}

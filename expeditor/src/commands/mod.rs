//! The commands, each in a file of its own.

pub mod asyncapi;
pub mod audit;
pub mod bench;
pub mod demo;
pub mod dev;
pub mod graph;
pub mod migrate;
pub mod openapi;
pub mod provision;
pub mod ready;
pub mod rebuild;
pub mod saga;
pub mod schemas;

use crate::{
    cli::Command,
    config::File,
    credentials::{keys, token},
    exit::Failure,
    process::{relaying, serving},
};

/// Runs a command.
pub async fn run(command: Command, file: File) -> Result<(), Failure> {
    match command {
        Command::Demo(options) => Box::pin(demo::run(options, file)).await,
        Command::Dev(options) => dev::run(options, file).await,
        Command::Serve(options) => Box::pin(serving::run(options, file)).await,
        Command::Relay(options) => relaying::run(options, file).await,
        Command::Keys(options) => keys::run(&options),
        Command::Token(options) => token::run(options, file),
        Command::Audit(options) => Box::pin(audit::run(options, file)).await,
        Command::Bench(command) => bench::run(command, file).await,
        Command::Saga(command) => saga::run(command, file).await,
        Command::Ready(options) => ready::run(options, file).await,
        Command::Graph(options) => graph::run(&options, &file),
        Command::Schemas(options) => schemas::run(&options),
        Command::Asyncapi => {
            asyncapi::run();
            Ok(())
        }
        Command::Openapi(options) => {
            openapi::run(&options);
            Ok(())
        }
        Command::Migrate(options) => migrate::run(options, file).await,
        Command::Rebuild(options) => rebuild::run(options, file).await,
        Command::Provision(options) => provision::run(options, file).await,
    }
}

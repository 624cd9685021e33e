//! Sets servers up for the services: a database, a role and a broker's user each, with no more rights
//! than they need, and the files that processes are started with.
//!
//! It can be run again at any time, also after a crash in the middle: what is there stays, what is
//! missing is made. What is on the servers under a name of ours and was not made here is never
//! touched.

pub mod db;
pub mod files;
pub mod keys;
pub mod names;
pub mod passwords;
pub mod places;
pub mod rabbitmq;
pub mod report;

use std::path::PathBuf;

use runtime::ports::Ports;

use self::{
    files::{Directory, Servers},
    names::Names,
    places::Place,
    report::Report,
};
use crate::exit::Failure;

/// What is to be set up, and by whom.
pub struct Wanted {
    /// PostgreSQL and its administrator.
    pub postgres: Place,
    /// RabbitMQ and its administrator.
    pub amqp: Place,
    /// RabbitMQ's management API.
    pub api: String,
    /// Where the files are.
    pub out: PathBuf,
    /// What everything is called.
    pub names: Names,
}

/// Sets everything up: looks at all of it first, then writes the files, then tells the servers.
/// Prints a line a step, and answers the last one.
pub async fn run(wanted: &Wanted, ports: &Ports) -> Result<String, Failure> {
    let Wanted { postgres: place, amqp, api, out, names } = wanted;
    let mut postgres = db::postgres::Server::look(place, names, ports).await?;
    let rabbitmq = rabbitmq::Server::look(amqp, api, names, ports).await?;
    let directory = Directory::open(out)?;
    let plan = directory.plan(&Servers { postgres: place, amqp, names })?;
    let mut report = Report::default();
    plan.write(&mut report)?;
    postgres.set_up(&plan.secrets, &mut report).await?;
    rabbitmq.set_up(&plan.secrets, ports, &mut report).await?;
    // Whoever has waited for the server finds the directory free.
    drop(directory);
    postgres.close().await;
    Ok(report.end())
}

//! `provision`: sets PostgreSQL and RabbitMQ up for all services, and writes the files that
//! processes are started with.

use runtime::{db::postgres::Connect, ports::Ports};

use crate::{
    cli::ProvisionArgs,
    config::File,
    exit::Failure,
    print,
    process::{options::wanted, servers::check_broker},
    provision::{self, Wanted, names::Names, places::Place},
};

/// The prefix where none is given.
const PREFIX: &str = "expeditor";

/// Sets up what is named.
pub async fn run(options: ProvisionArgs, file: File) -> Result<(), Failure> {
    let section = file.provision;
    let database = options.database_url.or(section.database_url);
    let amqp = options.amqp_url.or(section.amqp_url);
    let api = options.amqp_api_url.or(section.amqp_api_url);
    let out = options.out.or(section.out);
    let prefix = options.prefix.or(section.prefix).unwrap_or_else(|| PREFIX.to_owned());
    let database = wanted("provision", "database-url", database)?;
    let amqp = wanted("provision", "amqp-url", amqp)?;
    let place = Place::read("database-url", &database, &["postgres", "postgresql"])?;
    let broker = Place::read("amqp-url", &amqp, &["amqp", "amqps"])?;
    // Services are given the same URLs, with logins of their own.
    Connect::to(&database)?;
    check_broker(&amqp)?;
    let wanted = Wanted {
        postgres: place,
        amqp: broker,
        api: wanted("provision", "amqp-api-url", api)?,
        out: wanted("provision", "out", out)?,
        names: Names::new(&prefix)
            .map_err(|why| Failure::Usage(format!("provision: --prefix {prefix}: {why}")))?,
    };
    print::line(provision::run(&wanted, &Ports::system()).await?);
    Ok(())
}

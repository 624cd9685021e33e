//! `rebuild`: makes a subscriber's database again from what the services have published.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use contracts::ServiceName;
use runtime::{
    db::{
        Migrations,
        postgres::{Connect, PostgresDatabase},
        sqlite::SqliteDatabase,
    },
    ports::Ports,
};

use super::migrate::SERVICE;
use crate::{
    config::File,
    directory::Making,
    exit::Failure,
    lock::DataLock,
    print,
    rebuild::{Databases, Rebuilt, Relays, options::RebuildArgs, rebuild},
    system,
};

/// Rebuilds what is named, over a directory or over servers.
pub async fn run(options: RebuildArgs, file: File) -> Result<(), Failure> {
    let subscriber = ServiceName::parse(&options.subscriber)
        .expect("the command line takes the names of subscribers only");
    let ports = Ports::system();
    let section = file.rebuild.clone();
    // What is on the command line is meant, whatever stands in the file.
    let typed = options.data.is_some() || options.database_url.is_some() || options.files.is_some();
    let of_file = |value: Option<_>| value.filter(|_| !typed);
    if let Some(url) = options.database_url.or(of_file(section.database_url)) {
        return on_server(subscriber, |service| named(&url, service), &ports).await;
    }
    let files = if typed { options.files } else { section.files };
    if let Some(files) = files {
        return on_server(subscriber, |service| in_file(&files, service), &ports).await;
    }
    let data = file.data(options.data, file.rebuild.data.as_ref());
    let rebuilt = in_directory(subscriber, &data, &ports).await?;
    told(subscriber, rebuilt);
    print::line("they are sent when `expeditor dev` is started on that directory");
    Ok(())
}

/// Over the files of a directory that nobody works on.
pub async fn in_directory(
    subscriber: ServiceName,
    data: &Path,
    ports: &Ports,
) -> Result<Rebuilt, Failure> {
    if !data.is_dir() {
        return Err(Failure::Usage(format!("there is no directory {}", data.display())));
    }
    let _lock = DataLock::take(data)?;
    let making = Making::begin(data)?;
    let mut databases: Databases = BTreeMap::new();
    for service in ServiceName::ALL {
        let (path, migrations) =
            (system::database_path(data, service), Migrations::sqlite(service));
        let database = SqliteDatabase::open(&path, &migrations, ports).await?;
        databases.insert(service, Arc::new(database));
    }
    making.end()?;
    let rebuilt = rebuild(subscriber, &databases, Relays::Later, ports).await;
    close(&databases).await;
    rebuilt
}

/// Over databases on servers, beside services and relays that run.
async fn on_server(
    subscriber: ServiceName,
    url: impl Fn(ServiceName) -> Result<String, Failure>,
    ports: &Ports,
) -> Result<(), Failure> {
    let mut databases: Databases = BTreeMap::new();
    for service in ServiceName::ALL {
        let mut connect = Connect::to(&url(service)?)?;
        (connect.path, connect.readers, connect.outbox) = (1, 1, 1);
        let migrations = Migrations::postgres(service);
        let database = PostgresDatabase::open(&connect, &migrations, ports).await?;
        databases.insert(service, Arc::new(database));
    }
    let rebuilt = rebuild(subscriber, &databases, Relays::Running, ports).await;
    close(&databases).await;
    told(subscriber, rebuilt?);
    print::line("the last of them are on their way; `expeditor audit` tells when it is whole (I7)");
    Ok(())
}

async fn close(databases: &Databases) {
    for database in databases.values() {
        database.close().await;
    }
}

fn told(subscriber: ServiceName, rebuilt: Rebuilt) {
    let Rebuilt { cleared, resent } = rebuilt;
    print::line(format_args!("{subscriber}: {cleared} rows cleared, {resent} events laid ready"));
}

/// A URL that has the service's name in it.
fn named(url: &str, service: ServiceName) -> Result<String, Failure> {
    if url.contains(SERVICE) {
        return Ok(url.replace(SERVICE, service.as_str()));
    }
    Err(Failure::Usage(format!(
        "rebuild: --database-url has {SERVICE} where it is another for each service"
    )))
}

/// The URL in the file that `provision` has made for the service.
fn in_file(directory: &Path, service: ServiceName) -> Result<String, Failure> {
    let path = directory.join(format!("{service}.toml"));
    let file = File::read(Some(&path))?;
    file.serve.database_url.ok_or_else(|| {
        Failure::Usage(format!(
            "rebuild: there is no database-url in [serve] of {}",
            path.display()
        ))
    })
}

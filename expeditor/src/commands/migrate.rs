//! `migrate`: brings databases to this program's version. A database of a newer version is left
//! as it is.
//!
//! On PostgreSQL that can be done while services run: a step only ever adds, so that the program of
//! the version before works on with it.

use std::path::Path;

use contracts::ServiceName;
use runtime::db::{
    DbError, Migrations,
    postgres::{Connect, PostgresDatabase},
    sqlite::SqliteDatabase,
};

use crate::{
    cli::{MigrateArgs, Which},
    config::File,
    directory::Making,
    exit::Failure,
    lock::DataLock,
    print, system,
};

/// Migrates what is named.
pub async fn run(options: MigrateArgs, file: File) -> Result<(), Failure> {
    let which = options.service.unwrap_or(Which::All);
    // What is on the command line is meant, whatever stands in the file.
    let section = file.migrate.database_url.clone().filter(|_| options.data.is_none());
    if let Some(url) = options.database_url.or(section) {
        return on_server(&url, which).await;
    }
    let data = file.data(options.data, file.migrate.data.as_ref());
    for line in migrate(&data, which).await? {
        print::line(line);
    }
    Ok(())
}

/// Stands in a URL for the name of each service.
pub(super) const SERVICE: &str = "{service}";

/// Each line is printed when its database is done: those before a failure are.
async fn on_server(url: &str, which: Which) -> Result<(), Failure> {
    if which == Which::All && !url.contains(SERVICE) {
        return Err(Failure::Usage(format!(
            "migrate: for all services, --database-url has {SERVICE} where it is another for each; \
             or name the one service that it is for"
        )));
    }
    for service in which.services() {
        let connect = Connect::to(&url.replace(SERVICE, service.as_str()))
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let migrations = Migrations::postgres(service);
        let found = PostgresDatabase::migrate(&connect, &migrations).await?;
        print::line(told(service, found, migrations.latest()));
    }
    Ok(())
}

fn told(service: ServiceName, found: i64, known: i64) -> String {
    if found == known {
        format!("{service}: is at {known} already")
    } else {
        format!("{service}: {found} → {known}")
    }
}

async fn migrate(data: &Path, which: Which) -> Result<Vec<String>, Failure> {
    if !data.is_dir() {
        return Err(Failure::Usage(format!(
            "there is no directory {}; `expeditor dev` makes one, with databases of its version",
            data.display()
        )));
    }
    let _lock = DataLock::take(data)?;
    let making = Making::begin(data)?;
    let mut lines = Vec::new();
    for service in which.services() {
        let path = system::database_path(data, service);
        let migrations = Migrations::sqlite(service);
        let (found, known) = (version(&path).await?, migrations.latest());
        SqliteDatabase::migrate(&path, &migrations).await?;
        lines.push(told(service, found, known));
    }
    making.end()?;
    Ok(lines)
}

/// The version of a database; 0 where there is none yet.
async fn version(path: &Path) -> Result<i64, Failure> {
    if !path.is_file() {
        return Ok(0);
    }
    // To somebody who knows no version at all, any is newer, and is named.
    match SqliteDatabase::open_read_only(path, &Migrations::new([])).await {
        Ok(_) => Ok(0),
        Err(DbError::NewerVersion { found, .. }) => Ok(found),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_or_all_databases_are_made_and_a_second_time_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let lines = migrate(dir.path(), Which::One(ServiceName::Store)).await.unwrap();
        assert_eq!(lines, ["store: 0 → 1"]);
        assert!(system::database_path(dir.path(), ServiceName::Store).is_file());
        assert!(!system::database_path(dir.path(), ServiceName::Cook).is_file());
        let first = migrate(dir.path(), Which::All).await.unwrap();
        assert_eq!(first.len(), ServiceName::ALL.len());
        assert!(first[0].starts_with("orchestrator: 0 → "), "{first:?}");
        assert!(first.contains(&"store: is at 1 already".to_owned()), "{first:?}");
        let second = migrate(dir.path(), Which::All).await.unwrap();
        assert!(second.iter().all(|line| line.ends_with(" already")), "{second:?}");
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_or_not_whole_is_left_so() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("misspelt");
        assert_eq!(migrate(&missing, Which::All).await.unwrap_err().status(), 2);
        assert!(!missing.exists());
        migrate(dir.path(), Which::All).await.unwrap();
        let payment = system::database_path(dir.path(), ServiceName::Payment);
        std::fs::remove_file(&payment).unwrap();
        let failure = migrate(dir.path(), Which::All).await.unwrap_err();
        assert!(failure.status() == 2 && failure.to_string().contains("payment.db"), "{failure}");
        assert!(!payment.exists());
    }

    #[tokio::test]
    async fn a_directory_in_use_is_not_migrated() {
        let dir = tempfile::tempdir().unwrap();
        let _lock = DataLock::take(dir.path()).unwrap();
        assert_eq!(migrate(dir.path(), Which::All).await.unwrap_err().status(), 2);
    }
}

//! `migrate`: brings databases to this program's version. A database of a newer version is left
//! as it is.

use std::path::{Path, PathBuf};

use runtime::db::{Migrations, sqlite::SqliteDatabase};

use crate::{
    cli::{MigrateArgs, Which},
    config::{DATA, File},
    exit::Failure,
    lock::DataLock,
    print, system,
};

/// Migrates what is named.
pub async fn run(options: MigrateArgs, file: File) -> Result<(), Failure> {
    let data = options.data.or(file.migrate.data).unwrap_or_else(|| PathBuf::from(DATA));
    for line in migrate(&data, options.service.unwrap_or(Which::All)).await? {
        print::line(line);
    }
    Ok(())
}

async fn migrate(data: &Path, which: Which) -> Result<Vec<String>, Failure> {
    let _lock = DataLock::take(data)?;
    let mut lines = Vec::new();
    for service in which.services() {
        let path = system::database_path(data, service);
        let migrations = Migrations::sqlite(service);
        SqliteDatabase::migrate(&path, &migrations).await?;
        lines.push(format!("{}: version {}", path.display(), migrations.latest()));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use contracts::ServiceName;

    use super::*;

    #[tokio::test]
    async fn one_or_all_databases_are_made_and_a_second_time_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let lines = migrate(dir.path(), Which::One(ServiceName::Store)).await.unwrap();
        assert_eq!(lines.len(), 1);
        assert!(system::database_path(dir.path(), ServiceName::Store).is_file());
        assert!(!system::database_path(dir.path(), ServiceName::Cook).is_file());
        let first = migrate(dir.path(), Which::All).await.unwrap();
        assert_eq!(migrate(dir.path(), Which::All).await.unwrap(), first);
        assert_eq!(first.len(), ServiceName::ALL.len());
    }

    #[tokio::test]
    async fn a_directory_in_use_is_not_migrated() {
        let dir = tempfile::tempdir().unwrap();
        let _lock = DataLock::take(dir.path()).unwrap();
        assert_eq!(migrate(dir.path(), Which::All).await.unwrap_err().status(), 2);
    }
}

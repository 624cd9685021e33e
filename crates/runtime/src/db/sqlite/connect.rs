//! Opens a database file: for the service that owns it, or for somebody who only looks.
//!
//! The owner brings the schema forward; nobody touches a file of a newer version. Whatever is wrong
//! with the file, the directory or the disk is one line that names the file.

use std::{path::Path, sync::Arc, time::Duration};

use sqlx::{
    ConnectOptions, Connection, SqlSafeStr, SqliteConnection, SqlitePool,
    migrate::{MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{Mutex, Notify};

use super::{Inner, SqliteDatabase, outbox::Deletes, writer::Writer};
use crate::{
    db::{DbError, Migrations},
    ports::Ports,
};

/// How long a transaction waits for another process before it is a conflict.
const BUSY: Duration = Duration::from_secs(5);
/// Connections that read for people: lists and single aggregates.
const READERS: u32 = 4;
/// Connections that read for the relay and the timers, whom no storm of lists may keep waiting.
const WORKERS: u32 = 2;

impl SqliteDatabase {
    /// Opens the file, creating it if need be, and brings its schema to the latest version.
    pub async fn open(
        path: &Path,
        migrations: &Migrations,
        ports: &Ports,
    ) -> Result<Self, DbError> {
        Self::migrate(path, migrations).await?;
        Self::open_migrated(path, migrations, ports).await
    }

    /// Brings the file's schema to the latest version, creating the file if need be.
    pub async fn migrate(path: &Path, migrations: &Migrations) -> Result<(), DbError> {
        let place = path.display().to_string();
        migrate(path, migrations).await.map_err(|error| error.at(&place))
    }

    /// Opens a file that has the latest version already.
    pub async fn open_migrated(
        path: &Path,
        migrations: &Migrations,
        ports: &Ports,
    ) -> Result<Self, DbError> {
        let place = path.display().to_string();
        let options = owner(path);
        let connection =
            connect(&options, &place, migrations).await.map_err(|error| error.at(&place))?;
        let mut writer = Writer::new(options, connection);
        writer.probe().await.map_err(|error| error.at(&place))?;
        Ok(Self {
            inner: Arc::new(Inner {
                writer: Some(Arc::new(Mutex::new(writer))),
                readers: pool(base(path).read_only(true), READERS),
                workers: pool(base(path).read_only(true), WORKERS),
                deletes: Deletes::default(),
                written: Notify::new(),
                ports: Some(ports.clone()),
            }),
        })
    }

    /// Opens a file of the latest version to look at it, also while its owner is at work. Writes
    /// nothing, and refuses to.
    pub async fn open_read_only(path: &Path, migrations: &Migrations) -> Result<Self, DbError> {
        let place = path.display().to_string();
        let mut options = base(path).read_only(true);
        let mut result = connect(&options, &place, migrations).await;
        if matches!(result, Err(DbError::Unavailable(_))) && nobody_writes(path) {
            // A directory that nobody may write to has no place for the files that readers share
            // with a writer; there is no writer, so the file alone tells everything.
            options = options.immutable(true);
            result = connect(&options, &place, migrations).await;
        }
        let connection = result.map_err(|error| error.at(&place))?;
        connection.close().await.map_err(|error| DbError::from(error).at(&place))?;
        Ok(Self {
            inner: Arc::new(Inner {
                writer: None,
                readers: pool(options.clone(), READERS),
                workers: pool(options, WORKERS),
                deletes: Deletes::default(),
                written: Notify::new(),
                ports: None,
            }),
        })
    }
}

fn base(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY)
        // Whole batches cross from SQLite's thread at once rather than in turns.
        .row_buffer_size(1024)
        // Sorting must not need room on a disk that may be full.
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging()
}

fn owner(path: &Path) -> SqliteConnectOptions {
    base(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // In KiB.
        .pragma("cache_size", "-8000")
        // The log is moved into the file after 1000 pages of 4 KiB, and cut back to as many bytes
        // after a burst: a service that is idle takes little room beside its data.
        .pragma("wal_autocheckpoint", "1000")
        .pragma("journal_size_limit", "4194304")
}

fn pool(options: SqliteConnectOptions, connections: u32) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(0)
        .max_lifetime(None)
        .idle_timeout(None)
        .test_before_acquire(false)
        .connect_lazy_with(options)
}

fn nobody_writes(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    path.is_file() && !Path::new(&log).exists()
}

async fn connect(
    options: &SqliteConnectOptions,
    name: &str,
    migrations: &Migrations,
) -> Result<SqliteConnection, DbError> {
    let mut connection = options.connect().await?;
    let found = version(&mut connection).await?;
    let known = migrations.latest();
    if found > known {
        return Err(DbError::NewerVersion { name: name.to_owned(), found, known });
    }
    if found < known {
        return Err(DbError::Unavailable(format!(
            "it is of version {found} and this program needs {known}: run `expeditor migrate`"
        )));
    }
    Ok(connection)
}

async fn migrate(path: &Path, migrations: &Migrations) -> Result<(), DbError> {
    let mut connection = owner(path).connect().await?;
    let found = version(&mut connection).await?;
    let known = migrations.latest();
    if found > known {
        let name = path.display().to_string();
        return Err(DbError::NewerVersion { name, found, known });
    }
    let steps = migrations.steps().iter().map(|step| {
        sqlx::migrate::Migration::new(
            step.version,
            step.name.into(),
            MigrationType::Simple,
            step.sql.into_sql_str(),
            false,
        )
    });
    // `run` makes a future that cannot be sent to another thread; this is what it calls.
    Migrator::with_migrations(steps.collect()).run_direct(None, &mut connection, false).await?;
    connection.close().await?;
    Ok(())
}

/// The highest step that the file has taken; 0 for a new file.
async fn version(connection: &mut SqliteConnection) -> Result<i64, DbError> {
    let tables: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'",
    )
    .fetch_one(&mut *connection)
    .await?;
    if tables == 0 {
        return Ok(0);
    }
    Ok(sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations")
        .fetch_one(connection)
        .await?)
}

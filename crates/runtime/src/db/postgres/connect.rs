//! Opens a database on a server: for the service that owns it, for somebody who only looks, or for
//! a relay, whose role sees the outbox and nothing else.
//!
//! Opening never changes a schema, and refuses one that is behind or of a newer version; `migrate`
//! brings it forward, one process at a time. Whatever is wrong with the server, the password or the
//! schema is one line that names the place and never the password.

use std::{fmt, sync::Arc, time::Duration};

use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool, SqlSafeStr,
    migrate::{MigrationType, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};

use uuid::Uuid;

use super::{Inner, PostgresDatabase, PostgresOutbox, address::Address, within};
use crate::{
    db::{DbError, Migrations},
    ports::Ports,
};

/// How long a connection may take to get, where the pool has none to spare.
const ACQUIRE: Duration = Duration::from_secs(3);
/// The default of [`Connect::idle`]: below the time that an answer may take, so that whoever waits
/// for such a lock gets it in time.
const IDLE: Duration = Duration::from_secs(10);
/// A connection that nobody needed for this long is closed.
const UNUSED: Duration = Duration::from_secs(30);
/// A connection that did nothing for this long is tried before it is used: the server may have gone
/// away and come back meanwhile.
const STALE: Duration = Duration::from_secs(1);

/// Where a database is, as whom to connect, and with how many connections.
#[derive(Clone)]
pub struct Connect {
    address: Address,
    /// The most transactions of the path at a time.
    pub path: u32,
    /// The most readers at a time.
    pub readers: u32,
    /// The most connections for the outbox.
    pub outbox: u32,
    /// How long a transaction may do nothing before the server ends it, so that nobody waits longer
    /// for the locks of a process that has stopped.
    pub idle: Duration,
}

impl Connect {
    /// From `postgres://user:password@host:port/database`. A host that is not this machine is
    /// reached by TLS and its certificate verified, unless `?sslmode=disable` says otherwise.
    pub fn to(url: &str) -> Result<Self, DbError> {
        let address = Address::read(url)?;
        Ok(Self { address, path: 4, readers: 4, outbox: 2, idle: IDLE })
    }

    /// The database and where it is, for people: `orders at db.example:5432`.
    pub fn place(&self) -> String {
        self.address.to_string()
    }

    /// How the driver connects there.
    ///
    /// # Errors
    ///
    /// There is no CA to trust, or others than the one that the URL names.
    pub fn options(&self) -> Result<PgConnectOptions, DbError> {
        let options = self.address.options()?;
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("expeditor"),
        };
        // Plans here are short walks along an index; compiling them costs more than running them.
        Ok(options.options([("jit", "off")]).disable_statement_logging())
    }

    /// Every statement of a batch looks up rows by their keys. A plan is kept as long as the
    /// connection, and one that was made while a table was empty would read all of it ever after.
    fn for_path(&self) -> Result<PgConnectOptions, DbError> {
        let idle = self.idle.as_millis().to_string();
        Ok(self.options()?.options([
            ("enable_seqscan", "off"),
            ("idle_in_transaction_session_timeout", idle.as_str()),
        ]))
    }

    fn for_readers(&self) -> Result<PgConnectOptions, DbError> {
        Ok(self.options()?.options([("default_transaction_read_only", "on")]))
    }

    /// The outbox is empty one moment and long the next, so a plan that is kept must be right for
    /// both: along the primary key, in its order, and never by a bitmap of all that lies there. To
    /// plan each time anew costs more than the short reads themselves. A delete that a crash undoes
    /// only sends again, so nothing waits for it.
    fn for_outbox(&self) -> Result<PgConnectOptions, DbError> {
        Ok(self.options()?.options([
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            ("enable_bitmapscan", "off"),
            ("synchronous_commit", "off"),
        ]))
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connect").field(&self.place()).finish()
    }
}

impl PostgresDatabase {
    /// Opens a database of the latest version. No schema is touched.
    pub async fn open(
        connect: &Connect,
        migrations: &Migrations,
        ports: &Ports,
    ) -> Result<Self, DbError> {
        check(connect, connect.for_path(), migrations, ports).await?;
        let outbox = pool(connect.for_outbox()?, connect.outbox);
        Ok(Self {
            inner: Arc::new(Inner {
                path: pool(connect.for_path()?, connect.path),
                readers: pool(connect.for_readers()?, connect.readers),
                outbox: PostgresOutbox::writer(outbox, ports),
                ports: ports.clone(),
            }),
        })
    }

    /// Opens a database of the latest version to look at it. The server refuses all writes.
    pub async fn open_read_only(
        connect: &Connect,
        migrations: &Migrations,
        ports: &Ports,
    ) -> Result<Self, DbError> {
        check(connect, connect.for_readers(), migrations, ports).await?;
        let readers = pool(connect.for_readers()?, connect.readers);
        Ok(Self {
            inner: Arc::new(Inner {
                path: readers.clone(),
                readers: readers.clone(),
                outbox: PostgresOutbox::looker(readers, ports),
                ports: ports.clone(),
            }),
        })
    }

    /// Brings the database's schema to the latest version. Of several processes that try at once,
    /// one does it and the others wait. Answers the version that it found.
    ///
    /// Whoever may act for the database's owner does so: what an administrator migrates belongs to
    /// the service all the same.
    pub async fn migrate(connect: &Connect, migrations: &Migrations) -> Result<i64, DbError> {
        let place = connect.place();
        migrate(connect, &place, migrations).await.map_err(|error| error.at(&place))
    }
}

impl PostgresOutbox {
    /// Opens the outbox for a relay, and listens for what other processes commit. Needs no more than
    /// the rights to select, update and delete on `outbox`, to select and update on `outbox_lease`,
    /// to select, insert, update and delete on `outbox_relay`, and to select and insert on
    /// `outbox_parked`.
    pub async fn open(connect: &Connect, ports: &Ports) -> Result<Self, DbError> {
        let place = connect.place();
        connect.address.warn();
        let look = async {
            let mut connection = connect.for_outbox()?.connect().await?;
            let ready: bool = sqlx::query_scalar("SELECT to_regclass('outbox_lease') IS NOT NULL")
                .fetch_one(&mut connection)
                .await?;
            connection.close().await?;
            if ready { Ok(()) } else { Err(behind(0, 1)) }
        };
        within(&*ports.clock, look).await.map_err(|error| error.at(&place))?;
        // One more: the listener keeps its connection.
        Ok(Self::listener(pool(connect.for_outbox()?, connect.outbox + 1), ports))
    }
}

/// Says to the server that a relay runs, for as long as it lives.
#[derive(Debug)]
pub struct Sole(#[expect(dead_code, reason = "the lock goes with it")] PgConnection);

impl PostgresOutbox {
    /// Makes sure that no other relay runs as the same one: two would read the same buckets. `None`
    /// where one does. A guard for the start only; the connection that keeps it may be lost later.
    pub async fn sole(
        connect: &Connect,
        owner: Uuid,
        ports: &Ports,
    ) -> Result<Option<Sole>, DbError> {
        let place = connect.place();
        let (class, number) = (RELAYS, owner.as_u64_pair().1.to_le_bytes());
        let number = i32::from_le_bytes([number[0], number[1], number[2], number[3]]);
        let ask = async {
            let mut connection = connect.for_outbox()?.connect().await?;
            let sole: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, $2)")
                .bind(class)
                .bind(number)
                .fetch_one(&mut connection)
                .await?;
            Ok(sole.then_some(Sole(connection)))
        };
        within(&*ports.clock, ask).await.map_err(|error| error.at(&place))
    }
}

/// Tells the advisory locks of relays from others.
const RELAYS: i32 = 0x7265_6c79;

fn pool(options: PgConnectOptions, size: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE)
        // A server takes a hundred by default, for all processes together.
        .idle_timeout(UNUSED)
        .test_before_acquire(false)
        .before_acquire(|connection, about| {
            Box::pin(async move { Ok(about.idle_for < STALE || connection.ping().await.is_ok()) })
        })
        .connect_lazy_with(options)
}

async fn check(
    connect: &Connect,
    options: Result<PgConnectOptions, DbError>,
    migrations: &Migrations,
    ports: &Ports,
) -> Result<(), DbError> {
    let place = connect.place();
    connect.address.warn();
    let look = async {
        let mut connection = options?.connect().await?;
        let found = version(&mut connection).await?;
        connection.close().await?;
        Ok(found)
    };
    let found = within(&*ports.clock, look).await.map_err(|error| error.at(&place))?;
    let known = migrations.latest();
    if found > known {
        return Err(DbError::NewerVersion { name: place, found, known });
    }
    if found < known {
        return Err(behind(found, known).at(&place));
    }
    Ok(())
}

fn behind(found: i64, known: i64) -> DbError {
    DbError::Unavailable(format!(
        "it is of version {found} and this program needs {known}: run `expeditor migrate`"
    ))
}

async fn migrate(connect: &Connect, name: &str, migrations: &Migrations) -> Result<i64, DbError> {
    let mut connection = connect.options()?.connect().await?;
    act_for_owner(&mut connection).await?;
    let found = version(&mut connection).await?;
    let known = migrations.latest();
    if found > known {
        return Err(DbError::NewerVersion { name: name.to_owned(), found, known });
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
    // Takes an advisory lock on the database for as long as it runs, and each step is one
    // transaction together with the note that it was taken.
    Migrator::with_migrations(steps.collect()).run_direct(None, &mut connection, false).await?;
    connection.close().await?;
    Ok(found)
}

async fn act_for_owner(connection: &mut PgConnection) -> Result<(), DbError> {
    sqlx::query(
        "SELECT set_config('role', rolname, false)
         FROM pg_database JOIN pg_roles ON pg_roles.oid = datdba
         WHERE datname = current_database() AND rolname <> current_user
             AND pg_has_role(datdba, 'MEMBER')",
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The highest step that the database has taken; 0 for a new one.
async fn version(connection: &mut PgConnection) -> Result<i64, DbError> {
    let exists: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(0);
    }
    Ok(sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success")
        .fetch_one(connection)
        .await?)
}

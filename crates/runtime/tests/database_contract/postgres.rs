//! What only a server can do: be unreachable, end a connection, find two transactions in each
//! other's way, or answer nothing to a commit.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use contracts::{QueueKind, ServiceName};
use runtime::{
    db::{
        Begin, Database, DbError, Migration, Migrations, Reader, Writes,
        postgres::{Connect, PostgresDatabase, create_database, database_bytes, drop_database},
    },
    ports::Ports,
};
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    fixture::{Store, begin, locking, received, row, rows, store, ticket},
    server::OwnDatabase,
};

/// A database of the service that has every table.
pub(crate) struct Place {
    database: OwnDatabase,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let place = Self::empty().await;
        PostgresDatabase::migrate(&place.connect(), &migrations()).await.unwrap();
        place
    }

    async fn empty() -> Self {
        Self { database: OwnDatabase::new().await }
    }

    pub(crate) fn url(&self) -> &str {
        &self.database.url
    }

    pub(crate) fn connect(&self) -> Connect {
        Connect::to(self.url()).unwrap()
    }

    pub(crate) async fn database(&self) -> PostgresDatabase {
        PostgresDatabase::open(&self.connect(), &migrations(), &Ports::system()).await.unwrap()
    }

    /// A connection of the test's own.
    pub(crate) async fn raw(&self) -> PgConnection {
        self.url().parse::<PgConnectOptions>().unwrap().connect().await.unwrap()
    }
}

#[async_trait]
impl Store for Place {
    async fn open(&self) -> Box<dyn Database> {
        Box::new(self.database().await)
    }
}

fn migrations() -> Migrations {
    Migrations::postgres(ServiceName::Orchestrator)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_service_has_a_schema_that_works() {
    for service in ServiceName::ALL {
        let place = Place::empty().await;
        let migrations = Migrations::postgres(service);
        for version in 1..=2 {
            PostgresDatabase::migrate(&place.connect(), &migrations).await.unwrap();
            let (connect, ports) = (place.connect(), Ports::system());
            let db = PostgresDatabase::open(&connect, &migrations, &ports).await.unwrap();
            store(&db, locking(&["a"]), rows(&[("a", row(version, "open"))])).await.unwrap();
            db.ready().await.unwrap();
            db.close().await;
            assert!(matches!(db.begin(Begin::default()).await, Err(DbError::Unavailable(_))));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn processes_that_migrate_at_once_take_turns() {
    let place = Place::empty().await;
    let all = (0..4).map(|_| async {
        PostgresDatabase::migrate(&place.connect(), &migrations()).await.unwrap();
    });
    futures_util::future::join_all(all).await;
    place.database().await.ready().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_version_that_does_not_fit_is_refused_and_not_touched() {
    let place = Place::empty().await;
    let ports = Ports::system();
    let open = async || {
        let (connect, ours) = (place.connect(), migrations());
        let owner = PostgresDatabase::open(&connect, &ours, &ports).await.map(drop);
        [owner, PostgresDatabase::open_read_only(&connect, &ours, &ports).await.map(drop)]
    };
    for older in [Migrations::new([]), Migrations::postgres(ServiceName::Payment)] {
        PostgresDatabase::migrate(&place.connect(), &older).await.unwrap();
        for refused in open().await {
            let Err(DbError::Unavailable(text)) = refused else { panic!("{refused:?}") };
            assert!(text.contains("migrate") && text.contains(&place.connect().place()), "{text}");
        }
    }
    let newer = Migrations::new(migrations().steps().iter().copied().chain([Migration {
        version: 9000,
        name: "of-the-future",
        sql: "CREATE TABLE future (id bigint)",
    }]));
    PostgresDatabase::migrate(&place.connect(), &newer).await.unwrap();
    let migrated = PostgresDatabase::migrate(&place.connect(), &migrations()).await.map(drop);
    for refused in open().await.into_iter().chain([migrated]) {
        let Err(DbError::NewerVersion { name, found, known }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!((name, found, known), (place.connect().place(), 9000, 2));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_server_that_cannot_serve_is_told_in_one_line() {
    let place = Place::new().await;
    let (server, database) = place.url().rsplit_once('/').unwrap();
    let (_, host) = server.rsplit_once('@').unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (url, expected) in [
        (format!("{server}/nowhere"), "\"nowhere\" does not exist"),
        (format!("postgres://stranger:secret@{host}/{database}"), "\"stranger\""),
        (format!("postgres://postgres:secret@{nobody}/{database}"), "refused"),
    ] {
        let connect = Connect::to(&url).unwrap();
        assert!(!format!("{connect:?}").contains("secret"));
        let refused =
            PostgresDatabase::open(&connect, &migrations(), &Ports::system()).await.map(drop);
        let Err(DbError::Unavailable(text)) = refused else { panic!("{url}: {refused:?}") };
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("secret") && text.lines().count() == 1, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_looker_sees_commits_and_cannot_write() {
    let place = Place::new().await;
    let db = place.database().await;
    let connect = place.connect();
    let looker =
        PostgresDatabase::open_read_only(&connect, &migrations(), &Ports::system()).await.unwrap();
    store(&db, locking(&["a"]), rows(&[("a", row(1, "open"))])).await.unwrap();
    assert!(looker.get(&ticket("a")).await.unwrap().is_some());
    let refused = looker.begin(locking(&["a"])).await.map(drop);
    assert!(matches!(refused, Err(DbError::Unavailable(_))), "{refused:?}");
    assert!(matches!(looker.ready().await, Err(DbError::Unavailable(_))));
    assert!(looker.outbox().delete(vec![1]).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn transactions_in_each_others_way_are_a_conflict() {
    let place = Place::new().await;
    let db = place.database().await;
    let both = [("a", row(1, "open")), ("b", row(1, "open"))];
    store(&db, locking(&["a", "b"]), rows(&both)).await.unwrap();

    // Locks `b` before `a`, as no service does, and is more patient than the other one.
    let mut raw = place.raw().await;
    sqlx::raw_sql("SET deadlock_timeout TO '60 s'; BEGIN").execute(&mut raw).await.unwrap();
    let lock = "SELECT * FROM aggregate WHERE id = $1 FOR UPDATE";
    sqlx::query(lock).bind("b").execute(&mut raw).await.unwrap();
    let (mut transaction, _) = begin(&db, locking(&["a"])).await;
    let (loaded, other) = tokio::join!(
        async {
            let loaded = transaction.load(&[ticket("b")], &[]).await;
            drop(transaction);
            loaded
        },
        async { sqlx::query(lock).bind("a").execute(&mut raw).await }
    );
    assert!(matches!(loaded, Err(DbError::Conflict(_))), "{loaded:?}");
    other.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_connection_that_the_server_ends_leaves_nothing_and_is_replaced() {
    let place = Place::new().await;
    let db = place.database().await;
    let mut raw = place.raw().await;
    let claimed = received(QueueKind::Commands, 1);
    for _ in 0..3 {
        let wanted = Begin { received: vec![claimed], ..locking(&["a"]) };
        let (transaction, opened) = begin(&db, wanted).await;
        assert!(opened.seen.is_empty() && opened.rows.is_empty());
        let ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()";
        sqlx::query(ended).execute(&mut raw).await.unwrap();
        let lost = transaction.commit(rows(&[("a", row(1, "open"))])).await;
        assert!(matches!(lost, Err(DbError::Unavailable(_))), "{lost:?}");
    }
    let again = Begin { received: vec![claimed], ..locking(&["a"]) };
    let opened = store(&db, again, rows(&[("a", row(1, "open"))])).await.unwrap();
    assert!(opened.seen.is_empty());
}

/// Lets everything through but the answer to the first commit, after which it hangs up.
async fn deaf_to_a_commit(server: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    Ports::system().spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (server, done) = (TcpStream::connect(&server).await.unwrap(), Arc::clone(&done));
            Ports::system().spawn(between(client, server, done));
        }
    });
    format!("127.0.0.1:{port}")
}

async fn between(
    mut client: TcpStream,
    mut server: TcpStream,
    done: Arc<std::sync::atomic::AtomicBool>,
) {
    let (mut asked, mut answered) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            Ok(size) = client.read(&mut asked) => {
                if size == 0 {
                    return;
                }
                server.write_all(&asked[..size]).await.unwrap();
                let commits = asked[..size].windows(6).any(|bytes| bytes == b"COMMIT");
                if commits && !done.swap(true, std::sync::atomic::Ordering::SeqCst) {
                    // The answer is read, so the commit stands, and nobody is told.
                    assert!(server.read(&mut answered).await.unwrap() > 0);
                    return;
                }
            }
            Ok(size) = server.read(&mut answered) => {
                if size == 0 {
                    return;
                }
                client.write_all(&answered[..size]).await.unwrap();
            }
            else => return,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_commit_without_an_answer_is_absorbed_when_it_is_tried_again() {
    let place = Place::new().await;
    let (before, database) = place.url().rsplit_once('/').unwrap();
    let (user, host) = before.rsplit_once('@').unwrap();
    let proxy = deaf_to_a_commit(host.to_owned()).await;
    let connect = Connect::to(&format!("{user}@{proxy}/{database}")).unwrap();
    let db = PostgresDatabase::open(&connect, &migrations(), &Ports::system()).await.unwrap();

    let claimed = received(QueueKind::Commands, 1);
    let wanted = || Begin { received: vec![claimed], ..locking(&["a"]) };
    let unknown = store(&db, wanted(), rows(&[("a", row(1, "open"))])).await.map(drop);
    let Err(DbError::Unavailable(text)) = unknown else { panic!("{unknown:?}") };
    assert!(text.contains("not known"), "{text}");

    let opened = store(&db, wanted(), Writes::default()).await.unwrap();
    assert_eq!(opened.seen.len(), 1);
    assert_eq!(opened.rows[&ticket("a")], row(1, "open"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_process_that_stops_in_the_middle_does_not_keep_its_locks() {
    let place = Place::new().await;
    let mut connect = place.connect();
    connect.idle = Duration::from_millis(200);
    let db = PostgresDatabase::open(&connect, &migrations(), &Ports::system()).await.unwrap();
    let wanted = || Begin { received: vec![received(QueueKind::Commands, 1)], ..locking(&["a"]) };
    let (stopped, _) = begin(&db, wanted()).await;
    let waiting = store(&db, wanted(), rows(&[("a", row(1, "open"))]));
    let opened = tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap();
    assert!(opened.rows.is_empty() && opened.seen.is_empty());
    let woken = stopped.commit(rows(&[("a", row(1, "closed"))])).await;
    assert!(matches!(woken, Err(DbError::Unavailable(_))), "{woken:?}");
    assert_eq!(db.get(&ticket("a")).await.unwrap(), Some(row(1, "open")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_database_is_made_once_and_removed_also_where_somebody_works_on_it() {
    let place = Place::empty().await;
    let (server, ports) = (place.connect(), Ports::system());
    let name = format!("test \"{}\"", ports.ids.next().simple());
    create_database(&server, &name, &ports).await.unwrap();
    let again = create_database(&server, &name, &ports).await.unwrap_err().to_string();
    assert!(again.contains("already exists"), "{again}");
    let options: PgConnectOptions = place.url().parse().unwrap();
    let mut somebody = options.database(&name).connect().await.unwrap();
    for _ in 0..2 {
        drop_database(&server, &name, &ports).await.expect("the second time nothing is there");
    }
    assert!(sqlx::query("SELECT 1").execute(&mut somebody).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_database_is_as_large_as_what_is_in_it() {
    let place = Place::empty().await;
    let ports = Ports::system();
    let size = async || database_bytes(&place.connect(), &ports).await.unwrap();
    let before = size().await;
    let options: PgConnectOptions = place.url().parse().unwrap();
    let mut somebody = options.connect().await.unwrap();
    let table = "CREATE TABLE t AS SELECT repeat('x', 1000) FROM generate_series(1, 1000)";
    sqlx::query(table).execute(&mut somebody).await.unwrap();
    let more = size().await - before;
    assert!((1_000_000..5_000_000).contains(&more), "a million bytes took {more}");
}

//! What only files can do: be damaged, full, read-only, newer, or read beside their owner.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf, process::Command, time::Duration};

use async_trait::async_trait;
use contracts::{QueueKind, ServiceName};
use runtime::{
    db::{
        Begin, Database, DbError, Migration, Migrations, Outbox, Reader, Writes,
        sqlite::SqliteDatabase,
    },
    ports::Ports,
};
use sqlx::ConnectOptions;
use tempfile::TempDir;

use crate::fixture::{
    Store, begin, locking, outgoing, received, receiving, row, rows, send, store, ticket,
};

/// A directory with one database of the service that has every table.
pub(crate) struct Files {
    directory: TempDir,
}

impl Files {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("orchestrator.db")
    }

    async fn owner(&self) -> SqliteDatabase {
        SqliteDatabase::open(&self.path(), &migrations(), &Ports::system()).await.unwrap()
    }

    async fn looker(&self) -> SqliteDatabase {
        SqliteDatabase::open_read_only(&self.path(), &migrations()).await.unwrap()
    }
}

#[async_trait]
impl Store for Files {
    async fn open(&self) -> Box<dyn Database> {
        Box::new(self.owner().await)
    }
}

fn migrations() -> Migrations {
    Migrations::sqlite(ServiceName::Orchestrator)
}

/// Waits until it holds; a bound, not a pause, decides the test.
async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let ports = Ports::system();
    let waiting = async {
        while !holds().await {
            ports.clock.sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it holds in time");
}

#[tokio::test]
async fn every_service_has_a_schema_that_works() {
    for service in ServiceName::ALL {
        let files = Files::new();
        let migrations = Migrations::sqlite(service);
        for _ in 0..2 {
            let (path, ports) = (files.path(), Ports::system());
            let db = SqliteDatabase::open(&path, &migrations, &ports).await.unwrap();
            store(&db, locking(&["a"]), rows(&[("a", row(1, "open"))])).await.unwrap();
            db.close().await;
        }
    }
}

#[tokio::test]
async fn deletes_reach_the_disk_although_no_commit_comes() {
    let files = Files::new();
    let db = files.owner().await;
    send(&db, vec![outgoing("t/a", 1, 1)]).await;
    let row = db.read(0, 1).await.unwrap().remove(0);
    let looker = files.looker().await;
    assert_eq!(looker.backlog().await.unwrap().0, 1);
    db.delete(vec![row.id]).await.unwrap();
    eventually(async || looker.backlog().await.unwrap().0 == 0).await;
}

#[tokio::test]
async fn a_dropped_transaction_frees_the_file_without_anything_following() {
    let files = Files::new();
    let (db, other) = (files.owner().await, files.owner().await);
    let (transaction, _) = begin(&db, receiving(&[received(QueueKind::Commands, 1)])).await;
    drop(transaction);
    let opened = store(&other, locking(&["a"]), rows(&[("a", row(1, "open"))])).await.unwrap();
    assert!(opened.rows.is_empty());
}

#[tokio::test]
async fn a_looker_sees_the_owners_commits_and_cannot_write() {
    let files = Files::new();
    let db = files.owner().await;
    let looker = files.looker().await;
    let (transaction, _) = begin(&db, locking(&["a"])).await;
    assert_eq!(looker.get(&ticket("a")).await.unwrap(), None);
    let writes = Writes { messages: vec![outgoing("t/a", 1, 1)], ..rows(&[("a", row(1, "open"))]) };
    transaction.commit(writes).await.unwrap();
    assert!(looker.get(&ticket("a")).await.unwrap().is_some());
    assert_eq!(looker.backlog().await.unwrap().0, 1);
    looker.ready().await.unwrap();

    assert!(matches!(looker.begin(Begin::default()).await, Err(DbError::Unavailable(_))));
    assert!(matches!(looker.delete(vec![1]).await, Err(DbError::Unavailable(_))));
    assert!(looker.prune_inbox(row(1, "").updated_at, 1).await.is_err());
    assert_eq!(db.backlog().await.unwrap().0, 1);
}

#[tokio::test]
async fn a_newer_version_is_refused_by_everybody() {
    let files = Files::new();
    let newer = Migrations::new(migrations().steps().iter().copied().chain([Migration {
        version: 9000,
        name: "of-the-future",
        sql: "CREATE TABLE future (id INTEGER) STRICT",
    }]));
    SqliteDatabase::migrate(&files.path(), &newer).await.unwrap();
    let (ours, ports) = (migrations(), Ports::system());
    for result in [
        SqliteDatabase::open(&files.path(), &ours, &ports).await.map(drop),
        SqliteDatabase::open_migrated(&files.path(), &ours, &ports).await.map(drop),
        SqliteDatabase::open_read_only(&files.path(), &ours).await.map(drop),
        SqliteDatabase::migrate(&files.path(), &ours).await,
    ] {
        let Err(DbError::NewerVersion { name, found, known }) = result else {
            panic!("{result:?}");
        };
        assert_eq!((found, known), (9000, ours.latest()));
        assert_eq!(name, files.path().display().to_string());
    }
}

#[tokio::test]
async fn an_older_version_is_not_touched_unless_asked_for() {
    let files = Files::new();
    let older = Migrations::sqlite(ServiceName::Payment);
    SqliteDatabase::migrate(&files.path(), &older).await.unwrap();
    let refused =
        SqliteDatabase::open_migrated(&files.path(), &migrations(), &Ports::system()).await;
    assert!(matches!(refused, Err(DbError::Unavailable(text)) if text.contains("migrate")));
    SqliteDatabase::migrate(&files.path(), &migrations()).await.unwrap();
    SqliteDatabase::open_migrated(&files.path(), &migrations(), &Ports::system()).await.unwrap();
}

#[tokio::test]
async fn a_file_that_cannot_serve_is_told_in_one_line() {
    let files = Files::new();
    let garbage = files.directory.path().join("garbage.db");
    fs::write(&garbage, "this is no database, and it is long enough for a header".repeat(40))
        .unwrap();
    let nowhere = files.directory.path().join("missing").join("x.db");
    for (path, expected) in [
        (&garbage, "not a database"),
        (&nowhere, "unable to open"),
        (&files.directory.path().to_owned(), "not available"),
    ] {
        let owner = SqliteDatabase::open(path, &migrations(), &Ports::system()).await.map(drop);
        let looker = SqliteDatabase::open_read_only(path, &migrations()).await.map(drop);
        for result in [owner, looker] {
            let text = result.unwrap_err().to_string();
            assert!(text.contains(expected), "{text}");
            assert!(text.contains(&path.display().to_string()), "{text}");
            assert_eq!(text.lines().count(), 1, "{text}");
        }
    }
}

#[tokio::test]
async fn a_closed_database_answers_that_it_is_closed() {
    let files = Files::new();
    let db = files.owner().await;
    db.close().await;
    assert!(matches!(db.begin(Begin::default()).await, Err(DbError::Unavailable(_))));
    assert!(matches!(db.ready().await, Err(DbError::Unavailable(_))));
    assert!(db.read(0, 1).await.is_err());
}

/// A small file system of its own, where this process may mount one.
struct Mount(TempDir);

impl Mount {
    fn new() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        run("mount", &["-t", "tmpfs", "-o", "size=2m", "tmpfs"], &directory)
            .then_some(Self(directory))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        run("umount", &["-l"], &self.0);
    }
}

fn run(program: &str, arguments: &[&str], directory: &TempDir) -> bool {
    let output = Command::new(program).args(arguments).arg(directory.path()).output();
    output.is_ok_and(|output| output.status.success())
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers_by_itself() {
    let Some(mount) = Mount::new() else {
        println!("skipped: this process may not mount a file system");
        return;
    };
    let path = mount.0.path().join("a.db");
    let db = SqliteDatabase::open(&path, &migrations(), &Ports::system()).await.unwrap();
    let filler = mount.0.path().join("filler");
    let fill = |path: &PathBuf| drop(fs::write(path, vec![0_u8; 4 << 20]));

    let mut version = 0;
    for round in 0..2 {
        fill(&filler);
        let mut large = row(version + 1, "open");
        large.body = format!("\"{}\"", "x".repeat(200_000));
        let claimed = received(QueueKind::Commands, round);
        let refused = store(&db, receiving(&[claimed]), rows(&[("a", large.clone())])).await;
        assert!(matches!(refused, Err(DbError::Unavailable(_))), "{refused:?}");
        assert!(matches!(db.ready().await, Err(DbError::Unavailable(_))));
        assert_eq!(db.get(&ticket("a")).await.unwrap().map_or(0, |row| row.version), version);

        fs::remove_file(&filler).unwrap();
        db.ready().await.unwrap();
        let opened = store(&db, receiving(&[claimed]), rows(&[("a", large)])).await.unwrap();
        assert!(opened.seen.is_empty());
        version += 1;
        assert_eq!(db.get(&ticket("a")).await.unwrap().unwrap().version, version);
    }
    fill(&filler);
    let second = mount.0.path().join("b.db");
    let refused = SqliteDatabase::open(&second, &migrations(), &Ports::system()).await.map(drop);
    assert!(matches!(refused, Err(DbError::Unavailable(_))), "{refused:?}");
    db.close().await;
}

#[tokio::test]
async fn a_read_only_disk_is_refused_to_the_owner_and_read_by_a_looker() {
    let Some(mount) = Mount::new() else {
        println!("skipped: this process may not mount a file system");
        return;
    };
    let path = mount.0.path().join("a.db");
    let db = SqliteDatabase::open(&path, &migrations(), &Ports::system()).await.unwrap();
    store(&db, locking(&["a"]), rows(&[("a", row(1, "open"))])).await.unwrap();
    db.close().await;
    drop(db);
    assert!(run("mount", &["-o", "remount,ro"], &mount.0));

    let refused = SqliteDatabase::open(&path, &migrations(), &Ports::system()).await.map(drop);
    assert!(matches!(refused, Err(DbError::Unavailable(_))), "{refused:?}");
    let looker = SqliteDatabase::open_read_only(&path, &migrations()).await.unwrap();
    assert_eq!(looker.get(&ticket("a")).await.unwrap(), Some(row(1, "open")));
}

#[tokio::test]
async fn a_damaged_outbox_row_holds_up_no_other() {
    let files = Files::new();
    let db = files.owner().await;
    send(&db, (1..=5).map(|number| outgoing("k", number, number)).collect()).await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(files.path());
    let mut connection = options.connect().await.unwrap();
    for damage in [
        "UPDATE outbox SET message_id = x'00' WHERE seq = 1",
        "UPDATE outbox SET message_id = x'00' WHERE seq = 2",
        "UPDATE outbox SET payload = CAST(x'ff00fe' AS TEXT) WHERE seq = 4",
    ] {
        sqlx::query(damage).execute(&mut connection).await.unwrap();
    }
    // In pages of two: the first one is nothing but damage.
    let first = db.outbox().read(0, 2).await.unwrap();
    let left = db.outbox().read(first.last().unwrap().id, 2).await.unwrap();
    let seen: Vec<u64> = first.iter().chain(&left).map(|row| row.seq).collect();
    assert_eq!(seen, [3, 5]);
    assert_eq!(db.outbox().backlog().await.unwrap().0, 5, "they are still counted");
}

//! A private PostgreSQL server for the tests of one binary: started when the first test needs it,
//! gone with the process, however that ends. It never touches a server that it did not start.
//!
//! A shell stands between: it starts the server, waits until the pipe from this process closes, and
//! then kills the server that it started and removes the directory. Where
//! `EXPEDITOR_TEST_POSTGRES_URL` names a server, databases are made there instead.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, postgres::PgConnectOptions};

const OTHER: &str = "EXPEDITOR_TEST_POSTGRES_URL";
/// `$1` programs, `$2` directory, `$3` port. Says `ready` or what is wrong, on standard output.
const SCRIPT: &str = r#"
trap 'test -n "$server" && kill -QUIT "$server" 2>/dev/null; wait; rm -rf "$2"' EXIT
trap 'exit 1' INT TERM HUP
"$1/initdb" -D "$2/data" -U postgres -A trust -E UTF8 --no-locale --no-sync >"$2/log" 2>&1 \
    || { echo "initdb failed: $(tail -n 1 "$2/log")"; exit 1; }
"$1/postgres" -D "$2/data" -p "$3" -k "$2" -c listen_addresses=127.0.0.1 \
    -c fsync=off -c max_connections=300 -c max_prepared_transactions=10 \
    -c shared_buffers=64MB >>"$2/log" 2>&1 </dev/null &
server=$!
until "$1/pg_isready" -q -h 127.0.0.1 -p "$3"; do
    kill -0 "$server" 2>/dev/null || { echo "postgres ended: $(tail -n 1 "$2/log")"; exit 1; }
    sleep 0.05
done
echo ready
read -r _
"#;

/// The server; its standard input is the pipe whose end ends it.
struct Server {
    url: String,
    _shell: Option<Child>,
}

static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The address of a new, empty database.
pub(crate) async fn new_database() -> String {
    let server = SERVER.get_or_init(Server::start);
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    let name = format!("test_{}_{number}", std::process::id());
    let options: PgConnectOptions = server.url.parse().unwrap();
    let mut connection = options.connect().await.expect("the test server answers");
    let sql = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let base = server.url.rsplit_once('/').expect("an address names a database").0;
    format!("{base}/{name}")
}

impl Server {
    fn start() -> Self {
        if let Ok(url) = std::env::var(OTHER) {
            return Self { url, _shell: None };
        }
        let programs = programs().unwrap_or_else(|| {
            panic!("PostgreSQL is not installed: `cargo xtask services up` installs it, or name a server in {OTHER}")
        });
        let directory = tempfile::Builder::new().prefix("expeditor-pg-").tempdir().unwrap().keep();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "sh"]).arg(programs).arg(&directory).arg(port.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir("/").process_group(0);
        if let Some((user, group)) = somebody_else() {
            // The server refuses to be run by root.
            chown(&directory, Some(user), Some(group)).unwrap();
            command.uid(user).gid(group);
        }
        let mut shell = command.spawn().expect("sh is there");
        let mut said = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said.trim(), "ready", "the private PostgreSQL server did not start");
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        Self { url, _shell: Some(shell) }
    }
}

/// Where the server's programs are: the newest version that is installed.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort();
    let on_path = std::env::var_os("PATH");
    let on_path = on_path.iter().flat_map(std::env::split_paths);
    let mut all = found.into_iter().rev().map(|(_, path)| path).chain(on_path);
    all.find(|path| path.join("initdb").is_file() && path.join("postgres").is_file())
}

/// The user and group to run the server as, where this process is root's.
fn somebody_else() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    let root = fs::metadata(Path::new("/proc/self")).is_ok_and(|process| process.uid() == 0);
    if !root {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let ids = |name: &str| {
        let user = fields.clone().find(|user| user[0] == name)?;
        Some((user.get(2)?.parse().ok()?, user.get(3)?.parse().ok()?))
    };
    ids("postgres").or_else(|| ids("nobody"))
}

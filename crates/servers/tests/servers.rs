//! Real servers: started, spoken to, crashed, started again, ended without a trace.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
};

use servers::{Kind, Postgres, PostgresOptions, RabbitMq, RabbitMqOptions, Services};

/// Speaks SQL to a server, with the client that comes with it.
fn sql(url: &str, text: &str) -> Result<String, String> {
    let psql = ["--no-psqlrc", "--tuples-only", "--no-align", "--command", text, url];
    let output = Command::new("psql").args(psql).output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Asks the HTTP API of a broker; answers the status. `path` begins with `/api`.
fn status(api: &str, method: &str, path: &str) -> String {
    let output = Command::new("curl")
        .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", method])
        .arg(format!("{api}{path}"))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Host and port of a URL.
fn address(url: &str) -> &str {
    url.rsplit('@').next().unwrap().split('/').next().unwrap()
}

/// Greets a broker as an AMQP client does; answers the type of the frame that comes back.
fn greeted(url: &str) -> u8 {
    let mut stream = TcpStream::connect(address(url)).unwrap();
    stream.write_all(b"AMQP\0\0\x09\x01").unwrap();
    let mut kind = [0];
    stream.read_exact(&mut kind).unwrap();
    kind[0]
}

/// The processes that have something of this directory in their command line or environment.
fn processes_of(directory: &Path) -> Vec<String> {
    let needle = directory.to_str().unwrap().as_bytes();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        for file in ["cmdline", "environ"] {
            let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
            if bytes.windows(needle.len()).any(|window| window == needle) {
                found.push(String::from_utf8_lossy(&bytes).replace('\0', " "));
            }
        }
    }
    found
}

/// Somewhere that every account can reach.
fn folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

#[test]
fn a_database_keeps_what_was_committed_through_a_crash() {
    let folder = folder();
    let directory = Some(folder.path().to_owned());
    let mut server =
        Postgres::start(&PostgresOptions { directory, ..PostgresOptions::default() }).unwrap();
    let (url, pid) = (server.url(), server.pid());
    sql(&url, "create table t as select 7 as n").unwrap();

    server.kill().unwrap();
    let refused = sql(&url, "select 1").unwrap_err();
    assert!(refused.contains("refused"), "{refused}");

    server.restart().unwrap();
    assert_eq!(server.url(), url);
    assert_ne!(server.pid(), pid);
    assert_eq!(sql(&url, "select n from t").unwrap(), "7");

    server.stop().unwrap();
    server.restart().unwrap();
    assert_eq!(sql(&url, "select n from t").unwrap(), "7");

    drop(server);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(processes_of(folder.path()), [""; 0]);
}

#[test]
fn a_database_wants_its_password_and_takes_settings() {
    let settings = vec![("work_mem".to_owned(), "3MB".to_owned())];
    let server =
        Postgres::start(&PostgresOptions { settings, ..PostgresOptions::default() }).unwrap();
    assert_eq!(sql(&server.url(), "show work_mem").unwrap(), "3MB");
    assert_eq!(sql(&server.url(), "show fsync").unwrap(), "off");
    let wrong = format!("postgres://expeditor:wrong@127.0.0.1:{}/postgres", server.port());
    let refused = sql(&wrong, "select 1").unwrap_err();
    assert!(refused.contains("password authentication failed"), "{refused}");
}

#[test]
fn a_broker_keeps_its_virtual_hosts_through_a_crash() {
    let folder = folder();
    let directory = Some(folder.path().to_owned());
    let mut server =
        RabbitMq::start(&RabbitMqOptions { directory, ..RabbitMqOptions::default() }).unwrap();
    let api = server.api_url();
    let url = server.vhost("a test").unwrap();
    assert!(url.ends_with("/a%20test"), "{url}");
    assert_eq!(greeted(&url), 1);
    assert_eq!(status(&api, "GET", "/api/vhosts/a%20test"), "200");
    assert_eq!(status(&api, "GET", "/api/users/guest"), "404");

    server.kill().unwrap();
    assert!(TcpStream::connect(address(&url)).is_err());
    server.restart().unwrap();
    assert_eq!(greeted(&server.url()), 1);
    assert_eq!(status(&api, "GET", "/api/vhosts/a%20test"), "200");

    server.broker().drop_vhost("a test").unwrap();
    assert_eq!(status(&api, "GET", "/api/vhosts/a%20test"), "404");

    drop(server);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(processes_of(folder.path()), [""; 0]);
}

#[test]
fn services_are_started_once_found_again_and_leave_nothing() {
    let folder = folder();
    let directory = folder.path().join("services");
    let services = Services::at(&directory);
    // A server that somebody else runs beside them.
    let stranger = Postgres::start(&PostgresOptions::default()).unwrap();

    // Two at the same moment, as tests do that are processes of their own.
    let (first, second) = std::thread::scope(|scope| {
        let other = Services::at(&directory);
        let second = scope.spawn(move || other.up(Kind::Postgres, false).unwrap());
        (services.up(Kind::Postgres, false).unwrap(), second.join().unwrap())
    });
    assert!(first.started != second.started, "one starts it, the other finds it");
    assert_eq!((&first.url, first.pid), (&second.url, second.pid));
    assert_eq!(sql(&first.url, "select 1").unwrap(), "1");
    let broker = services.up(Kind::RabbitMq, false).unwrap();
    assert_eq!(greeted(&broker.url), 1);

    let standing = services.status().unwrap();
    assert_eq!(standing.len(), 2);
    assert!(standing.iter().all(|one| one.runs && !one.started), "{standing:?}");
    let durable = services.up(Kind::Postgres, true).unwrap_err();
    assert!(durable.to_string().contains("services down"), "{durable}");

    assert_eq!(services.down().unwrap(), Kind::ALL);
    assert!(!directory.exists());
    assert_eq!(processes_of(&directory), [""; 0]);
    assert_eq!(services.status().unwrap(), []);
    assert_eq!(services.down().unwrap(), []);
    assert!(!directory.exists(), "looking for servers leaves nothing either");
    assert_eq!(sql(&stranger.url(), "select 1").unwrap(), "1");
}

#[test]
fn a_process_that_took_over_a_noted_id_is_left_alone() {
    let folder = folder();
    let services = Services::at(folder.path());
    let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
    let data = folder.path().join("expeditor-postgres-0a");
    fs::create_dir(&data).unwrap();
    let state = format!(
        "directory {}\nurl postgres://u:p@127.0.0.1:1/postgres\ndurable false\nprocess {} boot/1\n",
        data.display(),
        stranger.id()
    );
    fs::write(folder.path().join("postgres.state"), state).unwrap();

    let standing = services.status().unwrap();
    assert!(!standing[0].runs && standing[0].pid.is_none(), "{standing:?}");
    assert_eq!(services.down().unwrap(), [Kind::Postgres]);
    assert!(!data.exists());
    assert!(stranger.try_wait().unwrap().is_none(), "a stranger was ended");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn a_server_that_has_crashed_is_replaced() {
    let folder = folder();
    let services = Services::at(folder.path());
    let first = services.up(Kind::Postgres, false).unwrap();
    let pid = first.pid.unwrap().to_string();
    assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    while services.status().unwrap()[0].runs {
        std::thread::yield_now();
    }

    let second = services.up(Kind::Postgres, false).unwrap();
    assert!(second.started);
    assert_eq!(sql(&second.url, "select 1").unwrap(), "1");
    assert!(!first.directory.exists());
    services.down().unwrap();
}

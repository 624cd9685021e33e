//! The binary as a script meets it: exit status, one line on stderr, what it leaves behind.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use contracts::ServiceName;
use expeditor::{people::client::Client, system};
use runtime::ports::Ports;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

fn expeditor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_expeditor"));
    command.args(arguments).env_clear();
    command
}

fn ends(arguments: &[&str], status: i32, says: &str) -> Output {
    let output = expeditor(arguments).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {stderr}");
    if status != 0 {
        assert!(stderr.starts_with("expeditor: "), "{arguments:?}: {stderr}");
        assert_eq!(stderr.trim_end().lines().count(), 1, "{arguments:?}: {stderr}");
    }
    assert!(stderr.contains(says), "{arguments:?}: {says:?} is not in {stderr}");
    output
}

/// A `dev` that runs; killed when it is dropped.
struct Dev {
    child: Child,
    url: String,
}

impl Dev {
    fn start(data: &Path, further: &[&str]) -> Self {
        let data = data.to_str().unwrap();
        let mut child = expeditor(&["dev", "--listen", "127.0.0.1:0", "--data", data])
            .args(further)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut greeting = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
        let url = greeting.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        Self { child, url: url.to_owned() }
    }

    fn terminate(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Already gone where it was terminated.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn without_a_command_it_says_what_there_is_to_do() {
    let output = ends(&[], 0, "");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("demo") && text.contains("Examples:"), "{text}");
    ends(&["graph", "--definition", "return"], 0, "");
}

#[test]
fn wrong_usage_and_configuration_end_with_2() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let config = dir.path().join("wrong.toml");
    fs::write(&config, "[dev]\nport = 1\n").unwrap();
    let config = config.to_str().unwrap();
    let fresh = dir.path().join("fresh");
    let fresh = fresh.to_str().unwrap();

    ends(&["demo", "--orders", "x"], 2, "--orders");
    ends(&["dev", "--config", config], 2, "line 2");
    ends(&["dev", "--data", fresh, "--listen", "0.0.0.0:0"], 2, "loopback");
    ends(&["dev", "--data", fresh, "--listen", &address], 2, &address);
    ends(&["migrate", "--data", fresh], 2, fresh);
    assert!(!Path::new(fresh).exists(), "nothing is left behind");
    ends(&["audit", "--data", data], 2, "orchestrator.db");
    let server = ["--database-url", "postgres://h/x"];
    ends(&[&["audit", "--data", data][..], &server].concat(), 2, "not both");
    ends(&[&["demo"][..], &server].concat(), 2, "--amqp-url is wanted too");
    ends(&["demo", "--amqp-url", "amqp://h"], 2, "--database-url is wanted too");
    ends(&["rebuild", "store", "--data", data], 2, "store");
    ends(&["rebuild", "mypage", "--data", fresh], 2, fresh);
    ends(&[&["rebuild", "mypage"][..], &server].concat(), 2, "{service}");
    ends(&["rebuild", "mypage", "--files", data], 2, "orchestrator.toml");
    ends(&["graph", "--log", "debgu"], 2, "debgu");
    ends(&["saga"], 2, "list, show, history");
    ends(&["saga", "show", "lunch"], 2, "SAGA is a saga's id or an order's");
    ends(&["saga", "list", "--url", "localhost:8080"], 2, "http://");
}

#[test]
fn the_document_of_the_http_api_is_printed_whole_or_of_one_service() {
    let printed = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_slice(&ends(arguments, 0, "").stdout).unwrap()
    };
    let (all, store) = (printed(&["openapi"]), printed(&["openapi", "store"]));
    assert_eq!(
        (&all["openapi"], &store["info"]["title"]),
        (&"3.1.0".into(), &"Expeditor: store".into())
    );
    let paths = |document: &serde_json::Value| document["paths"].as_object().unwrap().len();
    assert!(paths(&all) > paths(&store));
    assert!(store["paths"]["/store/holdings"].is_object() && store["paths"]["/readyz"].is_object());
    assert!(store["paths"]["/orders"].is_null());
    ends(&["openapi", "bakery"], 2, "bakery");
}

#[test]
fn a_server_that_is_not_there_ends_it_with_3_and_its_password_is_not_told() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("postgres://u:secret@{nobody}/x");
    let output = ends(&["audit", "--database-url", &url], 3, "expeditor_orchestrator at 127.0.0.1");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("secret"));
    let amqp = format!("amqp://u:secret@{nobody}");
    let demo = ["demo", "--database-url", &url, "--amqp-url", &amqp];
    let output = expeditor(&demo).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("broker") && !stderr.contains("secret"), "{stderr}");
}

#[test]
fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("expeditor.toml");
    fs::write(&config, "[audit]\ndata = \"/from/file\"\n").unwrap();
    let config = config.to_str().unwrap();
    for (environment, flag, wins) in [
        (None, None, "/from/file"),
        (Some("/from/environment"), None, "/from/environment"),
        (Some("/from/environment"), Some("/from/flag"), "/from/flag"),
    ] {
        let mut command = expeditor(&["audit", "--config", config]);
        command.envs(environment.map(|data| ("EXPEDITOR_DATA", data)));
        command.args(flag.iter().flat_map(|data| ["--data", data]));
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr.contains(wins), "{stderr}");
    }
}

#[test]
fn the_disk_ends_it_with_3() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("data");
    let below = below.to_str().unwrap();
    ends(&["dev", "--data", below], 3, below);
    ends(&["demo", "--data", below], 3, below);
    let nowhere = "http://127.0.0.1:1";
    ends(&["saga", "list", "--url", nowhere], 3, "nothing listens at http://127.0.0.1:1; is");
}

#[test]
fn a_directory_that_was_restored_in_part_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    ends(&["migrate", "--data", data], 0, "");
    let missing = system::database_path(dir.path(), ServiceName::Rider);
    fs::remove_file(&missing).unwrap();
    let dev = ["dev", "--data", data, "--listen", "127.0.0.1:0"];
    for refused in [&dev[..], &["demo", "--data", data], &["migrate", "--data", data]] {
        ends(refused, 2, "rider.db is missing");
    }
    assert!(!missing.exists());
}

#[test]
fn a_variable_that_is_no_option_is_warned_of() {
    let mut command = expeditor(&["graph"]);
    let output = command.env("EXPEDITOR_DEFINTION", "return").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success());
    assert!(stderr.contains("EXPEDITOR_DEFINITION") && stderr.lines().count() == 1, "{stderr}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    ends(&["migrate", "all", "--data", data], 0, "");
    let path = system::database_path(dir.path(), ServiceName::Cook);
    let mut database = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    sqlx::query("UPDATE _sqlx_migrations SET version = 9999").execute(&mut database).await.unwrap();
    database.close().await.unwrap();
    let before = fs::read(&path).unwrap();

    ends(&["dev", "--data", data, "--listen", "127.0.0.1:0"], 2, "newer version");
    ends(&["migrate", "cook", "--data", data], 2, "newer version");
    ends(&["audit", "--data", data], 2, "newer version");
    assert_eq!(fs::read(&path).unwrap(), before, "nothing was changed");
}

#[tokio::test]
async fn dead_letters_are_counted_and_are_no_violation() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    ends(&["migrate", "--data", data], 0, "");
    let said = |arguments: &[&str]| {
        String::from_utf8(ends(arguments, 0, "").stdout).unwrap().replace(' ', "")
    };
    assert!(!said(&["audit", "--data", data]).contains("deadletters"));
    let path = system::database_path(dir.path(), ServiceName::Cook);
    let mut database = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let letter = "INSERT INTO dead_letter (consumer, bytes, headers, error, attempts, at)
                  VALUES ('commands', x'7b', '{}', 'no envelope', 1, 0)";
    for _ in 0..2 {
        sqlx::query(letter).execute(&mut database).await.unwrap();
    }
    database.close().await.unwrap();
    assert!(said(&["audit", "--data", data]).contains("deadletters:cook2("));
    let json = said(&["audit", "--data", data, "--output", "json"]);
    assert!(json.contains(r#""cook":2"#) && json.contains(r#""store":0"#), "{json}");
}

#[test]
fn a_second_process_on_the_directory_is_refused_and_the_first_ends_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let dev = Dev::start(dir.path(), &[]);
    ends(&["dev", "--data", data, "--listen", "127.0.0.1:0"], 2, data);
    ends(&["migrate", "--data", data], 2, data);
    let listed = ends(&["saga", "list", "--url", &dev.url], 0, "");
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "no sagas\n");
    ends(&["saga", "list", "--status", "odd", "--url", &dev.url], 2, "status");
    let unknown = "00000000-0000-7000-8000-000000000000";
    ends(&["saga", "show", unknown, "--url", &dev.url], 1, "saga");
    ends(&["audit", "--data", data], 0, "");
    assert_eq!(dev.terminate(), Some(0));
}

/// Killed in the middle of work and started again on the same directory: every order goes on and
/// ends, and the audit holds at every moment.
#[tokio::test]
async fn what_was_killed_goes_on_where_it_was_until_every_order_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let shown = data.to_str().unwrap();
    let config = dir.path().join("short.toml");
    let deadlines = "[services.orchestrator.deadlines]\npay = 2\naccept = 4\ncook_start = 4\n";
    fs::write(&config, format!("{deadlines}[services.payment]\nslow_after = 3\n")).unwrap();
    let config = ["--config", config.to_str().unwrap()];
    let busy = [config[0], config[1], "--simulate", "50"];
    // One order, and people for those that are there already.
    let quiet = [config[0], config[1], "--simulate", "0.001"];

    let mut dev = Dev::start(&data, &busy);
    for round in 1..=3 {
        wait_until(&dev, "completed", |ended| ended >= 25 * round).await;
        drop(dev); // SIGKILL
        ends(&["audit", "--data", shown], 0, "");
        dev = Dev::start(&data, if round < 3 { &busy } else { &quiet });
        ends(&["audit", "--data", shown], 0, "");
    }
    shown_by_any_of_its_names(&dev).await;
    for status in ["running", "compensating"] {
        wait_until(&dev, status, |open| open == 0).await;
    }
    wait_until(&dev, "stuck", |stuck| stuck == 0).await;
    assert_eq!(dev.terminate(), Some(0));
    ends(&["audit", "--data", shown], 0, "");
}

/// Show and history take a saga's id, its order's, and a beginning that only one has.
async fn shown_by_any_of_its_names(dev: &Dev) {
    let client = Client::new(dev.url.clone(), Ports::system(), Duration::from_secs(10));
    let newest = client.must_get("/operator/sagas?limit=1").await.unwrap();
    let saga = &newest.body["items"][0];
    let text = |name: &str| saga[name].as_str().unwrap();
    let beginning = &text("order_id")[..35];
    for name in [text("id"), text("order_id"), beginning] {
        let shown = ends(&["saga", "show", name, "--url", &dev.url], 0, "");
        assert!(String::from_utf8_lossy(&shown.stdout).contains(text("order_id")), "{name}");
        let told = ends(&["saga", "history", name, "--url", &dev.url], 0, "");
        assert!(String::from_utf8_lossy(&told.stdout).contains("saga started"), "{name}");
    }
    ends(&["saga", "show", "0", "--url", &dev.url], 2, "begins with 0");
}

/// Waits until so many sagas have that status.
async fn wait_until(dev: &Dev, status: &str, fits: impl Fn(usize) -> bool) {
    let ports = Ports::system();
    let client = Client::new(dev.url.clone(), ports.clone(), Duration::from_secs(10));
    let path = format!("/operator/sagas?status={status}");
    let start = ports.clock.elapsed();
    loop {
        let found = client.list(&path).await.unwrap().len();
        if fits(found) {
            return;
        }
        let waited = ports.clock.elapsed().saturating_sub(start);
        assert!(waited < Duration::from_secs(60), "{found} sagas are {status} after {waited:?}");
        ports.clock.sleep(Duration::from_millis(100)).await;
    }
}

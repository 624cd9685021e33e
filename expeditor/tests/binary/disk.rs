//! A disk that fills up, and a directory that belongs to somebody else.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    time::Duration,
};

use expeditor::people::client::Client;
use runtime::ports::Ports;
use serde_json::{Value, json};

use crate::process::{Dev, ended, expeditor, one_line};
#[cfg(target_os = "linux")]
use crate::tmpfs::Tmpfs;

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// More orders than what is left in a full file system's files can take.
const MOST: usize = 20_000;

fn order(number: usize) -> Value {
    json!({
        "customer_id": format!("c{}", number % 7),
        "store_id": "s1",
        "items": [{ "menu_id": "m1", "quantity": 1 }],
        "address": { "district": "mapo", "line": "1 Market Street" },
        "payment": { "token": "tok-ok" },
    })
}

/// Waits until a document has that text in a field.
async fn until(client: &Client, path: &str, pointer: &str, fits: impl Fn(&Value) -> bool) {
    let clock = &client.ports().clock;
    let start = clock.elapsed();
    loop {
        let answer = client.get(path).await.unwrap();
        if fits(answer.body.pointer(pointer).unwrap_or(&Value::Null)) {
            return;
        }
        let waited = clock.elapsed().saturating_sub(start);
        assert!(waited < PATIENCE, "{path} after {waited:?}: {}", answer.body);
        clock.sleep(Duration::from_millis(50)).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_answered_503_and_what_was_acknowledged_goes_on_when_there_is_room() {
    let Some(disk) = Tmpfs::mount(48) else { return };
    // A payment that has to wait for room is no payment that is late.
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("patient.toml");
    fs::write(&config, "[services.orchestrator.deadlines]\npay = 600\n").unwrap();
    let dev = Dev::start(&disk.data(), &["--config", config.to_str().unwrap()]);
    let client = Client::new(dev.url.clone(), Ports::system(), PATIENCE);
    let price = json!({ "amount": 9_500, "currency": "KRW" });
    let dish = json!({ "name": "Bibimbap", "price": price, "stock": 1_000_000 });
    client.must_put("/store/stores/s1/menu/m1", &dish).await.unwrap();
    until(&client, "/catalog/stores/s1", "/items/0/menu_id", |id| id == "m1").await;

    let mut acknowledged = Vec::new();
    for number in 0..10 {
        let placed =
            client.post("/orders", &order(number), &format!("key-{number}")).await.unwrap();
        acknowledged.push(placed.text("order_id").to_owned());
    }
    // What these have led to is still on its way.
    disk.fill();
    // One that does not try again.
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let refused = loop {
        let number = acknowledged.len();
        assert!(number < MOST, "the disk does not fill");
        let request = http.post(format!("{}/orders", dev.url)).json(&order(number));
        let key = format!("key-{number}");
        let answer = request.header("idempotency-key", key).send().await.unwrap();
        if answer.status() == 503 {
            break answer;
        }
        assert_eq!(answer.status(), 201);
        let body: Value = answer.json().await.unwrap();
        acknowledged.push(body["order_id"].as_str().unwrap().to_owned());
    };
    let header = |name: &str| refused.headers().get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/problem+json");
    let seconds: u32 = header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["status"], 503, "{problem}");
    // What is there can still be looked at.
    for order in &acknowledged {
        assert!(client.must_get(&format!("/orders/{order}")).await.is_ok());
    }

    println!("{} orders were acknowledged before the disk was full", acknowledged.len());

    disk.make_room();
    let number = acknowledged.len();
    let again = client.post("/orders", &order(number), &format!("key-{number}")).await.unwrap();
    assert_eq!(again.status, 201, "{}", again.brief());
    acknowledged.push(again.text("order_id").to_owned());
    for order in &acknowledged {
        until(&client, &format!("/orders/{order}"), "/status", |status| status == "paid").await;
    }
    assert_eq!(dev.terminate(), Some(0));
    let data = disk.data();
    let audited = expeditor(&["audit", "--data", data.to_str().unwrap()]).output().unwrap();
    ended(&audited, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_demo_on_a_full_disk_ends_with_3() {
    let Some(disk) = Tmpfs::mount(8) else { return };
    disk.fill();
    let data = disk.data();
    let data = data.to_str().unwrap();
    one_line(&expeditor(&["demo", "--data", data]).output().unwrap(), 3);
}

#[cfg(target_os = "linux")]
#[test]
fn a_demo_that_fills_the_disk_ends_with_3_and_says_so_in_the_last_line() {
    let Some(disk) = Tmpfs::mount(12) else { return };
    let data = disk.data();
    let mut demo = expeditor(&["demo", "--orders", "5000", "--rate", "500", "--data"]);
    let (_, stderr) = ended(&demo.arg(&data).output().unwrap(), 3);
    let lines: Vec<&str> = stderr.lines().collect();
    let (last, before) = lines.split_last().unwrap();
    assert!(last.starts_with("expeditor: "), "{stderr}");
    assert!(!before.is_empty(), "it had begun: {stderr}");
    assert!(before.iter().all(|line| !line.contains("panicked")), "{stderr}");
}

#[test]
fn a_directory_of_somebody_else_ends_it_with_3() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    let may = |path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    may(dir.path(), 0o755);
    may(&home, 0o555);
    // Where the build lies others may not come; root may write anywhere, so somebody else runs it.
    let program = dir.path().join("expeditor");
    fs::copy(env!("CARGO_BIN_EXE_expeditor"), &program).unwrap();
    may(&program, 0o755);
    let below = home.join("data");
    for (command, data) in [("dev", &home), ("dev", &below), ("demo", &home), ("demo", &below)] {
        let mut run = std::process::Command::new(&program);
        run.args([command, "--data"]).arg(data).env_clear().current_dir("/");
        if rustix::process::geteuid().is_root() {
            run.uid(65_534).gid(65_534);
        }
        let stderr = one_line(&run.output().unwrap(), 3);
        assert!(stderr.contains(data.to_str().unwrap()), "{stderr}");
    }
}

//! The demo: both tables and exit status 0; and what the audit says of its data, sound and damaged.

use std::time::Duration;

use contracts::ServiceName;
use expeditor::{people::plan::Ending, system};
use runtime::ports::Ports;
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use crate::process::{Dev, ended, expeditor, one_line};

#[tokio::test]
async fn the_demo_prints_both_tables_and_the_audit_finds_what_is_damaged_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let shown = data.to_str().unwrap();
    let demo = ["demo", "--orders", "14", "--seed", "3", "--data", shown];
    let (stdout, _) = ended(&expeditor(&demo).output().unwrap(), 0);
    for ending in Ending::ALL {
        assert!(stdout.contains(ending.as_str()), "{ending} is missing in {stdout}");
    }
    for part in ["planned", "in all", "first offender", "I1 ", "I10"] {
        assert!(stdout.contains(part), "{part:?} is missing in {stdout}");
    }
    let audit = ["audit", "--data", shown];
    ended(&expeditor(&audit).output().unwrap(), 0);

    let follow =
        ["audit", "--data", shown, "--follow", "--pause", "0.1", "--listen", "127.0.0.1:0"];
    let follower = Dev::listening(expeditor(&follow));
    is_scraped(&follower, "expeditor_audit_violations{invariant=\"I2\"} 0.0").await;
    let ready = reqwest::get(format!("{}/readyz", follower.url)).await.unwrap();
    assert_eq!(ready.status(), 200);

    let path = system::database_path(&data, ServiceName::Payment);
    let mut database = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let pick = "SELECT id FROM aggregate WHERE state = 'captured' ORDER BY id LIMIT 1";
    let order: String = sqlx::query_scalar(pick).fetch_one(&mut database).await.unwrap();
    let damage = "UPDATE aggregate SET body = json_set(body, '$.capture.amount.amount', 1)
         WHERE id = ?1";
    sqlx::query(damage).bind(&order).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
    let output = expeditor(&audit).output().unwrap();
    let stderr = one_line(&output, 1);
    assert!(stderr.contains("I2") && stderr.contains(&order), "{stderr}");
    let (stdout, _) = ended(&output, 1);
    assert!(stdout.contains("I2") && stdout.contains(&order), "{stdout}");
    is_scraped(&follower, "expeditor_audit_violations{invariant=\"I2\"} 1.0").await;
    assert_eq!(follower.terminate(), Some(1));
}

/// Waits until a line stands among the metrics.
async fn is_scraped(process: &Dev, line: &str) {
    const BOUND: Duration = Duration::from_secs(60);
    let clock = Ports::system().clock;
    loop {
        let answer = reqwest::get(format!("{}/metrics", process.url)).await.unwrap();
        let text = answer.text().await.unwrap();
        if text.lines().any(|it| it == line) {
            return;
        }
        assert!(clock.elapsed() < BOUND, "{line} does not stand in {text}");
        clock.sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn options_of_a_standing_auditor_are_not_passed_over() {
    let stderr = one_line(&expeditor(&["audit", "--pause", "5"]).output().unwrap(), 2);
    assert!(stderr.contains("--follow"), "{stderr}");
    let both = ["audit", "--follow", "--output", "json"];
    let stderr = one_line(&expeditor(&both).output().unwrap(), 2);
    assert!(stderr.contains("--output"), "{stderr}");
    let open = ["audit", "--follow", "--listen", "0.0.0.0:0"];
    let stderr = one_line(&expeditor(&open).output().unwrap(), 2);
    assert!(stderr.contains("loopback"), "{stderr}");
}

#[test]
fn with_chaos_the_process_dies_again_and_again_and_all_orders_end_as_planned() {
    let demo = ["demo", "--orders", "60", "--rate", "6", "--seed", "3", "--chaos"];
    let (stdout, stderr) = ended(&expeditor(&demo).output().unwrap(), 0);
    let told = stderr.matches("killed expeditor: it worked again after ").count();
    let row = stdout.lines().find(|line| line.starts_with("│ expeditor ")).unwrap();
    let counted = row.split('┆').nth(1).unwrap().trim();
    assert_eq!(counted, told.to_string(), "{stdout}\n{stderr}");
    assert!(told > 2, "{stderr}");
}

#[test]
fn a_demo_needs_an_order_and_takes_a_rate_however_low() {
    let stderr = one_line(&expeditor(&["demo", "--orders", "0"]).output().unwrap(), 2);
    assert!(stderr.contains("--orders"), "{stderr}");
    let slow = ["demo", "--orders", "1", "--rate", "1e-20", "--seed", "1"];
    ended(&expeditor(&slow).output().unwrap(), 0);
}

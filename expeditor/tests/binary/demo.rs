//! The demo: both tables and exit status 0; and what the audit says of its data, sound and damaged.

use contracts::ServiceName;
use expeditor::{people::plan::Ending, system};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use crate::process::{ended, expeditor, one_line};

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
}

#[test]
fn a_demo_needs_an_order_and_takes_a_rate_however_low() {
    let stderr = one_line(&expeditor(&["demo", "--orders", "0"]).output().unwrap(), 2);
    assert!(stderr.contains("--orders"), "{stderr}");
    let slow = ["demo", "--orders", "1", "--rate", "1e-20", "--seed", "1"];
    ended(&expeditor(&slow).output().unwrap(), 0);
}

//! `bench` from the command line: what it prints and how it ends. How fast it is nobody asserts.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use serde_json::Value;

fn bench(arguments: &[&str]) -> Output {
    let expeditor = env!("CARGO_BIN_EXE_expeditor");
    Command::new(expeditor).arg("bench").args(arguments).output().unwrap()
}

/// The object that is told.
fn told(output: Output) -> Value {
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn figure(told: &Value, name: &str) -> f64 {
    told["figures"][name]["median"].as_f64().unwrap_or(0.0)
}

fn assert_told(told: &Value, figures: &[&str]) {
    for name in figures {
        assert!(figure(told, name) > 0.0, "{name} in {told}");
    }
}

#[test]
fn orders_are_taken_to_their_end_by_participants_and_by_people() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().to_str().unwrap();
    for (actors, messages) in [("auto", 14.0), ("http", 18.0)] {
        let told = told(bench(&[
            "orders",
            "--actors",
            actors,
            "--orders",
            "20",
            "--concurrency",
            "6",
            "--runs",
            "1",
            "--data",
            data,
            "--output",
            "json",
        ]));
        assert_eq!((&told["bench"], &told["runs"]), (&"orders".into(), &1.into()));
        let names = ["orders_per_second", "delivered_p99_ms", "database_bytes", "transactions"];
        assert_told(&told, &names);
        assert!((figure(&told, "messages") - messages).abs() < 1.0, "{actors}: {told}");
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "something was left behind");
    }
}

#[test]
fn streams_are_opened_on_a_process_of_its_own_that_is_gone_afterwards() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().to_str().unwrap();
    let told = told(bench(&[
        "streams", "--open", "20", "--runs", "1", "--data", data, "--output", "json",
    ]));
    assert_eq!((&told["bench"], &told["options"]["open"]), (&"streams".into(), &20.into()));
    assert!((figure(&told, "open") - 20.0).abs() < 0.1, "{told}");
    assert_told(&told, &["memory_before_mib", "memory_open_mib", "told_p50_ms", "told_p99_ms"]);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "something was left behind");
}

#[test]
fn what_cannot_be_measured_is_one_line_with_its_exit_status() {
    for (arguments, status, says) in [
        (&["orders", "--profile", "services"][..], 2, "--database-url"),
        (&["relay", "--messages", "0"], 2, "--messages"),
        (&["streams", "--open", "0"], 2, "--open"),
        (&["ceilings", "--runs", "1", "--data", "/proc/none"], 3, "/proc/none"),
    ] {
        let output = bench(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{errors}");
        let last = errors.lines().last().unwrap();
        assert!(last.starts_with("expeditor: ") && last.contains(says), "{errors}");
        assert!(output.stdout.is_empty());
    }
}

//! `bench` on servers: that it tells its figures, and leaves nothing behind. How fast it is nobody
//! asserts.

use std::process::{Command, Output};

use contracts::ServiceName;
use runtime::broker::rabbitmq::{Options, depths};
use serde_json::Value;

use crate::place::Place;

fn command(place: &Place, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_expeditor"));
    command.arg("bench").args(arguments).env_clear();
    command.args(["--profile", "services", "--runs", "1", "--output", "json"]);
    command.args(["--database-url", &place.database_url, "--amqp-url", &place.amqp_url]);
    command
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}

/// What is told by a run that ends well and leaves nothing behind.
async fn told(place: &Place, arguments: &[&str]) -> Value {
    let output = run(command(place, arguments)).await;
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let none: [String; 0] = [];
    for prefix in prefixes(&errors) {
        assert_eq!(place.databases(prefix).await, none);
    }
    assert_eq!(queues(place).await, none);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["profile"], "services");
    told
}

fn figure(told: &Value, name: &str) -> f64 {
    told["figures"][name]["median"].as_f64().unwrap_or(0.0)
}

fn assert_told(told: &Value, figures: &[&str]) {
    for name in figures {
        assert!(figure(told, name) > 0.0, "{name} in {told}");
    }
}

/// What the names of databases begin with, as it is told before they are made.
fn prefixes(errors: &str) -> Vec<&str> {
    let names = errors.lines().filter_map(|line| line.strip_prefix("databases "));
    let prefixes: Vec<_> = names.map(|name| name.strip_suffix("SERVICE").unwrap()).collect();
    assert!(!prefixes.is_empty(), "{errors}");
    prefixes
}

/// Queues of the test's own virtual host, by name.
async fn queues(place: &Place) -> Vec<String> {
    let options = Options::new(&place.amqp_url, &ServiceName::ALL, "test");
    let found = depths(&options, &place.ports).await.unwrap();
    found.into_iter().map(|depth| depth.queue).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_row_of_an_outbox_is_relayed_and_timed() {
    let place = Place::new().await;
    let told = told(&place, &["relay", "--messages", "700"]).await;
    assert_told(&told, &["rows_per_second", "idle_p50_ms", "idle_p99_ms", "ratio_to_broker"]);
    assert!(figure(&told, "idle_p50_ms") <= figure(&told, "idle_p99_ms"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_ceiling_is_measured() {
    let place = Place::new().await;
    let told = told(&place, &["ceilings"]).await;
    let names = [
        "fsyncs_per_second",
        "postgres_commits_per_second",
        "postgres_batched_messages_per_second",
        "postgres_batched_rows_per_second",
        "broker_window_1",
        "broker_window_64",
        "broker_window_1000",
    ];
    assert_told(&told, &names);
    let (lone, wide) = (figure(&told, "broker_window_1"), figure(&told, "broker_window_1000"));
    assert!(lone < wide, "one at a time was not slower: {told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn orders_go_through_processes_decided_by_participants_and_by_people() {
    let place = Place::new().await;
    for (actors, messages) in [("auto", 14.0), ("http", 18.0)] {
        let arguments = ["orders", "--actors", actors, "--orders", "40", "--concurrency", "6"];
        let told = told(&place, &arguments).await;
        let names = [
            "orders_per_second",
            "database_bytes",
            "orchestrator_1_cpu_ms",
            "orchestrator_2_cpu_ms",
            "payment_1_cpu_ms",
            "relay_2_cpu_ms",
            "services_cpu_ms",
            "machine_cpu_ms",
            "cook_1_peak_memory_mib",
            "relay_1_peak_memory_mib",
            "ratio_to_broker",
            "ratio_to_commits",
        ];
        assert_told(&told, &names);
        let of = |name| figure(&told, name);
        assert!((of("messages") - messages).abs() < 1.0, "{actors}: {told}");
        // At least each service but one reads what it is told, and that in some transaction.
        assert!(of("transactions") > 1.0 && of("transactions") < 60.0, "{actors}: {told}");
        assert!(of("placed_p50_ms") < of("delivered_p50_ms"), "{actors}: {told}");
        assert!(of("delivered_p50_ms") <= of("delivered_p99_ms"), "{actors}: {told}");
    }
}

//! Processes that are started with the files.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use expeditor::people::client::Client;
use runtime::ports::Ports;
use serde_json::json;

use crate::world::World;

/// How long a message may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that listens; killed when it is dropped.
struct Started {
    child: Child,
    url: String,
}

impl Started {
    fn with(world: &World, file: &str, arguments: &[&str]) -> Self {
        let mut command = expeditor(arguments);
        command.arg("--config").arg(world.out().join(file)).args(["--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut greeting = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
        let url = greeting.split_whitespace().find(|word| word.starts_with("http://"));
        Self { url: url.expect("it says where it listens").to_owned(), child }
    }

    fn client(&self, token: &str) -> Client {
        let client = Client::new(&self.url, Ports::system(), PATIENCE);
        client.with_token(Some(token.to_owned()))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Already gone where it has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn expeditor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_expeditor"));
    command.args(arguments).env_clear();
    command
}

fn token(world: &World, role: &str) -> String {
    let mut command = expeditor(&["token", "--role", role, "--keys"]);
    let output = command.arg(world.out().join("keys.json")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A menu goes from the store through its outbox, the relay and the broker to the orchestrator.
#[tokio::test(flavor = "multi_thread")]
async fn services_and_relay_work_with_the_files_alone() {
    let world = World::new().await;
    world.provision(&[]);
    let store = Started::with(&world, "store.toml", &["serve", "store"]);
    let orchestrator = Started::with(&world, "orchestrator.toml", &["serve", "orchestrator"]);
    let relay = Started::with(&world, "relay.toml", &["relay"]);

    let item = json!({"name": "Soup", "price": {"amount": 1, "currency": "KRW"}, "stock": 1});
    let menu = "/store/stores/s1/menu/m1";
    let put = store.client(&token(&world, "store")).put(menu, &item).await.unwrap();
    assert_eq!(put.status, 200, "{put:?}");
    let customer = orchestrator.client(&token(&world, "customer"));
    let clock = Ports::system().clock;
    let end = clock.elapsed() + PATIENCE;
    loop {
        let catalog = customer.get("/catalog/stores/s1").await.unwrap();
        if catalog.ok() && catalog.body.to_string().contains("Soup") {
            break;
        }
        assert!(clock.elapsed() < end, "{catalog:?}");
        clock.sleep(Duration::from_millis(20)).await;
    }
    for process in [&store, &orchestrator, &relay] {
        loop {
            let output = expeditor(&["ready", "--url", &process.url]).output().unwrap();
            if output.status.success() {
                break;
            }
            let why = String::from_utf8_lossy(&output.stderr);
            assert!(clock.elapsed() < end, "{why}");
            clock.sleep(Duration::from_millis(20)).await;
        }
    }
    let client = Client::new(&relay.url, Ports::system(), PATIENCE);
    assert_eq!(client.get("/metrics").await.unwrap().status, 401);
    let rider = relay.client(&token(&world, "rider"));
    assert_eq!(rider.get("/metrics").await.unwrap().status, 403);
}

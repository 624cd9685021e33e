//! `serve` behind its keys.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use contracts::ServiceName;
use expeditor::people::client::Client;
use runtime::ports::Ports;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::{done, ends, expeditor, place::Place};

/// How long a service is given to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A `serve` that runs; killed when it is dropped.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(service: ServiceName, place: &Place, keys: &Path) -> Self {
        let mut child = expeditor(&["serve", service.as_str(), "--listen", "127.0.0.1:0"])
            .args(["--database-url", &place.database_url, "--amqp-url", &place.amqp_url])
            .arg("--keys")
            .arg(keys)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut greeting = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
        let url = greeting.split_whitespace().find(|word| word.starts_with("http://"));
        Self { child, url: url.expect("it says where it listens").to_owned() }
    }

    /// Asks as the bearer of that token.
    fn with(&self, token: Option<&str>) -> Client {
        let client = Client::new(&self.url, Ports::system(), PATIENCE);
        client.with_token(token.map(str::to_owned))
    }

    fn terminate(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Already gone where it was terminated.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn token(keys: &Path, role: &str) -> String {
    let printed = done(&["token", "--keys", keys.to_str().unwrap(), "--role", role]);
    printed.trim().to_owned()
}

#[test]
fn nothing_is_served_without_keys() {
    let servers = ["--database-url", "postgres://h/x", "--amqp-url", "amqp://h"];
    let serve = [&["serve", "store", "--listen", "127.0.0.1:0"][..], &servers].concat();
    ends(&expeditor(&serve).output().unwrap(), 2, "serve: --keys is wanted");
    let missing = [&serve[..], &["--keys", "/no/such/keys.json"]].concat();
    ends(&expeditor(&missing).output().unwrap(), 2, "/no/such/keys.json: No such file");
    // With keys any address will do; this one is for documentation, and no machine's.
    let directory = tempfile::tempdir().unwrap();
    let keys = directory.path().join("keys.json");
    done(&["keys", keys.to_str().unwrap()]);
    let elsewhere = ["serve", "store", "--listen", "192.0.2.1:80", "--keys"];
    let elsewhere = [&elsewhere[..], &[keys.to_str().unwrap()], &servers].concat();
    ends(&expeditor(&elsewhere).output().unwrap(), 2, "cannot listen on 192.0.2.1:80");
}

#[test]
fn a_relay_listens_elsewhere_with_keys_only() {
    let directory = tempfile::tempdir().unwrap();
    let keys = directory.path().join("keys.json");
    done(&["keys", keys.to_str().unwrap()]);
    let source = "store=postgres://h/x";
    let relay = ["relay", "--source", source, "--amqp-url", "amqp://h", "--listen", "192.0.2.1:80"];
    let without = "relay without --keys listens on loopback only";
    ends(&expeditor(&relay).output().unwrap(), 2, without);
    let with = |keys: &str| expeditor(&relay).env("EXPEDITOR_KEYS", keys).output().unwrap();
    ends(&with("/no/such/keys.json"), 2, "/no/such/keys.json: No such file");
    ends(&with(keys.to_str().unwrap()), 2, "cannot listen on 192.0.2.1:80");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_asks_for_tokens_and_takes_new_keys_beside_old_ones() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (old, new, both) = (path("old.json"), path("new.json"), path("both.json"));
    done(&["keys", old.to_str().unwrap()]);
    done(&["keys", new.to_str().unwrap(), "--alg", "ed25519"]);
    let place = Place::of(ServiceName::Store).await;

    let served = Served::start(ServiceName::Store, &place, &old);
    let item = json!({"name": "Soup", "price": {"amount": 1, "currency": "KRW"}, "stock": 1});
    let menu = "/store/stores/s1/menu/m1";
    for (shown, status) in [
        (None, 401),
        (Some("x.y.z".to_owned()), 401),
        (Some(token(&new, "store")), 401),
        (Some(token(&old, "customer")), 403),
        (Some(token(&old, "store")), 200),
    ] {
        let answer = served.with(shown.as_deref()).put(menu, &item).await.unwrap();
        assert_eq!(answer.status, status, "{answer:?}");
    }
    // It listens before the broker has let it in.
    served.with(None).must_get("/readyz").await.unwrap();
    done(&["ready", "--url", &served.url]);
    let saga = ["saga", "list", "--url", &served.url];
    ends(&expeditor(&saga).output().unwrap(), 2, "--token (or EXPEDITOR_TOKEN) takes what");
    // Let in; a store has no sagas to show.
    let operator = token(&old, "operator");
    let with = [&saga[..], &["--token", &operator]].concat();
    ends(&expeditor(&with).output().unwrap(), 1, "404 not-found");
    let by_variable = expeditor(&saga).env("EXPEDITOR_TOKEN", &operator).output().unwrap();
    ends(&by_variable, 1, "404 not-found");
    let broken = expeditor(&saga).env("EXPEDITOR_TOKEN", "a b").output().unwrap();
    ends(&broken, 2, "is no token");
    assert_eq!(served.terminate(), Some(0));

    // Both at once, as while keys are changed.
    let [first, second] = [&old, &new].map(|path| {
        let text = fs::read_to_string(path).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["keys"][0].clone()
    });
    fs::write(&both, json!({"keys": [first, second]}).to_string()).unwrap();
    let served = Served::start(ServiceName::Store, &place, &both);
    for keys in [&old, &new] {
        let answer = served.with(Some(&token(keys, "store"))).put(menu, &item).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(served.terminate(), Some(0));
}

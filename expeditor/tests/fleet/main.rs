//! Child processes of this program: they keep their addresses, are told of when they end by
//! themselves, and end with whoever started them. `dev` stands for all that listen.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use expeditor::{
    fleet::{Fleet, Member, Spec},
    leash,
};
use runtime::ports::Ports;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::time::timeout;

const PROGRAM: &str = env!("CARGO_BIN_EXE_expeditor");
const BOUND: Duration = Duration::from_secs(60);

struct Rig {
    dir: tempfile::TempDir,
    ports: Ports,
}

impl Rig {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), ports: Ports::system() }
    }

    fn dev(&self, name: &str) -> Spec {
        let data = self.dir.path().join(format!("data-{name}"));
        let words = ["dev", "--data", data.to_str().unwrap()];
        Spec { name: name.to_owned(), arguments: words.map(str::to_owned).into() }
    }

    async fn start(&self, specs: impl IntoIterator<Item = Spec>) -> Fleet {
        Fleet::start(PROGRAM, self.dir.path(), specs, &self.ports).await.unwrap()
    }

    async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let wait = async {
            while !condition() {
                self.ports.clock.sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(BOUND, wait).await.unwrap_or_else(|_| panic!("in vain: {what}"));
    }
}

fn one(fleet: &Fleet, name: &str) -> Member {
    fleet.members().into_iter().find(|member| member.name == name).unwrap()
}

fn runs(id: u32) -> bool {
    test_kill_process(Pid::from_raw(id.cast_signed()).unwrap()).is_ok()
}

#[tokio::test]
async fn one_that_is_started_again_listens_where_it_did() {
    let rig = Rig::new();
    let fleet = rig.start([rig.dev("a"), rig.dev("b")]).await;
    let (first, other) = (one(&fleet, "a"), one(&fleet, "b"));
    assert_ne!(first.address, other.address);
    let answers = async || {
        let url = format!("http://{}/readyz", first.address.unwrap());
        reqwest::get(url).await.is_ok_and(|answer| answer.status().is_success())
    };

    fleet.restart("a").await.unwrap();
    let again = one(&fleet, "a");
    assert_eq!(again.address, first.address);
    assert_ne!(again.id, first.id);
    assert!(answers().await);

    fleet.kill("a").unwrap();
    assert!(one(&fleet, "a").id.is_none() && !answers().await);
    fleet.launch("a").await.unwrap();
    assert_eq!(one(&fleet, "a").address, first.address);
    assert!(answers().await);

    fleet.terminate("a").await.unwrap();
    let nothing_fell = timeout(Duration::from_millis(200), fleet.fallen()).await;
    assert!(nothing_fell.is_err(), "whose end was wanted has not fallen");
    assert_eq!(one(&fleet, "b").id, other.id, "the others are left alone");
    fleet.stop_all().await.unwrap();
    assert!(!runs(other.id.unwrap()));
    assert!(fleet.kill("c").unwrap_err().to_string().contains("no c in the fleet"));
}

#[tokio::test]
async fn one_that_ends_by_itself_is_told_with_its_last_words() {
    let rig = Rig::new();
    let fleet = rig.start([rig.dev("a"), rig.dev("b")]).await;
    let id = one(&fleet, "b").id.unwrap();
    kill_process(Pid::from_raw(id.cast_signed()).unwrap(), Signal::KILL).unwrap();
    let failure = timeout(BOUND, fleet.fallen()).await.unwrap();
    let text = failure.to_string();
    assert_eq!(failure.status(), 3);
    for part in ["b has ended by itself", "signal: 9", "expeditor audit --data"] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
    fleet.launch("b").await.expect("it can be started again");

    let mut lost = rig.dev("lost");
    lost.arguments[0] = "bev".to_owned();
    let refused = Fleet::start(PROGRAM, rig.dir.path(), [lost], &rig.ports).await;
    let Err(failure) = refused else { panic!("there is no such command") };
    let text = failure.to_string();
    assert!(text.contains("lost has ended") && text.contains("did you mean 'dev'"), "{text}");
}

#[tokio::test]
async fn no_child_outlives_its_fleet_or_whoever_holds_its_leash() {
    let rig = Rig::new();
    let fleet = rig.start([rig.dev("a")]).await;
    let id = one(&fleet, "a").id.unwrap();
    drop(fleet);
    rig.until("it has ended", || !runs(id)).await;

    let data = rig.dir.path().join("held");
    let mut held = Command::new(PROGRAM)
        .args(["dev", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()])
        .env(leash::VARIABLE, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    rig.until("it works", || data.join("rider.db").exists()).await;
    assert!(held.try_wait().unwrap().is_none());
    // What the system does when the holder is killed.
    drop(held.stdin.take());
    let mut status = None;
    let wait = async {
        while status.is_none() {
            status = held.try_wait().unwrap();
            rig.ports.clock.sleep(Duration::from_millis(20)).await;
        }
    };
    let ended = timeout(BOUND, wait).await;
    if ended.is_err() {
        held.kill().unwrap();
        held.wait().unwrap();
    }
    assert!(status.expect("it ends within the bound").success(), "it ends in order");
}

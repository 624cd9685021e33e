//! The demo over processes: what it prints, what it leaves, and that no process outlives it.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio},
};

use contracts::ServiceName;
use expeditor::people::plan::Ending;
use runtime::broker::rabbitmq::{Options, RabbitMq, depths};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::place::Place;

fn demo(place: &Place, orders: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_expeditor"));
    command.args(["demo", "--orders", orders, "--seed", "5"]).env_clear();
    command.args(["--database-url", &place.database_url, "--amqp-url", &place.amqp_url]);
    command
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// What the names of the databases begin with: it is told before anything is made.
fn prefix(line: &str) -> String {
    let names = line.split([' ', ',']).find(|word| word.starts_with("demo_"));
    let names = names.unwrap_or_else(|| panic!("no databases are named in {line:?}"));
    names.strip_suffix("SERVICE").unwrap().to_owned()
}

/// How many queues there are.
async fn queues(place: &Place) -> usize {
    queues_at(place, &place.amqp_url).await.expect("the test's own virtual host")
}

/// How many queues there are in a virtual host, if it is there.
async fn queues_at(place: &Place, amqp_url: &str) -> Option<usize> {
    let options = Options::new(amqp_url, &ServiceName::ALL, "test");
    depths(&options, &place.ports).await.ok().map(|depths| depths.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn each_service_is_a_process_all_orders_end_and_nothing_is_left() {
    let place = Place::new().await;
    let mut command = demo(&place, "28");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{stdout}\n{stderr}");
    for process in [
        "orchestrator-1",
        "orchestrator-2",
        "payment-1",
        "store-1",
        "cook-1",
        "rider-1",
        "mypage-1",
        "notification-1",
        "relay-2",
    ] {
        assert!(stdout.contains(process), "{process} is missing in {stdout}");
    }
    for ending in Ending::ALL {
        assert!(stdout.contains(ending.as_str()), "{ending} is missing in {stdout}");
    }
    assert!(stdout.contains("first offender"), "{stdout}");
    let none: [String; 0] = [];
    assert_eq!(place.databases(&prefix(&stderr)).await, none);
    assert_eq!(queues(&place).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn with_chaos_services_and_relays_die_and_all_orders_end_as_planned() {
    let place = Place::new().await;
    let mut command = demo(&place, "60");
    command.args(["--rate", "6", "--chaos"]);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{stdout}\n{stderr}");
    let killed: BTreeSet<&str> = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("killed ")?.split_once(": it worked again after "))
        .map(|(name, _)| name)
        .collect();
    assert!(killed.len() > 2, "{killed:?}: {stderr}");
    for name in killed {
        assert!(stdout.contains(name), "{name} is missing in {stdout}");
    }
    assert!(stdout.contains("next order ended after"), "{stdout}");
}

/// A demo that has started all its processes and plays for long.
struct Playing {
    child: Child,
    prefix: String,
    logs: PathBuf,
    processes: Vec<Pid>,
    stderr: BufReader<ChildStderr>,
    /// Kept open: who prints is not to be disturbed.
    _stdout: BufReader<ChildStdout>,
}

impl Playing {
    fn start(place: &Place, further: &[&str]) -> Self {
        let mut command = demo(place, "100000");
        command.args(further);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let prefix = prefix(&line);
        place.owns(&prefix);
        let logs = PathBuf::from(line.trim_end().rsplit_once("logs in ").unwrap().1);
        let mut processes = Vec::new();
        let mut table = String::new();
        while !line.starts_with('└') {
            line.clear();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "no table is printed: {table}");
            let id = line.split('┆').nth(1).and_then(|cell| cell.trim().parse().ok());
            processes.extend(id.and_then(Pid::from_raw));
            table.push_str(&line);
        }
        assert_eq!(processes.len(), ServiceName::ALL.len() + 3, "{table}");
        Self { child, prefix, logs, processes, stderr, _stdout: stdout }
    }

    async fn ends_with_all_its_processes(&mut self, place: &Place) -> Option<i32> {
        let mut status = None;
        let gone = |pid: &Pid| test_kill_process(*pid).is_err();
        while status.is_none() {
            place.ports.clock.sleep(std::time::Duration::from_millis(50)).await;
            status = self.child.try_wait().unwrap();
        }
        let processes = &self.processes;
        place.until("all processes have ended", || processes.iter().all(gone)).await;
        status.unwrap().code()
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        // Already gone where all went well; its children end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.logs);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_interrupts_it_finds_no_process_no_database_and_no_queue() {
    let place = Place::new().await;
    let mut playing = Playing::start(&place, &[]);
    assert_eq!(place.databases(&playing.prefix).await.len(), ServiceName::ALL.len());

    let beside = demo(&place, "1").output().unwrap();
    let (_, stderr) = texts(&beside);
    assert_eq!(beside.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("another virtual host"), "{stderr}");

    kill_process(Pid::from_child(&playing.child), Signal::INT).unwrap();
    assert_eq!(playing.ends_with_all_its_processes(&place).await, Some(1));
    let none: [String; 0] = [];
    assert_eq!(place.databases(&playing.prefix).await, none);
    assert!(queues(&place).await == 0 && !playing.logs.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn no_process_outlives_a_demo_that_is_killed() {
    let place = Place::new().await;
    let mut playing = Playing::start(&place, &[]);
    playing.child.kill().unwrap();
    playing.ends_with_all_its_processes(&place).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_process_that_dies_is_told_and_what_may_say_why_is_kept() {
    let place = Place::new().await;
    let mut playing = Playing::start(&place, &[]);
    let victim = *playing.processes.last().unwrap();
    kill_process(victim, Signal::KILL).unwrap();
    assert_eq!(playing.ends_with_all_its_processes(&place).await, Some(3));
    let mut said = String::new();
    playing.stderr.read_to_string(&mut said).unwrap();
    let line = said.lines().last().unwrap();
    for part in ["relay-2 has ended by itself", &playing.prefix, "kept in"] {
        assert!(line.contains(part), "{part:?} is missing in {line}");
    }
    assert!(line.contains(playing.logs.to_str().unwrap()), "{line}");
    assert!(playing.logs.join("relay-2.log").exists());
    assert_eq!(queues(&place).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn with_the_brokers_api_it_works_in_a_virtual_host_that_goes_with_it() {
    let place = Place::new().await;
    let options = Options::new(&place.amqp_url, &[ServiceName::Cook], "test");
    let _at_home = RabbitMq::start(options, &place.ports).await.unwrap();
    assert_eq!(queues(&place).await, 3, "somebody else's");
    let mut playing = Playing::start(&place, &["--amqp-api-url", place.api_url()]);
    let own = playing.prefix.trim_end_matches('_').to_owned();
    assert_eq!(queues(&place).await, 3);
    assert_eq!(queues_at(&place, &place.vhost_url(&own)).await, Some(3 * ServiceName::ALL.len()));
    kill_process(Pid::from_child(&playing.child), Signal::TERM).unwrap();
    assert_eq!(playing.ends_with_all_its_processes(&place).await, Some(1));
    assert_eq!(queues(&place).await, 3, "they are left alone");
    assert_eq!(queues_at(&place, &place.vhost_url(&own)).await, None, "it is gone");
}

//! The participant in Python as a process: started, killed, asked, ended; and what it has stored.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use runtime::ports::Ports;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::task::spawn_blocking;

use crate::place::BOUND;

const LOOK_AGAIN: Duration = Duration::from_millis(50);
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/python-participant");

/// It, whether it runs or not. Killed when it is dropped.
pub(crate) struct Participant {
    python: PathBuf,
    directory: PathBuf,
    amqp_url: String,
    ports: Ports,
    child: Option<Child>,
    starts: usize,
}

impl Participant {
    /// Not started yet; it is given the AsyncAPI document and nothing else to know us by.
    pub(crate) async fn new(directory: &Path, amqp_url: String, ports: &Ports) -> Self {
        let python = spawn_blocking(servers::python).await.unwrap();
        let python = python.unwrap_or_else(|error| panic!("{error}"));
        let printed = Command::new(env!("CARGO_BIN_EXE_expeditor")).arg("asyncapi").output();
        fs::write(directory.join("asyncapi.json"), printed.unwrap().stdout).unwrap();
        let (directory, ports) = (directory.to_owned(), ports.clone());
        Self { python, directory, amqp_url, ports, child: None, starts: 0 }
    }

    /// Starts it. It may have to wait for what it needs.
    pub(crate) fn start(&mut self) {
        self.starts += 1;
        let log = fs::File::create(self.log()).unwrap();
        let child = Command::new(&self.python)
            .args(["-m", "loyalty", "--listen", "127.0.0.1:0", "--asyncapi", "asyncapi.json"])
            .args(["--data", "loyalty.db"])
            .current_dir(&self.directory)
            // In the environment, as in earnest: command lines are for all to see.
            .env("LOYALTY_AMQP_URL", &self.amqp_url)
            .env("PYTHONPATH", FOLDER)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    /// Waits until messages reach it.
    pub(crate) async fn until_ready(&self) {
        self.until("it is ready", async || self.get("/readyz").await.is_some()).await;
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Ends it in order; answers its exit status.
    pub(crate) async fn terminate(&mut self) -> Option<i32> {
        let child = self.child.as_ref().expect("it runs");
        kill_process(Pid::from_child(child), Signal::TERM).unwrap();
        self.ended().await
    }

    /// Waits until it has ended; answers its exit status.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("it runs");
        spawn_blocking(move || child.wait().unwrap().code()).await.unwrap()
    }

    /// What it answers with 200.
    pub(crate) async fn get(&self, path: &str) -> Option<Value> {
        let log = fs::read_to_string(self.log()).unwrap();
        let (_, said) = log.split_once("http://")?;
        let (address, _) = said.split_once('/')?;
        let answer = reqwest::get(format!("http://{address}{path}")).await.ok()?;
        answer.error_for_status().ok()?.json().await.ok()
    }

    /// A column of texts out of its database.
    pub(crate) async fn column(&self, sql: &'static str) -> Vec<String> {
        let file = self.directory.join("loyalty.db");
        let options = SqliteConnectOptions::new().filename(file).busy_timeout(BOUND);
        let mut database = SqliteConnection::connect_with(&options).await.unwrap();
        let found = sqlx::query_scalar(sql).fetch_all(&mut database).await.unwrap();
        database.close().await.unwrap();
        found
    }

    /// A number out of its database.
    pub(crate) async fn count(&self, sql: &'static str) -> u64 {
        self.column(sql).await[0].parse().unwrap()
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let begun = self.ports.clock.elapsed();
        while !is_so().await {
            let waited = self.ports.clock.elapsed().saturating_sub(begun);
            assert!(waited < BOUND, "in vain: {what}; it said:\n{}", self.said());
            self.ports.clock.sleep(LOOK_AGAIN).await;
        }
    }

    /// The end of what it has logged since its last start.
    pub(crate) fn said(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn log(&self) -> PathBuf {
        self.directory.join(format!("loyalty-{}.log", self.starts))
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill().and_then(|()| child.wait()); // it may have ended by itself
        }
    }
}
